#include <array>

#include <troupe/config.hpp>

#include "config/scaled_number.hpp"
#include "config/text.hpp"

namespace troupe {
namespace {

// From the smallest unit to the largest.
constexpr std::array<scale, 5> units = {
    {{"", 1}, {"KiB", kib}, {"MiB", mib}, {"GiB", 1024 * mib}, {"TiB", 1024 * 1024 * mib}}};

}  // namespace

expected<std::uint64_t> parse_size(std::string_view text) {
  if (const auto bytes = parse_scaled(text, units)) return static_cast<std::uint64_t>(*bytes);
  return fail(errc::invalid_argument,
              in_quotes(text) + " is no size: it takes bytes, or a number and KiB, MiB, GiB or TiB, such as \"64MiB\"");
}

std::string format_size(std::uint64_t bytes) {
  const scale* unit = units.data();
  for (const scale& s : units) {
    if (bytes != 0 && bytes % static_cast<std::uint64_t>(s.factor) == 0) unit = &s;
  }
  return std::to_string(bytes / static_cast<std::uint64_t>(unit->factor)) + std::string(unit->unit);
}

}  // namespace troupe
