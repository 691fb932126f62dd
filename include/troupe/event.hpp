// Something that happened in the cluster, as it is seen at one node: the stream behind
// GET /v1/events and node::on_event.
//
// Every listener of a node gets its events in the order of their sequence. What happened to one member is
// published in the order in which this node learned it (joined before suspect, suspect before failed), and so
// are user events of one origin (see runtime/membership/README.md). Two nodes may see two members in
// different orders.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

namespace troupe {

struct event {
  std::uint64_t sequence = 0;  // rises by one for each event of this node, from 1
  wall_time time{};
  std::string kind;  // "member_alive", "leader_elected", "shard_lost", "service_running", ...
  std::vector<std::pair<std::string, std::string>> fields;
};

/// "kind key=value key=value": one line, values quoted where they hold a space.
[[nodiscard]] std::string to_string(const event& e);

}  // namespace troupe
