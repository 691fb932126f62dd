// Locks, semaphores and roles claimed and dropped at random in a simulated cluster, and who watches that nobody
// holds what another holds.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

/// By true time, each process by its own clock: no more valid holds of a name than it has permits, a token is of
/// one process, and the tokens of a name with one permit rise.
class lock_checker final : public checker {
 public:
  void on_step(world& w, node_index changed) override;

  std::uint64_t grants = 0;  // holds seen

 private:
  std::map<std::uint64_t, std::pair<incarnation_id, claim_number>> tokens_;
  std::map<lock_key, std::uint64_t> highest_;
};

[[nodiscard]] std::uint32_t permits_of(const lock_key& key);

/// Claims and drops for `length`.
void plan_locks(world& w, duration length);

/// Drops all claims everywhere, so that a test can ask for liveness.
void drop_all_locks(world& w);

}  // namespace troupe::sim
