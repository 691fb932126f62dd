// Questions to the whole cluster: every member that matches answers, the asker gathers the answers until all
// are there or time is over. For small things at people's pace (which version, how full, who is there); it
// promises no answer: a member may be cut off, and an answer lost with its link.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/time.hpp>

namespace troupe {

struct query {
  std::string name;                         // 1 to 64 letters, digits, or . _ - : /
  std::string payload;                      // any bytes, at most 512
  std::map<std::string, std::string> tags;  // only members with all of these
  std::string service;                      // only members that run it
  duration timeout = std::chrono::seconds(2);
};

struct query_answer {
  std::string member;
  std::string payload;  // at most 1 KiB
  duration took{};
};

struct query_result {
  std::vector<query_answer> answers;   // in the order of their arrival
  std::vector<std::string> unhandled;  // members that have no answer to queries of this name
  std::vector<std::string> silent;     // members that were asked and not heard in time
};

/// Answers queries that others (or this node) ask: at most 1 KiB, more is cut off. Nothing: as if there were no
/// handler. Called on a thread for handlers, one call at a time; it may block for a while (others wait behind it).
using query_handler = std::function<std::optional<std::string>(const std::string& name, const std::string& payload)>;

}  // namespace troupe
