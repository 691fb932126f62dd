// Modules of nodes in the simulated world: what each node sees of the others comes late, their services come and go,
// hooks take their time, fail, hang. The real gossip is simulated elsewhere.
//
// The checker keeps books of its own on every module, by the hooks that were called and answered, and never asks the
// machine what it holds for running:
//
//   a start     nothing of the module is up; all that it requires is there, by the books, for the settle time
//   a stop      of what has started; nobody at the node needs it any more, but for those whose hook hangs
//   an export   of a module that is up and was not told to stop
//   in the end  exactly those modules run that can, all over the cluster
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/modules/module_machine.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

struct modules_setup {
  std::vector<module_spec> specs;  // of all nodes; modules import only those before them
  double noticed = 0.3;            // chance that a node sees another's change, each time it looks
  double service_turns = 0;        // chance that a service of a node comes or goes, at each look
  double start_fails = 0;
  double sick = 0;   // chance that a health check finds a fault
  double hangs = 0;  // chance that a hook takes much longer than it may
};

/// Specs without circles, drawn from the seed.
[[nodiscard]] std::vector<module_spec> draw_specs(random& rng);

class modules_stage;

class modules_process final : public process {
 public:
  static constexpr duration look_interval = std::chrono::milliseconds(100);

  modules_process(modules_stage& stage, node_index self, random rng);

  void on_start(time_point now) override;
  void on_packet(node_index, channel, std::string_view, time_point) override {}
  void on_link_lost(node_index, time_point) override {}
  void on_tick(time_point now) override;
  [[nodiscard]] time_point next_tick() const override;
  void leave(time_point now) override;
  [[nodiscard]] bool finished() const override { return left_ && machine_.ended(); }

  [[nodiscard]] const module_machine& machine() const noexcept { return machine_; }
  [[nodiscard]] const std::map<std::string, std::string>& services() const noexcept { return world_.services; }
  [[nodiscard]] bool left() const noexcept { return left_; }
  [[nodiscard]] std::uint64_t starts_of(std::size_t m) const { return books_[m].starts; }
  void turn_service(const std::string& name, time_point now);

 private:
  struct answer {
    module_hook hook;
    time_point due;
    time_point limit;
  };
  struct book {
    bool up = false;  // its start has done well, its stop has not returned
    bool told_to_stop = false;
    std::deque<answer> hooks;  // under way, in this order
    std::optional<time_point> there_since;
    bool again = false;  // its start has failed
    std::uint64_t starts = 0;
  };

  void look(time_point now);
  void carry_out(module_output& out, time_point now);
  void check_start(std::size_t m, time_point now);
  void check_stop(std::size_t m, time_point now);
  void check_books(time_point now);
  void finish(std::size_t m, time_point now, module_output& out);
  [[nodiscard]] bool gives(std::size_t m) const;
  [[nodiscard]] bool provided(std::size_t m, const module_import& i, bool steadily) const;
  [[nodiscard]] bool hangs(std::size_t m, time_point now) const;
  void fail(std::size_t m, const std::string& what);

  modules_stage& stage_;
  const node_index self_;
  random rng_;
  module_machine machine_;
  module_world world_;
  std::vector<book> books_;
  time_point look_at_{};
  bool left_ = false;
};

class modules_stage final : public checker {
 public:
  modules_stage(world_options options, modules_setup given);

  modules_setup setup;
  world w;

  [[nodiscard]] const modules_process* at(node_index n) const { return w.process_of<modules_process>(n); }
  /// Exactly those modules run that can.
  [[nodiscard]] bool converged() const;
  void on_step(world&, node_index) override {}

  std::uint64_t starts = 0, stops = 0, failures = 0;

 private:
  [[nodiscard]] bool can_run(const std::set<std::pair<node_index, std::size_t>>& up, node_index n, std::size_t m) const;
};

}  // namespace troupe::sim
