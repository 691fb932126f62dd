// Which entries give way when the memory of a node is full, and what an entry remembers of its use: 32 bits, of which
// the policy says what they mean. After a change of policy they are wrong for a while, as in Redis.
//
//   least recently used      the time of the last access, in units of 17 ms, of which they hold two years
//   least frequently used    16 bits: minutes, when the counter was last lowered; 8 bits: a counter that rises ever
//   more
//                            slowly with accesses (a million take it to 255) and falls by one a minute
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <troupe/time.hpp>

#include "runtime/base/random.hpp"

namespace troupe {

enum class eviction_policy : std::uint8_t {
  none,
  lru,
  lfu,
  random,
  volatile_lru,  // of those that expire only, as the next
  volatile_lfu,
  volatile_random,
  volatile_ttl,  // what expires first
};

struct eviction_name {
  eviction_policy policy;
  std::string_view redis;
  std::string_view configured;  // as `cache.eviction` has it
};
inline constexpr std::array<eviction_name, 8> eviction_names = {{
    {eviction_policy::none, "noeviction", "none"},
    {eviction_policy::lru, "allkeys-lru", "lru"},
    {eviction_policy::lfu, "allkeys-lfu", "lfu"},
    {eviction_policy::random, "allkeys-random", "random"},
    {eviction_policy::volatile_lru, "volatile-lru", "volatile-lru"},
    {eviction_policy::volatile_lfu, "volatile-lfu", "volatile-lfu"},
    {eviction_policy::volatile_random, "volatile-random", "volatile-random"},
    {eviction_policy::volatile_ttl, "volatile-ttl", "ttl"},
}};

/// As Redis names it.
[[nodiscard]] constexpr std::string_view name_of(eviction_policy p) noexcept {
  return eviction_names[static_cast<std::size_t>(p)].redis;
}
/// By either name.
[[nodiscard]] constexpr std::optional<eviction_policy> eviction_named(std::string_view name) noexcept {
  for (const auto& n : eviction_names) {
    if (name == n.redis || name == n.configured) return n.policy;
  }
  return std::nullopt;
}

[[nodiscard]] constexpr bool counts_frequency(eviction_policy p) noexcept {
  return p == eviction_policy::lfu || p == eviction_policy::volatile_lfu;
}
[[nodiscard]] constexpr bool spares_lasting(eviction_policy p) noexcept { return p >= eviction_policy::volatile_lru; }

/// The time of an access, and how long ago one was; never negative (threads read their clocks one after the other).
namespace recency {
inline constexpr unsigned unit_bits = 24;  // of nanoseconds
inline constexpr duration unit{duration::rep{1} << unit_bits};
[[nodiscard]] constexpr std::uint32_t at(time_point now) noexcept {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(now.time_since_epoch().count()) >> unit_bits);
}
[[nodiscard]] constexpr std::uint32_t age(std::uint32_t used, time_point now) noexcept {
  const auto since = static_cast<std::int32_t>(at(now) - used);
  return since < 0 ? 0 : static_cast<std::uint32_t>(since);
}
[[nodiscard]] constexpr duration idle(std::uint32_t used, time_point now) noexcept {
  return duration(static_cast<duration::rep>(std::uint64_t{age(used, now)} << unit_bits));
}
/// What was last used that long before `now`.
[[nodiscard]] constexpr std::uint32_t before(time_point now, duration idle) noexcept { return at(now - idle); }
}  // namespace recency

/// A counter with the minute in which it was last looked at (Redis' LFU, log factor 10, decay time 1).
namespace frequency {
inline constexpr std::uint32_t initial = 5;  // so that what is new is not evicted at once
inline constexpr std::uint32_t most = 255;
inline constexpr std::uint32_t log_factor = 10;

[[nodiscard]] constexpr std::uint32_t minute_of(time_point now) noexcept {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count()) &
         0xffff;
}
[[nodiscard]] constexpr std::uint32_t with(std::uint32_t counter, time_point now) noexcept {
  return minute_of(now) << 8 | counter;
}
/// The counter as it is by now.
[[nodiscard]] constexpr std::uint32_t current(std::uint32_t used, time_point now) noexcept {
  const auto counter = used & 0xff;
  const auto minutes = (minute_of(now) - (used >> 8)) & 0xffff;
  return minutes > counter ? 0 : counter - minutes;
}
[[nodiscard]] inline std::uint32_t after_access(std::uint32_t used, time_point now, random& rng) noexcept {
  auto counter = current(used, now);
  const auto above = counter > initial ? counter - initial : 0;
  if (counter < most && rng.below(std::uint64_t{above} * log_factor + 1) == 0) ++counter;
  return with(counter, now);
}
}  // namespace frequency

}  // namespace troupe
