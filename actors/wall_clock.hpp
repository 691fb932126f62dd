// The time of day, for what outlives a process: records on disk, backups.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <troupe/time.hpp>

#include "actors/clock.hpp"
#include "runtime/membership/first_incarnation.hpp"

namespace troupe {

/// Milliseconds since 1970.
[[nodiscard]] inline std::uint64_t wall_now_ms() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

/// For membership::local_member: the number of a process that starts now.
[[nodiscard]] inline std::uint64_t first_incarnation_now() {
  constexpr std::uint64_t begin_of_2025_ms = 1'735'689'600'000;
  const auto now = std::max(wall_now_ms(), begin_of_2025_ms) - begin_of_2025_ms;
  return membership::first_incarnation_at(std::chrono::milliseconds(now));
}

/// The moment of the monotonic clock on the calendar, as the two stand to each other now.
[[nodiscard]] inline wall_time to_wall(time_point t) {
  using namespace std::chrono;
  return time_point_cast<milliseconds>(wall_clock_now() + duration_cast<system_clock::duration>(t - clock_now()));
}

}  // namespace troupe
