// Time as troupe uses it: monotonic points for every rule, wall-clock time only for people.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <troupe/error.hpp>

namespace troupe {

using duration = std::chrono::nanoseconds;
/// A point on the monotonic clock. Pure code receives it as an argument and never reads a clock.
using time_point = std::chrono::time_point<std::chrono::steady_clock, duration>;
/// A point on the wall clock, for display only (RFC 3339 UTC on every door).
using wall_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// Reads a number and its unit, ms|s|m|h|d: "30s", "1.5h". No sign, no space; a fraction must be a
/// whole number of nanoseconds. errc::invalid_argument otherwise, or beyond what a duration holds.
[[nodiscard]] expected<duration> parse_duration(std::string_view text);

/// The shortest text that parse_duration reads back to the same duration: "30s", "1500ms", "2h".
[[nodiscard]] std::string format_duration(duration d);

}  // namespace troupe
