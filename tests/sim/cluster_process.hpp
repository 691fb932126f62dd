// A simulated cluster as production composes it: every process runs the whole cluster machine (membership,
// election, shard table) and does for it what actors/cluster does on real sockets.
//
// Datagrams go as they are; a message on the link carries who sent it and which incarnation may have it,
// as the link's handshake would prove. What a process serves is what its shard stores do (simulated_stores.hpp),
// until serve_until().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/cache_loader.hpp>
#include <troupe/config.hpp>

#include "runtime/cluster/cluster_machine.hpp"
#include "tests/sim/fault_plan.hpp"
#include "tests/sim/seeds.hpp"
#include "tests/sim/simulated_channel.hpp"
#include "tests/sim/simulated_copies.hpp"
#include "tests/sim/simulated_grains.hpp"
#include "tests/sim/simulated_leader_store.hpp"
#include "tests/sim/simulated_log.hpp"
#include "tests/sim/simulated_reminders.hpp"
#include "tests/sim/simulated_stores.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

inline constexpr std::uint32_t simulated_shards = 32;
using shard_set = std::uint32_t;  // bit s: the shard s

class cluster_process final : public process {
 public:
  cluster_process(node_index self, config settings, outside& out, random rng);

  void on_start(time_point now) override;
  void on_packet(node_index from, channel how, std::string_view bytes, time_point now) override;
  void on_link_lost(node_index, time_point) override {}
  void on_link_ended(node_index peer, bool closed, time_point now) override;
  void on_tick(time_point now) override;
  time_point next_tick() const override;
  void leave(time_point now) override;
  void force_leave(const std::string& name, time_point now);
  /// Calls the machine and carries out what it wants.
  void with(time_point now, const std::function<void(cluster_machine&, cluster_output&)>& act);
  bool finished() const override { return departed_; }

  /// Null when what is on the disk was refused.
  [[nodiscard]] const cluster_machine* machine() const noexcept { return machine_.get(); }
  [[nodiscard]] const incarnation_id& id() const noexcept { return id_; }
  [[nodiscard]] const shard_table& adopted() const noexcept { return adopted_.now(); }
  /// The shards it serves at `now` of its clock.
  [[nodiscard]] shard_set serves(time_point now) const;
  /// With kvs.type = an outside store. It outlives the process.
  void use(simulated_leader_store* store) noexcept { leader_store_ = store; }
  /// Of durable caches; it outlives the process. Null: none are.
  void use(simulated_log* log) noexcept { log_ = log; }
  /// Grains live in the cluster; it outlives the process. Null: none do.
  void use(grain_truth* truth);
  [[nodiscard]] simulated_grains* grains() const noexcept { return grains_.get(); }
  /// Grains have reminders, in place of changes that are told to others; it outlives the process. Null: none do.
  void use(reminder_truth* truth);
  [[nodiscard]] simulated_reminders* reminders() const noexcept { return reminders_.get(); }
  [[nodiscard]] const reminder_truth* reminded() const noexcept { return reminded_; }
  void ask_grain(std::uint32_t grain, time_point now, simulated_grains::answer done);
  [[nodiscard]] const grain_truth* truth() const noexcept { return truth_; }
  [[nodiscard]] simulated_stores& stores() noexcept { return stores_; }
  /// A command of a shard that it serves. `done` may be called later, or be dropped when the process ends.
  void submit(std::uint32_t shard, const cache_command& c, time_point deadline, time_point now, reply_callback done);
  /// A client that waits for elements, at a shard that is served here.
  void wait(std::uint32_t shard, const cache_command& c, time_point until, time_point now, reply_callback done);
  /// A get of a shard that it serves, where a loader brings what is not there. The number of a load that begins with
  /// it, which finish_load is to end; 0: none.
  std::uint64_t load(std::uint32_t shard, const cache_command& c, time_point deadline, time_point now,
                     reply_callback done);
  void finish_load(std::uint32_t shard, std::uint64_t load, const load_result& result, time_point now);
  /// With caches.default.replicas = "all"; null: no copies are kept.
  [[nodiscard]] simulated_copies* copies() noexcept { return copies_.get(); }
  /// From now on its stores take no table, as those of another version may not.
  void refuse_tables() noexcept { refuses_tables_ = true; }
  /// The first thing that it could not do for its machine; empty: there was none.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

 private:
  static constexpr duration stream_tick = std::chrono::milliseconds(20);
  static constexpr char writes_tag = 'w', answers_tag = 'a';  // beside the tags of the cluster machine

  void carry_out();
  void carry_streams();
  void carry_copies();
  void carry_grains();
  void tick_streams(time_point now);
  [[nodiscard]] bool restless() const;
  void take_writes(std::uint64_t pid, std::string_view bytes);
  void take_answers(std::uint64_t pid, std::string_view bytes);
  void send_to(const link_target& to, const std::string& bytes);
  [[nodiscard]] bool adopt();
  void finish_writes(time_point now);

