#include "runtime/services/migration_plan.hpp"

#include <algorithm>

namespace troupe {
namespace {

constexpr std::uint64_t fnv_offset = 0xcbf29ce484222325ULL;
constexpr std::uint64_t fnv_prime = 0x100000001b3ULL;

std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash) noexcept {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * fnv_prime;
  return hash;
}

std::string label_of(std::uint32_t number, const std::string& name) {
  return "migration " + std::to_string(number) + " (" + name + ")";
}

}  // namespace

bool is_namespace(std::string_view name) noexcept {
  if (name.empty() || name.size() > namespace_length_max || name[0] < 'a' || name[0] > 'z') return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

std::string checksum_of(const migration& m) {
  constexpr char digits[] = "0123456789abcdef";
  std::uint64_t hash = fnv1a(m.sql, fnv1a(std::string_view("\0", 1), fnv1a(m.name, fnv_offset)));
  std::string text(16, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, hash >>= 4) *at = digits[hash & 15];
  return text;
}

expected<std::vector<migration>> plan_migrations(const std::vector<migration>& wanted,
                                                 const std::vector<applied_migration>& applied) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].number != i + 1)
      return fail(errc::bad_config, label_of(wanted[i].number, wanted[i].name) + " stands at place " +
                                        std::to_string(i + 1) + ": migrations are numbered from 1 without a gap");
  }
  for (std::size_t i = 0; i < applied.size(); ++i) {
    const auto& done = applied[i];
    if (done.number != i + 1)
      return fail(errc::bad_config, "the database lacks migration " + std::to_string(i + 1) + " but has " +
                                        label_of(done.number, done.name));
    if (i >= wanted.size())
      return fail(errc::bad_config, "the database has " + label_of(done.number, done.name) +
                                        ", which this program does not know: it was made by a newer one");
    if (done.checksum != checksum_of(wanted[i]))
      return fail(errc::bad_config,
                  label_of(done.number, done.name) + " has changed since it was applied: add a new migration instead");
  }
  return std::vector<migration>(wanted.begin() + static_cast<std::ptrdiff_t>(applied.size()), wanted.end());
}

}  // namespace troupe
