// Identities of a node. A member is its name plus the 128-bit incarnation id that its process drew
// at start: a restart on the same address is a new incarnation of the same member.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace troupe {

struct incarnation_id {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const incarnation_id&) const = default;
  [[nodiscard]] bool empty() const noexcept { return high == 0 && low == 0; }
};

/// 32 lower-case hexadecimal digits.
[[nodiscard]] std::string to_string(const incarnation_id& id);

/// Reads what to_string wrote; the empty id when `text` is anything else.
[[nodiscard]] incarnation_id parse_incarnation_id(std::string_view text) noexcept;

/// Orders everything that a leader says: first by term, then by the epoch of the cluster record.
struct stamp {
  std::uint64_t term = 0;
  std::uint64_t epoch = 0;

  auto operator<=>(const stamp&) const = default;
};

}  // namespace troupe

template <>
struct std::hash<troupe::incarnation_id> {
  std::size_t operator()(const troupe::incarnation_id& id) const noexcept {
    return static_cast<std::size_t>(id.high ^ (id.low * 0x9e3779b97f4a7c15ULL));
  }
};
