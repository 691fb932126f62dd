// The verbs for what members say to each other: tags, event, query, rtt.
#pragma once

#include <string>
#include <vector>

#include "node/cli/remote_verbs.hpp"

namespace troupe::cli {

struct talk_options {
  std::vector<std::string> set_tags;  // NAME=VALUE
  std::vector<std::string> delete_tags;
  std::string name;  // of the event or query
  std::string payload;
  std::vector<std::string> tags;  // NAME=VALUE: who is asked
  std::string service;
  std::string timeout = "2s";
  std::string a, b;  // members
};

/// Each prints its answer and returns the exit code.
[[nodiscard]] int show_tags(const remote_options& o);
[[nodiscard]] int change_tags(const remote_options& o, const talk_options& t);
[[nodiscard]] int say_event(const remote_options& o, const talk_options& t);
/// One line a member; exit_no when one was silent.
[[nodiscard]] int ask_members(const remote_options& o, const talk_options& t);
[[nodiscard]] int show_round_trip(const remote_options& o, const talk_options& t);

}  // namespace troupe::cli
