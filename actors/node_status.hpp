// What this node says of itself, and the one place where the board is judged: every change of the
// cluster's picture or of a local condition ends in new health and readiness, and in an event when
// either of them turned.
//
// Thread-safe. Listeners of the hub run inside a change: they must only hand over.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "actors/cluster_board.hpp"
#include "actors/event_hub.hpp"
#include "runtime/cluster/health.hpp"

namespace troupe {

class node_status {
 public:
  /// `board` and `events` outlive this object.
  /// `replicas` of each shard are asked for; fewer are wanted while too few members are there and expected.
  node_status(cluster_board& board, event_hub& events, std::uint32_t replicas, std::uint32_t expected_members = 1);

  /// Changes what the node says of itself.
  void change_conditions(const std::function<void(local_conditions&)>& change);

  /// Changes the picture of the cluster.
  void change_view(const std::function<void(cluster_view&)>& change);

  /// The state of a service on this node; an event tells of each change, with `code`, if there is one, as `error`.
  void set_service(const std::string& name, service_state state, const std::string& reason = {}, errc code = errc::ok);

 private:
  void judge(const std::function<void(cluster_view&)>& change);

  cluster_board& board_;
  event_hub& events_;
  const std::uint32_t replicas_;
  const std::uint32_t expected_members_;
  std::mutex mutex_;  // one change at a time, so that events come in the order of the states
  local_conditions conditions_;
};

}  // namespace troupe
