// The options of SET, read from its words.
#pragma once

#include <string_view>

#include <troupe/time.hpp>

#include "gateways/resp/arguments.hpp"
#include "runtime/cache/command.hpp"

namespace troupe::resp {

struct set_options {
  write_condition condition = write_condition::none;
  bool keep_ttl = false;
  bool get = false;
  bool already_over = false;  // an absolute time in the past: the value is not to be seen
  duration ttl{};             // 0: it does not expire
};

/// Longer lives are cut to this: nanoseconds in 64 bits end at 292 years.
inline constexpr duration ttl_max = std::chrono::hours(24 * 365 * 100);

/// Reads words[3...]. Null, or the error to reply with (a literal).
[[nodiscard]] const char* read_set_options(const arguments& words, wall_time now, set_options& result);

}  // namespace troupe::resp
