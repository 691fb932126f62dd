// Time for simulated nodes: one thread, one queue of happenings, each of one node or of whoever drives the run. What
// happens at a node runs on its clock, and everything that it wakes there is run before time goes on.
//
// The picture: step() takes the earliest happening. A node that stands still gets its own when it goes on; those of a
// process that has ended are dropped. Handlers take no time, and all clocks show the same.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "actors/clock.hpp"
#include "runtime/base/random.hpp"

namespace troupe {

class simulated_world {
 public:
  static constexpr std::size_t nobody = SIZE_MAX;

  simulated_world(std::size_t nodes, std::uint64_t seed);
  ~simulated_world();
  simulated_world(const simulated_world&) = delete;
  simulated_world& operator=(const simulated_world&) = delete;

  [[nodiscard]] time_point now() const noexcept { return now_; }
  [[nodiscard]] duration age() const noexcept { return now_ - beginning; }
  [[nodiscard]] random& rng() noexcept { return rng_; }
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }

  /// The present process of `node` does it, or nobody's (nobody: whoever drives). At the earliest now.
  void call_at(time_point at, std::size_t node, std::function<void()> f);
  void call_after(duration d, std::size_t node, std::function<void()> f) { call_at(now_ + d, node, std::move(f)); }
  /// Now, on the node's clock, and what it wakes.
  void run(std::size_t node, const std::function<void()>& f);
  /// False: nothing happens until `end`, and it is that time.
  bool step(time_point end);

  /// A process begins; `pump` runs what waits in it, false when that does not end.
  void begin(std::size_t node, std::function<bool()> pump);
  void end(std::size_t node);
  [[nodiscard]] bool lives(std::size_t node) const { return places_[node].pump != nullptr; }
  /// Counts the processes; of the present or the last one.
  [[nodiscard]] std::uint64_t life_of(std::size_t node) const { return places_[node].life; }
  /// They add up.
  void pause(std::size_t node) { ++places_[node].pauses; }
  void resume(std::size_t node);
  [[nodiscard]] bool paused(std::size_t node) const { return places_[node].pauses > 0; }
  [[nodiscard]] virtual_clock& clock_of(std::size_t node);
  [[nodiscard]] virtual_clock& clock_of_driver();

  /// Nodes whose actors never came to rest at one moment.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

  /// Clocks begin here: some rules take zero for never.
  static constexpr time_point beginning{std::chrono::hours(1)};

 private:
  class clock;
  struct happening {
    std::size_t node = nobody;
    std::uint64_t life = 0;
    std::function<void()> f;
  };
  struct place {
    std::unique_ptr<clock> time;
    std::function<bool()> pump;
    std::uint64_t life = 0;
    std::uint32_t pauses = 0;
    std::vector<happening> held;
  };

  void plan(time_point at, happening h);

  random rng_;
  time_point now_ = beginning;
  std::uint64_t sequence_ = 0;
  std::map<std::pair<time_point, std::uint64_t>, happening> queue_;
  std::unique_ptr<clock> driver_;
  std::vector<place> places_;
  std::string fault_;
};

}  // namespace troupe
