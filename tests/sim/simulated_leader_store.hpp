// A leader store in the simulated world, which may be down, slow, answer after its caller gave up, restart,
// and, when it is not durable, come back empty or without its last write.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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

  /// Has `changed` called in this process whenever the entry changed, as `tells` has it, while it lives and is not
  /// paused; with the version that was written, none if that is a lie. Once for each start.
  using told = std::function<void(std::optional<std::uint64_t> version)>;
  void watch(node_index who, told changed);

  /// How who watches is told; none: nobody is.
  struct telling {
    double lost = 0;        // of all words
    double twice = 0;       //
    duration late_max{};    // beyond the way
    duration false_each{};  // about so often it tells of a change that was none; zero: never
  };
  std::optional<telling> tells;
  std::map<node_index, std::size_t> readings;  // answered or not

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
  struct watcher {
    std::uint32_t start = 0;
    told changed;
  };

  void tell_all();
  void tell(node_index to, std::uint32_t start, std::optional<std::uint64_t> version);
  void tell_falsely(node_index to, std::uint32_t start);
  [[nodiscard]] expected<leader_reading> apply(const store_request& r);
  void answer_when_awake(node_index to, std::uint32_t start, const store_answer& a, const answered& done);

  world& w_;
  const bool durable_;
  std::optional<leader_entry> before_;  // the last write
  std::uint64_t run_ = 1;
  std::map<node_index, watcher> watchers_;
};

/// Faults of the store at random for `length`; with a store that is not durable they lose writes.
void plan_store_faults(world& w, simulated_leader_store& store, duration length);

}  // namespace troupe::sim
