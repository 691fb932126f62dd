// One word of events.handlers: which events a program handles, and where it is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

namespace troupe {

inline constexpr std::size_t event_handlers_max = 64;

struct event_handler_spec {
  std::vector<std::string> filters;  // "member_failed", "user", "user:NAME", "query", "query:NAME", "*"
  std::string path;

  /// `kind` of an event; `name` of a user event, otherwise empty.
  [[nodiscard]] bool handles_event(std::string_view kind, std::string_view name) const;
  /// `*` is for events alone: its output would answer every query.
  [[nodiscard]] bool handles_query(std::string_view name) const;
};

/// Reads "FILTER[|FILTER...]=/absolute/path". errc::invalid_argument with what is wrong. Whether the program
/// is there is seen when it runs.
[[nodiscard]] expected<event_handler_spec> parse_event_handler(std::string_view text);

}  // namespace troupe
