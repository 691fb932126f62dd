// Clients that wait for elements in the simulated cluster: a queue in each shard, somebody who pushes numbers to it,
// and two clients that take them off as a door does for BLPOP (look, wait at whoever serves the shard, look when
// called, and look again when nobody answers). Each number comes to one client at most, none that was never pushed; in
// the end, when nobody pushes any more, every number whose push was acknowledged has come to a client, but for as many
// as the pops whose outcome nobody knows.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

class queue_client : public std::enable_shared_from_this<queue_client> {
 public:
  static constexpr std::size_t waiting_each = 2;

  explicit queue_client(world& w) : w_(w), rng_(w.rng().fork()) {}

  /// A push each `gap` until stop_pushing; clients wait until this object ends. It must be shared.
  void start(duration gap);
  void stop_pushing() noexcept { pushing_ = false; }
  /// Fails the run when an acknowledged number is still nobody's.
  void check_drained();

  [[nodiscard]] std::uint64_t popped() const noexcept { return popped_; }

 private:
  struct queue {
    std::uint64_t created = 0;
    std::set<std::uint64_t> acknowledged;  // pushed, and nobody's yet
    std::set<std::uint64_t> possible;      // pushed perhaps
    std::uint64_t unknown_pops = 0;
  };
  struct waiting {
    std::uint32_t shard = 0;
    std::uint64_t id = 0;
  };

  void push_again(duration gap);
  void push(std::uint32_t shard);
  void look(std::size_t who);
  void wait(std::size_t who);
  void on_looked(std::size_t who, std::uint64_t created, const owned_reply& r);
  void later(duration d, void (queue_client::*step)(std::size_t), std::size_t who);
  /// Who serves the shard now, and that node's clock; null: nobody.
  [[nodiscard]] cluster_process* find(std::uint32_t shard, time_point& clock);
  [[nodiscard]] queue& queue_of(std::uint32_t shard, std::uint64_t created);

  world& w_;
  random rng_;
  std::map<std::uint32_t, queue> queues_;
  std::vector<waiting> waiting_;
  std::uint64_t next_id_ = 0;
  std::uint64_t next_number_ = 0;
  std::uint64_t popped_ = 0;
  bool pushing_ = true;
};

}  // namespace troupe::sim
