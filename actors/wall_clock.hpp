// The time of day, for what outlives a process: records on disk, backups.
#pragma once

#include <chrono>
#include <cstdint>

#include <troupe/time.hpp>

#include "actors/clock.hpp"

namespace troupe {

/// Milliseconds since 1970.
[[nodiscard]] inline std::uint64_t wall_now_ms() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

/// For membership::local_member::first_incarnation: seconds since 2025, which is four bytes in a packet. A process
/// that starts has a higher number than the one before it unless the clock was set back in between.
[[nodiscard]] inline std::uint64_t first_incarnation_now() {
  constexpr std::uint64_t begin_of_2025_ms = 1'735'689'600'000;
  const auto now = wall_now_ms();
  return now < begin_of_2025_ms ? 1 : (now - begin_of_2025_ms) / 1000 + 1;
}

/// The moment of the monotonic clock on the calendar, as the two stand to each other now.
[[nodiscard]] inline wall_time to_wall(time_point t) {
  using namespace std::chrono;
  return time_point_cast<milliseconds>(wall_clock_now() + duration_cast<system_clock::duration>(t - clock_now()));
}

}  // namespace troupe
