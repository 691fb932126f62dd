// Time as troupe uses it: monotonic points for every rule, wall-clock time only for people.
#pragma once

#include <chrono>

namespace troupe {

using duration = std::chrono::nanoseconds;
/// A point on the monotonic clock. Pure code receives it as an argument and never reads a clock.
using time_point = std::chrono::time_point<std::chrono::steady_clock, duration>;
/// A point on the wall clock, for display only (RFC 3339 UTC on every door).
using wall_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

}  // namespace troupe
