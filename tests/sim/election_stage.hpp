// A simulated cluster of election machines: the process that wraps one, with a plain heartbeat failure
// detector in membership's place (false alarms at random), and a load of proposals.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/election/election.hpp"
#include "tests/sim/fault_plan.hpp"
#include "tests/sim/seeds.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

struct election_setup {
  std::uint32_t expected_members = 3;
  duration lease = std::chrono::milliseconds(600);
  std::int32_t priority = 0;
  std::uint32_t nodes = 3;
  double false_alarms = 0;  // chance per peer and heartbeat
  bool proposes = true;
  bool take_over = false;  // nodes have the priorities 0, 1, 0, 1, ... and a hold-down of 3 s

  [[nodiscard]] std::int32_t priority_of(node_index n) const {
    return priority + (take_over ? static_cast<std::int32_t>(n % 2) : 0);
  }
};

/// What the checker is told of, as it happens.
class election_witness {
 public:
  virtual ~election_witness() = default;
  virtual void on_event(node_index n, const election_event& e) = 0;
  /// A granted answer leaves: what it says must be on the disk.
  virtual void on_granted(node_index n, const election_message& m, const disk& files) = 0;
  virtual void on_sent(node_index n, const election_message& m) = 0;
  /// A tick after which the machine wants its next one at once.
  virtual void on_idle_tick(node_index n, std::string_view phase) = 0;
};

class election_process final : public process {
 public:
  election_process(node_index self, std::uint32_t start, election_setup setup, outside& out, random rng,
                   election_witness& witness);

  void on_start(time_point now) override;
  void on_packet(node_index from, channel how, std::string_view bytes, time_point now) override;
  void on_link_lost(node_index, time_point) override {}
  void on_tick(time_point now) override;
  time_point next_tick() const override;
  void leave(time_point now) override;
  bool finished() const override { return finished_; }

  [[nodiscard]] bool leaving() const noexcept { return exit_at_ != time_point::max(); }
  [[nodiscard]] bool started() const noexcept { return machine_ != nullptr; }
  [[nodiscard]] election& machine() noexcept { return *machine_; }
  [[nodiscard]] const election& machine() const noexcept { return *machine_; }
  /// Calls the machine and carries out what it wants.
  void with(time_point now, const std::function<void(election&, election_output&)>& act);

 private:
  struct peer {
    incarnation_id id;
    time_point heard{};
    member_state told = member_state::departed;
  };

  void beat(time_point now);
  void on_beat(node_index from, std::string_view bytes, time_point now);
  void tell(node_index about, member_state state, time_point now);
  void carry_out(election_output& out, time_point now);
  void propose(time_point now);

  node_index self_;
  election_setup setup_;
  outside& out_;
  random rng_;
  election_witness& witness_;
  incarnation_id id_;
  time_point now_{};
  std::unique_ptr<election> machine_;
  std::map<node_index, peer> peers_;
  time_point next_beat_{};
  time_point exit_at_ = time_point::max();
  bool finished_ = false;
  std::optional<std::uint64_t> proposal_;
  std::uint64_t items_ = 0;
};

/// No two leaders, no lost record, nothing that goes back: see the cases in election_stage.cpp.
class election_checker final : public checker, public election_witness {
 public:
  void attach(world& w) {
    w_ = &w;
    w.add(*this);
  }
  void on_step(world& w, node_index changed) override;
  void on_gone(world& w, node_index gone) override;
  void on_event(node_index n, const election_event& e) override;
  void on_granted(node_index n, const election_message& m, const disk& files) override;
  void on_sent(node_index n, const election_message& m) override;
  void on_idle_tick(node_index n, std::string_view phase) override;

  std::map<election_kind, std::uint64_t> sent;
  std::uint64_t acknowledged = 0;
  std::uint64_t terms = 0;

 private:
  struct floor {  // of what one voter id has made durable
    std::uint64_t promised = 0;
    stamp accepted;
  };
  struct memory {  // of one process
    std::uint64_t promised = 0;
    stamp accepted;
    std::uint64_t leader_term = 0;
  };

  void check_leaders(world& w);
  void check_record(node_index n, const record_ptr& record);
  void fail(const std::string& what);

  world* w_ = nullptr;
  std::map<std::uint64_t, std::pair<node_index, std::uint32_t>> leaders_;  // by term
  std::map<stamp, record_ptr> committed_;
  std::map<std::uint64_t, member_ref> pids_;
  std::map<voter_id, floor> floors_;
  std::map<node_index, memory> memories_;
  std::map<node_index, std::pair<std::string, std::optional<vote_file>>> files_seen_;
  std::map<node_index, std::string> voters_seen_;  // for the trace
};

class election_stage {
 public:
  election_stage(world_options options, election_setup setup);

  [[nodiscard]] election_process* process(node_index n) { return w.process_of<election_process>(n); }
  [[nodiscard]] election& at(node_index n) { return process(n)->machine(); }
  /// Every running node takes the same node for the leader, which may act.
  [[nodiscard]] std::optional<node_index> leader();
  /// That, and all have the same record, in which every running node has a PID, and the voters are
  /// as many as expected and hold the ids that the record names.
  [[nodiscard]] bool settled();
  void act(node_index n, const std::function<void(election&, election_output&)>& what);
  /// Some node asks for the lead to be handed to some node, or to any.
  void ask_for_hand_over();
  /// By true time; null: nobody may act now.
  [[nodiscard]] std::optional<node_index> acting();

  election_setup setup;
  election_checker checks;
  world w;
};

}  // namespace troupe::sim
