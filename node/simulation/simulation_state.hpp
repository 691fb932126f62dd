// A simulation as it runs: nodes that come and go by a plan of faults, the steps and invariants of whoever tests, and
// the timeline of all that.
//
//   until the cluster stands -> runs_for, with steps and faults -> the faults end -> heals_for -> at_end
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <troupe/simulation.hpp>

#include "node/simulation/simulated_node.hpp"

namespace troupe {

class simulation::state {
 public:
  explicit state(simulation_options o);
  ~state();

  /// What simulation::make refuses.
  [[nodiscard]] static expected<void> check(const simulation_options& o);

  [[nodiscard]] simulation_result run();

  void every(duration interval, step f);
  void after(duration d, step f);
  void note(std::string line) { tell(simulated_world::nobody, std::move(line)); }
  [[nodiscard]] duration now() const { return world.now() - began_; }

  const simulation_options options;
  simulated_world world;
  random drawn;  // of the test
  std::vector<std::unique_ptr<simulated_node>> nodes;
  std::vector<std::pair<std::string, invariant>> invariants, last_ones;
  std::vector<std::function<void(std::size_t)>> on_start;

 private:
  struct repeated {
    duration interval;
    step f;
  };

  void tell(std::size_t node, std::string line);
  [[nodiscard]] config settings_of(std::size_t index) const;
  void start(std::size_t index);
  void kill(std::size_t index);
  void begin(const planned_fault& f);
  void end(const planned_fault& f, std::uint64_t life);
  void begin_with_undo(const planned_fault& f);
  void heal();
  [[nodiscard]] bool stands() const;
  void act(const step& f);
  void repeat(const std::shared_ptr<repeated>& r);
  void look(const std::vector<std::pair<std::string, invariant>>& all);
  void fail(std::string_view name, std::string words);
  void run_until(time_point end);

  simulated_network network_;
  std::vector<simulated_node::disk> disks_;
  fault_plan plan_;
  time_point began_ = simulated_world::beginning;
  bool began_now_ = false;  // steps are taken, invariants looked at
  bool healing_ = false;
  std::vector<std::function<void()>> undo_;  // of faults under way
  std::vector<std::shared_ptr<repeated>> waiting_;
  std::vector<std::pair<duration, step>> waiting_once_;
  simulation_result result_;
  std::deque<std::string> lines_;
};

}  // namespace troupe
