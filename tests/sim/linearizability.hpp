// Is a history of one key linearizable? The search of Wing and Gong ("Testing and Verifying Concurrent Objects",
// 1993) with Lowe's memory of states already tried ("Testing for linearizability", 2017).
//
// The picture: operations are intervals; some order of them, each at one instant inside its interval, must explain
// every answer. An operation whose outcome is unknown may take effect at any time after its begin, or never. Keys
// are checked apart from each other, since linearizability is local.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <troupe/time.hpp>

namespace troupe::sim {

struct register_operation {
  enum class kind : std::uint8_t {
    read,            // saw `value`
    write,           // made it `value`
    write_if,        // found `expected`, made it `value`
    write_if_missed  // did not find `expected`
  };
  kind what = kind::read;
  std::optional<std::string> expected;  // none: nothing is there
  std::optional<std::string> value;
  duration begin{};
  duration end = duration::max();  // max: the outcome is unknown
};

inline constexpr std::size_t history_steps_max = 2'000'000;

/// What is wrong, for people; empty: it is linearizable. "not decided" when the search was given up.
[[nodiscard]] std::string explain_history(std::vector<register_operation> history,
                                          std::optional<std::string> initial = std::nullopt);

}  // namespace troupe::sim
