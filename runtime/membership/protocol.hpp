// Which versions of the gossip protocol understand each other.
//
// A version is MAJOR.MINOR. The major is in field 1 of every packet (packet.hpp, protocol_version); another
// major cannot be read: its packets are dropped and counted, its joiners refused with words. Minors of one
// major only add fields and kinds that others pass over. Each member tells the lowest and the highest minor
// that it speaks, and all members speak the lowest of the highest ones. A joiner that shares no minor with
// all of them is refused with words; so an upgrade may go member by member as long as neighbours overlap.
//
//   minor 1   members, probes, joins
//   minor 2   and user events, queries, coordinates
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace troupe::membership {

inline constexpr std::uint32_t minor_min = 1;
inline constexpr std::uint32_t minor_max = 2;

/// Minors, both ends included. Empty when min > max.
struct minor_range {
  std::uint32_t min = minor_min;
  std::uint32_t max = minor_max;

  bool operator==(const minor_range&) const = default;
  [[nodiscard]] constexpr bool empty() const noexcept { return min > max; }
  [[nodiscard]] constexpr minor_range shared_with(const minor_range& other) const noexcept {
    return {std::max(min, other.min), std::min(max, other.max)};
  }
};

/// "1.2", or "1.1 to 1.2".
[[nodiscard]] inline std::string text_of(std::uint32_t major, const minor_range& r) {
  const auto one = [major](std::uint32_t minor) { return std::to_string(major) + "." + std::to_string(minor); };
  return r.min == r.max ? one(r.min) : one(r.min) + " to " + one(r.max);
}

}  // namespace troupe::membership
