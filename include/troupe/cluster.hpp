// What a node knows of its cluster, as plain values: the same picture that HTTP, the command line
// and an embedder see. A cluster_view is an immutable copy made after each change; it promises
// nothing about the moment it is read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/ids.hpp>
#include <troupe/lock.hpp>
#include <troupe/time.hpp>

namespace troupe {

enum class member_state : std::uint8_t { alive, suspect, failed, departing, departed };

[[nodiscard]] std::string_view name_of(member_state s) noexcept;

struct member {
  std::string name;
  incarnation_id id;
  std::uint64_t pid = 0;  // 0: the leader has not given one yet
  member_state state = member_state::alive;
  std::uint64_t incarnation = 0;  // SWIM's counter, raised to refute a suspicion
  std::string address;            // "host:port" of gossip (UDP) and link (TCP)
  std::vector<std::string> services;
  std::map<std::string, std::string> tags;
  wall_time since{};           // start of the present state, as seen here
  std::uint32_t flaps = 0;     // returns from a failure lately, as seen here; decays
  bool quarantined = false;    // it flaps: alive, but nothing new is entrusted to it for a while
  std::uint32_t protocol = 0;  // the highest minor version of gossip that it speaks
};

struct leader {
  std::string name;
  std::uint64_t pid = 0;
  std::uint64_t term = 0;
  bool fenced = false;
  std::string fenced_reason;  // why not, empty when fenced
  wall_time since{};          // as seen here
  incarnation_id id{};        // of its process
  std::string
      change{};  // why it came to lead: founded, started, or how the leader before it ended, e.g. failed, transferred
};

/// How the last leader that this node knew ended.
struct leader_ending {
  std::string name;
  std::uint64_t term = 0;
  std::string reason;  // lease_over, failed, departed, restarted, resigned, transferred, priority, leaving, ...
  wall_time at{};
};

struct shard_placement {
  std::uint32_t shard = 0;
  std::string primary;  // a member's name; empty: the shard has none
  std::vector<std::string> replicas;
  std::vector<std::string> in_sync;
  std::uint64_t epoch = 0;  // of the record that placed it
};

enum class health_status : std::uint8_t { green, yellow, red };

[[nodiscard]] std::string_view name_of(health_status s) noexcept;

struct health_check {
  std::string name;  // e.g. "leader", "shards", "database"
  bool passed = true;
  std::string detail;  // the reason when it did not pass
};

struct cluster_health {
  health_status status = health_status::red;
  std::uint32_t missing_primaries = 0;
  std::uint32_t under_replicated = 0;
  std::vector<health_check> checks;
};

enum class service_state : std::uint8_t {
  stopped,
  starting,
  running,
  degraded,
  stopping,
  failed,
  not_implemented,
  waiting,  // a module for what it imports
};

[[nodiscard]] std::string_view name_of(service_state s) noexcept;

struct service_status {
  std::string name;
  service_state state = service_state::stopped;  // on this node
  std::string reason;
  std::vector<std::string> nodes;  // members that run it
};

struct cluster_view {
  std::string cluster;  // its name
  std::string node;     // this node's name
  incarnation_id id;    // this node's incarnation
  std::uint64_t pid = 0;
  std::optional<leader> leader_now;
  std::vector<member> members;
  std::vector<shard_placement> shards;
  std::vector<service_status> services;
  cluster_health health;
  std::optional<leader_ending> last_leader{};
  std::vector<lock_row_view> locks{};  // and roles, as committed: a hold may be over already
  std::string cut_off;  // why this node is on the side of a split network that does not go on; empty: it is not
  bool ready = false;
  std::vector<std::string> not_ready_reasons;
};

}  // namespace troupe
