// Modules under faults: nothing starts without what it requires or stops under those that need it, and when the world
// is calm exactly those run that can.
#include <gtest/gtest.h>

#include "tests/sim/fault_plan.hpp"
#include "tests/sim/modules_stage.hpp"
#include "tests/sim/seeds.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

world_options world_of(std::uint64_t seed, std::uint32_t nodes) {
  world_options o;
  o.seed = seed;
  o.nodes = nodes;
  return o;
}

class modules_seeds : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(modules_seeds, survive_members_and_services_that_come_and_go) {
  std::uint64_t starts = 0, stops = 0, failures = 0;
  for_each_seed(GetParam(), [&](std::uint64_t seed) {
    random rng(seed * 77 + 5);
    modules_setup setup;
    setup.specs = draw_specs(rng);
    setup.service_turns = seed % 4 == 0 ? 0.1 : seed % 2 == 0 ? 0.01 : 0;
    setup.start_fails = seed % 3 == 0 ? 0.2 : 0;
    setup.sick = seed % 3 == 1 ? 0.2 : 0;
    setup.hangs = seed % 5 == 0 ? 0.05 : 0;
    modules_stage s(world_of(seed, 1 + static_cast<std::uint32_t>(seed % 6)), setup);
    for (node_index n = 0; n < s.w.size(); ++n) {
      s.w.after(s.w.rng().between(0ms, 5s), [&s, n] { s.w.start(n); });
    }
    for (int i = 0; i < 4; ++i) {
      const auto n = static_cast<node_index>(s.w.rng().below(s.w.size()));
      const auto when = s.w.rng().between(10s, 60s);
      s.w.after(when, [&s, n] { s.w.leave(n); });
      s.w.after(when + 20s, [&s, n] { s.w.start(n); });
    }
    fault_mix mix;
    mix.gap_max = 4s;
    mix.length_max = 10s;
    mix.down_max = s.w.size();
    plan_random_faults(s.w, mix, 60s);
    s.w.run_for(90s);
    s.w.heal();
    s.setup.service_turns = s.setup.start_fails = s.setup.sick = s.setup.hangs = 0;
    expect_sound(s.w);
    expect_within(
        s.w, 3min, [&s] { return s.converged(); }, "exactly those modules run that can");
    expect_sound(s.w);
    starts += s.starts;
    stops += s.stops;
    failures += s.failures;
  });
  if (::testing::Test::HasFailure()) return;
  EXPECT_GT(starts, 50U);
  EXPECT_GT(stops, 10U);
}

INSTANTIATE_TEST_SUITE_P(shard, modules_seeds, ::testing::Range(0U, seed_shards));

module_spec spec(std::string name, std::vector<module_import> imports) {
  module_spec s;
  s.name = std::move(name);
  s.imports = std::move(imports);
  return s;
}

TEST(modules_sim, an_import_that_flaps_does_not_start_and_stop_a_module_with_it) {
  modules_setup setup;
  setup.specs = {spec("idle", {}), spec("shop", {{"db"}})};
  modules_stage s(world_of(3, 1), setup);
  s.w.start_all();
  for (int i = 1; i <= 240; ++i) {
    s.w.after(500ms * i, [&s] {
      s.w.with_process(0, [](process& p, time_point now) { static_cast<modules_process&>(p).turn_service("db", now); });
    });
  }
  s.w.run_for(2min);
  expect_sound(s.w);
  EXPECT_LT(s.at(0)->starts_of(1), 6U) << "120 times it came and went";
  expect_within(
      s.w, 20s, [&s] { return s.converged(); }, "and runs when that is over");
}

TEST(modules_sim, a_chain_over_three_nodes_stops_with_its_first_and_resumes_with_it) {
  modules_setup setup;
  setup.noticed = 1;
  // Of specs 0..3 node n leaves out those with (7m + 3n) % 4 == 0.
  setup.specs = {spec("base", {}), spec("middle", {{"base", import_scope::anywhere}}),
                 spec("top", {{"middle", import_scope::anywhere}}), spec("end", {{"top", import_scope::anywhere}})};
  modules_stage s(world_of(9, 3), setup);
  s.w.start_all();
  expect_within(
      s.w, 10s, [&s] { return s.converged(); }, "all run");
  for (int round = 0; round < 3; ++round) {
    for (node_index n = 1; n < 3; ++n) s.w.crash(n);
    expect_within(
        s.w, 10s, [&s] { return s.converged(); }, "what hung on them has stopped");
    s.w.start_all();
    expect_within(
        s.w, 30s, [&s] { return s.converged(); }, "all run again");
  }
  expect_sound(s.w);
}

}  // namespace
}  // namespace troupe::sim