  node_index self_;
  config settings_;
  outside& out_;
  random rng_;
  incarnation_id id_;
  std::unique_ptr<cluster_machine> machine_;
  cluster_output output_;
  accepted_table adopted_;
  simulated_stores stores_{simulated_shards};
  simulated_leader_store* leader_store_ = nullptr;
  simulated_log* log_ = nullptr;
  std::unique_ptr<simulated_journal> journal_;
  simulated_channel channel_;
  std::unique_ptr<simulated_copies> copies_;
  grain_truth* truth_ = nullptr;
  std::unique_ptr<simulated_grains> grains_;
  reminder_truth* reminded_ = nullptr;
  std::unique_ptr<simulated_reminders> reminders_;
  time_point streams_ticked_{};
  std::deque<std::uint64_t> written_;  // tokens, handed over with the next tick, which comes at once
  time_point now_{};
  bool departed_ = false;
  bool refuses_tables_ = false;
  std::string fault_;
  std::shared_ptr<load_budget> loads_ = std::make_shared<load_budget>(1000, 10'000);
};

/// Over all processes, by true time: one leader at an instant and a term, terms that rise, one primary of a
/// shard, one table a stamp, stamps that rise within a process, a PID for one incarnation only.
class cluster_checker final : public checker {
 public:
  void on_step(world& w, node_index changed) override;
  void on_gone(world&, node_index gone) override { seen_.erase(gone); }

  /// With a leader store that forgets, a leader may act under a term below one that only members had heard of
  /// which were away; nobody who followed the higher one follows it.
  bool store_forgets = false;

  /// Tables that were adopted anywhere, by stamp.
  [[nodiscard]] std::size_t tables() const noexcept { return tables_.size(); }
  [[nodiscard]] std::size_t terms() const noexcept { return leaders_.size(); }

 private:
  struct seen {
    stamp table;
    record_ptr record;
    time_point served_until = time_point::min();
    std::map<std::uint64_t, incarnation_id> followed;  // by term
  };
  void check_followed(world& w, node_index n, const cluster_process& p);
  void check_leader(world& w, node_index n, const cluster_process& p);
  void check_primaries(world& w, node_index n, const cluster_process& p);
  void check_table(world& w, node_index n, const cluster_process& p);
  void check_record(world& w, node_index n, const cluster_process& p);
  void check_lease(world& w, node_index n, const cluster_process& p);
  static void check_grains(world& w, node_index n, const cluster_process& p);

  std::map<node_index, seen> seen_;
  std::map<std::uint64_t, incarnation_id> leaders_;  // by term
  std::map<stamp, shard_table> tables_;
  std::map<std::uint64_t, member_ref> pids_;
};

class cluster_stage {
 public:
  using adjustment = std::function<void(config&)>;
  cluster_stage(world_options options, std::string profile, adjustment adjust = {});

  [[nodiscard]] const cluster_machine& at(node_index n) const { return *w.process_of<cluster_process>(n)->machine(); }
  /// The node that all of `group` follow and that may act; none while they disagree.
  [[nodiscard]] std::optional<node_index> leader(const std::vector<node_index>& group) const;
  [[nodiscard]] std::optional<node_index> leader() const { return leader(running()); }
  /// All of `group` follow one leader, have a PID and went by the same table, whose primaries are among
  /// them and serve every shard.
  [[nodiscard]] bool settled(const std::vector<node_index>& group) const;
  [[nodiscard]] bool settled() const { return settled(running()); }
  [[nodiscard]] std::vector<node_index> running() const;
  [[nodiscard]] shard_set served_by(const std::vector<node_index>& group) const;
  void force_leave(node_index at_node, const std::string& name);
  /// The process leaves by itself and starts again a second later; the test fails when it does not end.
  void leave_and_return(node_index n);
  /// A node that is primary of some shard: the leader, or another.
  [[nodiscard]] node_index victim(bool leads) const {
    return leads ? *leader() : (*leader() + 1) % static_cast<node_index>(w.size());
  }

  // Stories of faults, each ended by a settled cluster.
  void kill_and_return(bool leads);
  void kill_and_return_unwaited();
  void pause_in_turn();
  void cut_off_in_turn();
  /// Whatever comes, for 30 s, and healing.
  void random_faults();

  /// Runs until settled, or fails the test.
  void expect_settled(const std::string& when);
  /// Runs until no record was committed for 3 s, or fails the test: what no fault disturbs comes to rest.
  void expect_at_rest();

  std::string profile;
  simulated_leader_store* store = nullptr;  // given to each process that starts
  std::vector<simulated_log> logs;          // by node; empty: nothing is durable
  grain_truth* grains = nullptr;            // given to each process that starts
  reminder_truth* reminders = nullptr;      // the same
  world w;
  cluster_checker checks;
};

}  // namespace troupe::sim
