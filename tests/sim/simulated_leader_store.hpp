// A leader store in the simulated world, which may be down, slow, answer after its caller gave up, restart,
// and, when it is not durable, come back empty or without its last write.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "runtime/election/store.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

class simulated_leader_store {
 public:
  using answered = std::function<void(const store_answer&)>;

  simulated_leader_store(world& w, bool durable) : w_(w), durable_(durable) {}

  /// As the shell's runner: `done` comes once, at the request's deadline at the latest, while the process lives
  /// and is not paused. A request whose answer came too late may be done all the same, at any time later.
  void call(node_index from, const store_request& request, answered done);

  // --- faults
  bool down = false;
  duration slow{};               // each way takes up to this in addition
  std::set<node_index> cut_off;  // do not reach it
  /// It was stopped and started. A store that is not durable lost its last write, or all.
  enum class loss : std::uint8_t { nothing, last_write, all };
  void restart(loss what);
  /// The entry, for tests that put something foreign under the key.
  std::optional<leader_entry> entry;

  [[nodiscard]] time_point clock_of(node_index n) const { return w_.clock_of(n); }
  [[nodiscard]] bool durable() const noexcept { return durable_; }

 private:
  [[nodiscard]] expected<leader_reading> apply(const store_request& r);
  void answer_when_awake(node_index to, std::uint32_t start, const store_answer& a, const answered& done);

  world& w_;
  const bool durable_;
  std::optional<leader_entry> before_;  // the last write
  std::uint64_t run_ = 1;
};

/// Faults of the store at random for `length`; with a store that is not durable they lose writes.
void plan_store_faults(world& w, simulated_leader_store& store, duration length);

}  // namespace troupe::sim
