// A simulated cluster of membership machines: the process that wraps one, and the verbs of its scenarios.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/membership/swim.hpp"
#include "runtime/membership/talk.hpp"
#include "tests/sim/fault_plan.hpp"
#include "tests/sim/seeds.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

[[nodiscard]] std::string address_of(node_index n);
/// The node of an address; UINT32_MAX for an address that nobody has.
[[nodiscard]] node_index node_at(std::string_view address);

/// How a node is set up; a scenario may change it for each start.
struct member_setup {
  membership::local_member self;
  membership::settings settings;
  std::vector<std::string> seeds;
  bool talks = false;  // events, queries and coordinates ride on its packets
};

class membership_process final : public process {
 public:
  using listener = std::function<void(node_index, const membership::event&)>;
  membership_process(node_index self, member_setup setup, outside& out, random rng, listener on_event);

  void on_start(time_point now) override;
  void on_packet(node_index from, channel how, std::string_view bytes, time_point now) override;
  void on_link_lost(node_index, time_point) override {}
  void on_link_ended(node_index peer, bool closed, time_point now) override;
  void on_tick(time_point now) override;
  time_point next_tick() const override {
    return talk_ ? std::min(machine_.next_tick(), talk_->next_tick()) : machine_.next_tick();
  }
  void leave(time_point now) override;
  bool finished() const override { return machine_.has_left(); }

  [[nodiscard]] membership::swim& machine() noexcept { return machine_; }
  /// Only when it talks; what it heard is kept here.
  [[nodiscard]] membership::talk& talk() { return *talk_; }
  [[nodiscard]] const membership::talk_output& heard() const noexcept { return heard_; }
  /// Calls the machine and carries out what it wants.
  void with(const std::function<void(membership::swim&, membership::output&)>& act);

 private:
  void carry_out();

  node_index self_;
  std::vector<std::string> seeds_;
  outside& out_;
  listener on_event_;
  std::optional<membership::talk> talk_;  // rides on machine_
  membership::talk_output heard_;
  membership::swim machine_;
  membership::output output_;
};

struct stage_options {
  world_options world;
  std::string profile = "lan";
  node_index seed_nodes = 3;  // the first nodes are everybody's seeds
  bool time_of_day = true;    // members number their processes by it, as nodes do
  bool links = true;          // all pairs of running nodes have a stream link, as under replication
  std::function<void(node_index, std::uint32_t start, member_setup&)> customise;
};

class membership_stage {
 public:
  explicit membership_stage(stage_options options);

  [[nodiscard]] membership::swim& at(node_index n) { return w.process_of<membership_process>(n)->machine(); }
  [[nodiscard]] static std::string name_of(node_index n) { return "n" + std::to_string(n); }

  /// Opens the links of all running nodes (when options.links).
  void link_all();
  void start_all();

  /// The state that `observer` gives to `subject`'s present or last process; departed when it knows nothing of it.
  [[nodiscard]] member_state view(node_index observer, node_index subject);
  [[nodiscard]] bool all_others_see(node_index subject, member_state state);
  /// Every running node is joined and believes exactly the running nodes alive.
  [[nodiscard]] bool all_see_all();
  /// When each other running node first saw `subject` so, in order; runs until all did or `limit` passed.
  std::vector<duration> times_until_seen(node_index subject, member_state state, duration limit);

  /// Events since the start of the run, over all nodes.
  [[nodiscard]] std::uint64_t count(membership::event_kind k) const;
  [[nodiscard]] std::uint64_t count(node_index n, membership::event_kind k) const;
  /// member_failed events about a node that was running, not paused and not slow at that moment.
  [[nodiscard]] std::uint64_t false_failures() const noexcept { return false_failures_; }
  /// member_failed events about this node's processes, at others.
  [[nodiscard]] std::uint64_t failures_of(node_index n) const;
  [[nodiscard]] const membership::event* last(node_index n, membership::event_kind k) const;

  stage_options options;
  /// Called for every event of every node.
  std::function<void(node_index, const membership::event&)> listener;
  world w;

 private:
  void on_event(node_index n, const membership::event& e);

  std::map<std::pair<node_index, membership::event_kind>, std::uint64_t> counts_;
  std::map<std::pair<node_index, membership::event_kind>, membership::event> last_;
  std::map<node_index, incarnation_id> ids_;
  std::map<incarnation_id, node_index> nodes_;  // of all processes ever
  std::map<node_index, std::uint64_t> failures_;
  std::uint64_t false_failures_ = 0;
};

/// At each observer: an incarnation never goes back, a departed id never lives again, a later process of
/// a name is numbered above the earlier. Of each process: its own incarnation never goes back.
class membership_checker final : public checker {
 public:
  void on_step(world& w, node_index changed) override;
  void on_gone(world& w, node_index gone) override;

 private:
  struct seen {
    incarnation_id id;
    std::uint64_t incarnation = 0;
    bool departed = false;
  };
  struct memory {
    std::uint64_t version = 0;
    std::uint64_t own = 0;
    std::map<std::string, seen, std::less<>> others;
  };
  std::map<node_index, memory> memories_;
};

[[nodiscard]] inline stage_options with_nodes(std::uint32_t nodes, std::uint64_t seed = 1,
                                              std::string profile = "lan") {
  stage_options o;
  o.world.nodes = nodes;
  o.world.seed = seed;
  o.profile = std::move(profile);
  return o;
}

/// A cluster that has started and sees itself, watched by the checker.
struct running_stage : membership_stage {
  explicit running_stage(stage_options o, duration limit = std::chrono::seconds(10)) : membership_stage(std::move(o)) {
    w.add(checks);
    start_all();
    expect_within(
        w, limit, [this] { return all_see_all(); }, "all see all after the start");
    link_all();
  }
  membership_checker checks;
};

}  // namespace troupe::sim
