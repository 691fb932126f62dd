// The traffic light of a cluster and the readiness of a node, from the picture the node has.
//
// The rule is CrateDB's: red = a shard without a primary, yellow = a wanted replica is missing or
// catching up, green = neither. A failed check (database down, no leader) makes green yellow; it never
// hides red.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <troupe/cluster.hpp>

namespace troupe {

/// What the parts of a node say about themselves; each becomes a check.
struct local_conditions {
  bool leaving = false;
  bool serves_data = false;  // this node may hold shards
  bool was_ready = false;    // once: shards that come to it later do not make it wait
  bool database_wanted = false;
  std::string database_fault;  // empty: it works
  std::string database_note;   // what could be better; the check passes all the same
  std::vector<std::string> failed_actors;
  bool log_wanted = false;                   // some cache is durable
  std::string log_fault;                     // of its log; empty: it works
  std::vector<std::string> modules_missing;  // those that the node is not ready without, each with its reason
};

/// `wanted_replicas` copies besides the primary are wanted for each shard.
[[nodiscard]] cluster_health judge_health(const cluster_view& view, std::uint32_t wanted_replicas,
                                          const local_conditions& here);

/// Sets view.ready and view.not_ready_reasons: ready when a leader is known, the node has a PID, its database
/// works, it is not leaving, its modules run that it is not ready without, and, until it was ready for the first time,
/// every shard it holds or gets is in sync.
void judge_readiness(cluster_view& view, const local_conditions& here);

}  // namespace troupe
