// Registered actors under faults: what a node holds of another is what that one had, and after healing all know all.
#include <gtest/gtest.h>

#include "tests/sim/fault_plan.hpp"
#include "tests/sim/registry_stage.hpp"
#include "tests/sim/seeds.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t seeds_of_faults = 504;

world_options world_of(std::uint64_t seed, std::uint32_t nodes) {
  world_options o;
  o.seed = seed;
  o.nodes = nodes;
  if (seed % 2 == 0) {
    o.link.loss = 0.05;
    o.link.duplicate = 0.05;
    o.link.reorder = 0.1;
  }
  return o;
}

void expect_converged(registry_stage& s, duration limit) {
  expect_within(
      s.w, limit, [&s] { return s.converged(); }, "all nodes know what all have registered");
}

class registry_seeds : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(registry_seeds, survive_random_faults) {
  for_each_seed(
      GetParam(),
      [](std::uint64_t seed) {
        registry_setup setup;
        setup.how = seed % 2 == 0 ? channel::datagram : channel::stream;
        setup.false_alarms = seed % 3 == 0 ? 0.01 : 0;
        registry_stage s(world_of(seed, 3 + static_cast<std::uint32_t>(seed % 6)), setup);
        for (node_index n = 0; n < s.w.size(); ++n) {
          s.w.after(s.w.rng().between(0ms, 2s), [&s, n] { s.w.start(n); });
        }
        s.run_changes(seed % 5 == 0 ? 10ms : 300ms, 20s);
        fault_mix mix;
        mix.gap_max = 2s;
        mix.length_max = 4s;
        mix.down_max = s.w.size() - 1;
        plan_random_faults(s.w, mix, 20s);
        s.w.run_for(25s);
        s.w.heal();
        s.setup.false_alarms = 0;
        expect_sound(s.w);
        expect_converged(s, 30s);
        EXPECT_GT(s.changes, 20U);
        EXPECT_GT(s.looked_at, 20U);
      },
      seeds_of_faults);
}

INSTANTIATE_TEST_SUITE_P(shard, registry_seeds, ::testing::Range(0U, seed_shards));

TEST(registry_sim, a_new_node_knows_all_within_a_second) {
  registry_setup setup;
  setup.noticed = 1;
  registry_stage s(world_of(1, 40), setup);
  for (node_index n = 0; n + 1 < s.w.size(); ++n) s.w.start(n);
  s.run_changes(5ms, 5s);
  s.w.run_for(30s);
  ASSERT_TRUE(s.converged());
  s.w.start(39);
  expect_converged(s, 1s);
  s.w.crash(39);
  s.w.run_for(200ms);
  EXPECT_TRUE(s.converged()) << "and what it registered went with it";
}

TEST(registry_sim, news_reach_a_hundred_nodes_within_a_second) {
  registry_setup setup;
  setup.noticed = 1;
  registry_stage s(world_of(3, 100), setup);
  s.w.start_all();
  s.w.run_for(2s);
  for (int i = 0; i < 10; ++i) {
    s.w.with_process(static_cast<node_index>(s.w.rng().below(100)),
                     [](process& p, time_point now) { static_cast<registry_process&>(p).change(now); });
    expect_converged(s, 1s);
    s.w.run_for(1s);
  }
}

TEST(registry_sim, two_sides_of_a_split_network_learn_of_each_other_when_it_heals) {
  registry_stage s(world_of(5, 6), {});
  s.w.start_all();
  s.w.run_for(5s);
  s.w.partition({0, 1, 2});
  s.run_changes(50ms, s.w.now() + 5s);
  s.w.run_for(6s);
  EXPECT_FALSE(s.converged());
  s.w.unpartition({0, 1, 2});
  expect_converged(s, 20s);
}

}  // namespace
}  // namespace troupe::sim
