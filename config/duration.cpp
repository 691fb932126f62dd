#include <array>

#include <troupe/time.hpp>

#include "config/scaled_number.hpp"
#include "config/text.hpp"

namespace troupe {
namespace {

constexpr std::int64_t nanoseconds_per_ms = 1'000'000;
constexpr std::int64_t nanoseconds_per_s = 1000 * nanoseconds_per_ms;

// From the smallest unit to the largest.
constexpr std::array<scale, 5> units = {{{"ms", nanoseconds_per_ms},
                                         {"s", nanoseconds_per_s},
                                         {"m", 60 * nanoseconds_per_s},
                                         {"h", 3600 * nanoseconds_per_s},
                                         {"d", 86400 * nanoseconds_per_s}}};

/// What is left below a millisecond, as the digits behind the point: 1500 ns -> ".0015".
std::string fraction_of_ms(std::uint64_t nanoseconds) {
  std::string digits = std::to_string(nanoseconds);
  digits.insert(0, 6 - digits.size(), '0');
  digits.erase(digits.find_last_not_of('0') + 1);
  return "." + digits;
}

}  // namespace

expected<duration> parse_duration(std::string_view text) {
  if (const auto count = parse_scaled(text, units)) return duration(*count);
  return fail(errc::invalid_argument,
              in_quotes(text) + " is no duration: it takes a number and ms, s, m, h or d, such as \"30s\"");
}

std::string format_duration(duration d) {
  if (d == duration::zero()) return "0s";
  const bool negative = d < duration::zero();
  const auto count = static_cast<std::uint64_t>(d.count());
  const std::uint64_t magnitude = negative ? ~count + 1 : count;
  std::string text = negative ? "-" : "";
  if (const std::uint64_t rest = magnitude % nanoseconds_per_ms; rest != 0) {
    return text + std::to_string(magnitude / nanoseconds_per_ms) + fraction_of_ms(rest) + "ms";
  }
  const scale* unit = units.data();
  for (const scale& s : units) {
    if (magnitude % static_cast<std::uint64_t>(s.factor) == 0) unit = &s;
  }
  return text + std::to_string(magnitude / static_cast<std::uint64_t>(unit->factor)) + std::string(unit->unit);
}

}  // namespace troupe
