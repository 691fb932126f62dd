// Your own grains, singletons and other actors on simulated nodes: in one thread, on virtual time, from a seed, with
// faults; and your own invariants, looked at after everything that happens.
//
//   auto found = troupe::explore({.equip = bring_accounts}, 1, 100, [](troupe::simulation& sim) {
//     auto bank = std::make_shared<ledger>();
//     sim.every(200ms, [&sim, bank] { deposit(sim, *bank, sim.draw(sim.size())); });
//     sim.check("no deposit is made twice", [bank] { return bank->fault(); });
//   });
//   if (found.refused) puts(describe(*found.refused).c_str());
//   if (found.failure) puts(found.failure->text().c_str());
//
// explore() runs many seeds. When an invariant breaks, it looks for the shortest plan of faults by which the same one
// breaks, and says seed, plan and a timeline; the same seed and plan are the same run, bit for bit.
//
// What runs is what runs on a node: your actors on CAF, membership, election, the shard table, grains, singletons,
// registry, topics, delivery, caches in memory. Stood in for are clocks, scheduler, network and disk; docs/TESTING.md
// has what that hides. Nothing in a step, an invariant or an actor may block: no scoped_actor, no call that waits.
//
// Not thread-safe, and made anew for each run. What a body keeps lives as long as its simulation at least.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/cache.hpp>
#include <troupe/caf_actors.hpp>
#include <troupe/cluster.hpp>
#include <troupe/config.hpp>
#include <troupe/error.hpp>
#include <troupe/fault_plan.hpp>
#include <troupe/node.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct simulation_options {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;                          // 1 to 16
  duration runs_for = std::chrono::seconds(30);   // with faults, once the cluster stands; at most an hour
  duration heals_for = std::chrono::seconds(20);  // afterwards, without any; then at_end() looks
  fault_rates faults{};
  std::optional<fault_plan> plan{};                               // in place of one that is drawn by `faults`
  std::function<void(config&, std::size_t index)> adjust{};       // as local_cluster_options::adjust
  std::function<void(node_options&, std::size_t index)> equip{};  // the same; only `actors` may be given
  std::size_t lines_max = 2'000;                                  // of the timeline: the last ones are kept
};

struct simulation_result {
  bool ok = true;
  std::string violated{};  // the name of the invariant
  std::string words{};     // what it said
  duration at{};
  fault_plan plan{};
  std::vector<std::string> timeline{};
};

class simulation {
 public:
  static constexpr std::size_t nodes_max = 16;
  static constexpr duration forms_within = std::chrono::seconds(60);  // of virtual time
  /// Invariants of run() itself: a cluster that does not form, also because a node refuses what adjust and equip gave
  /// it (its words are the result's), and actors that never come to rest.
  static constexpr std::string_view forms = "the cluster forms";
  static constexpr std::string_view comes_to_rest = "actors come to rest";

  using step = std::function<void()>;
  /// What is wrong; empty: nothing.
  using invariant = std::function<std::string()>;
  using answer = std::function<void(expected<caf::message>)>;

  /// errc::invalid_argument for options out of bounds, a plan that does not fit, or what equip may not give. What a
  /// node refuses, a configuration or a prepare that throws, breaks `forms` in run().
  [[nodiscard]] static expected<std::unique_ptr<simulation>> make(simulation_options options);
  ~simulation();
  simulation(const simulation&) = delete;
  simulation& operator=(const simulation&) = delete;

  // --- before run(), or while it runs
  /// Again and again while faults may happen, first after one interval; not while the cluster heals.
  void every(duration interval, step f);
  void after(duration d, step f);
  /// After each start of a node, the first included; a killed node loses what was spawned there.
  void on_start(std::function<void(std::size_t index)> f);
  /// Looked at after everything that happens once the cluster stands. The first that is broken ends the run.
  void check(std::string name, invariant holds);
  /// Looked at when all has healed.
  void at_end(std::string name, invariant holds);

  // --- while it runs
  [[nodiscard]] std::size_t size() const noexcept;
  /// Has a process, which may stand still.
  [[nodiscard]] bool running(std::size_t index) const;
  /// Of a running node, until it is killed; asking for another is a programmer's error.
  [[nodiscard]] cluster_actors& at(std::size_t index);
  [[nodiscard]] std::shared_ptr<const cluster_view> view(std::size_t index);
  /// Only its calls with a callback may be used.
  [[nodiscard]] expected<cache> open_cache(std::size_t index, const std::string& name = "default");
  /// A client at a running node sends a request; `done` gets the answer, its error, or errc::outcome_unknown after
  /// `deadline`. Nothing comes when its node is killed before, or does not run: then false.
  bool ask(std::size_t index, const caf::actor& whom, caf::message what, duration deadline, answer done);
  /// Since the cluster stood.
  [[nodiscard]] duration now() const;
  /// Uniform in [0, bound), from the seed: what a test draws.
  [[nodiscard]] std::uint64_t draw(std::uint64_t bound);
  /// A line of the timeline.
  void note(std::string line);

  /// Once.
  [[nodiscard]] simulation_result run();

 private:
  class state;
  explicit simulation(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

using simulation_body = std::function<void(simulation&)>;

struct simulation_failure {
  std::uint64_t seed = 0;
  fault_plan drawn{};          // before it was made shorter
  simulation_result result{};  // of the short plan
  std::size_t trials = 0;      // runs that looked for it

  /// Seed, invariant, plan, how to run it again, and the last `lines` of the timeline.
  [[nodiscard]] std::string text(std::size_t lines = 60) const;
};

struct exploration {
  std::uint64_t seeds = 0;  // that were run
  std::optional<simulation_failure> failure{};
  std::optional<error> refused{};  // what was asked for, before it was run
};

/// Runs `body` and a simulation for each seed, until an invariant breaks. The environment may ask for one run instead:
/// TROUPE_SIMULATION_SEED, and TROUPE_SIMULATION_PLAN in the words of a plan (then the faults of the options count for
/// nothing). `refused` with errc::invalid_argument when the one is no decimal number, the other no plan, or there is a
/// plan without a seed: a test looks at it, too.
[[nodiscard]] exploration explore(simulation_options options, std::uint64_t first, std::uint64_t last,
                                  const simulation_body& body);

}  // namespace troupe
