// Registries of nodes in the simulated world, whose actors come and go. Who is a member is told by a look at the world
// that comes late and is at times wrong; the real membership is simulated elsewhere.
//
// The checker knows every state that every node's ledger ever had, by its version: what another node holds of it at
// that version must be the same, entry by entry. So nothing is lost, invented or brought back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "runtime/registry/registry_machine.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

struct registry_setup {
  double noticed = 0.2;     // chance that a node sees another's start or end, each time it looks
  double false_alarms = 0;  // chance that it takes a living one for gone
  channel how = channel::stream;
};

class registry_stage;

class registry_process final : public process {
 public:
  static constexpr duration look_interval = std::chrono::milliseconds(100);

  registry_process(registry_stage& stage, node_index self, outside& out, random rng);

  void on_start(time_point now) override;
  void on_packet(node_index from, channel how, std::string_view bytes, time_point now) override;
  void on_link_lost(node_index, time_point) override {}
  void on_tick(time_point now) override;
  [[nodiscard]] time_point next_tick() const override { return std::min(look_at_, machine_.next_tick()); }
  void leave(time_point) override {}

  /// Registers something or takes something back, at random.
  void change(time_point now);

  [[nodiscard]] const incarnation_id& id() const noexcept { return id_; }
  [[nodiscard]] const registry_machine& machine() const noexcept { return machine_; }
  [[nodiscard]] const std::map<node_index, incarnation_id>& members() const noexcept { return members_; }

 private:
  void look(time_point now);
  void note_truth();
  void send(const incarnation_id& to, char kind, const registry_message& m);

  registry_stage& stage_;
  const node_index self_;
  outside& out_;
  random rng_;
  const incarnation_id id_;
  registry_machine machine_;
  std::map<node_index, incarnation_id> members_;
  time_point look_at_{};
  std::uint64_t next_actor_ = 1;
};

class registry_stage final : public checker {
 public:
  registry_stage(world_options options, registry_setup given);

  registry_setup setup;
  world w;

  /// Changes at random nodes, again and again, until `until`.
  void run_changes(duration pause_max, duration until);
  [[nodiscard]] const registry_process* at(node_index n) const { return w.process_of<registry_process>(n); }
  /// Every running node knows all that every other one has registered, and nothing else.
  [[nodiscard]] bool converged() const;

  void on_step(world& world_now, node_index changed) override;
  void on_gone(world&, node_index gone) override { checked_.erase(gone); }

  using entries = std::set<registry_entry>;
  std::map<incarnation_id, std::map<std::uint64_t, entries>> truth;  // by version
  std::uint64_t changes = 0;
  std::uint64_t looked_at = 0;  // states that were compared

 private:
  std::map<node_index, std::map<incarnation_id, std::uint64_t>> checked_;  // versions
};

}  // namespace troupe::sim
