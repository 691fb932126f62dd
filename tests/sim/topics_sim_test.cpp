// Topics under faults: order, no repetition, one of a group, no silence about what was missed; and after healing every
// subscriber gets everything again, and all nodes have the same retained values.
#include <gtest/gtest.h>

#include "tests/sim/fault_plan.hpp"
#include "tests/sim/seeds.hpp"
#include "tests/sim/topics_stage.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t seeds_of_faults = 504;
constexpr std::uint32_t seeds_of_alarms = 80;

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

void expect_all_arrives(topics_stage& s, bool retain) {
  expect_within(
      s.w, 60s, [&s] { return s.settled(); }, "all nodes know each other's subscribers and the same retained values");
  s.expect_retained_seen();
  const auto from = s.publish_everywhere(retain);
  expect_within(
      s.w, 20s, [&] { return s.arrived(from); }, "every subscriber, and one of each group, has everything");
}

class topics_seeds : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(topics_seeds, survive_random_faults) {
  std::uint64_t received = 0;
  std::uint64_t gaps = 0;
  std::uint64_t late = 0;
  for_each_seed(
      GetParam(),
      [&](std::uint64_t seed) {
        topics_setup setup;
        setup.how = seed % 2 == 0 ? channel::datagram : channel::stream;
        setup.false_alarms = seed % 3 == 0 ? 0.01 : 0;
        topics_stage s(world_of(seed, 2 + static_cast<std::uint32_t>(seed % 5)), setup);
        for (node_index n = 0; n < s.w.size(); ++n) {
          s.w.after(s.w.rng().between(0ms, 2s), [&s, n] { s.w.start(n); });
        }
        s.run_actions(seed % 5 == 0 ? 10ms : 100ms, 20s);
        fault_mix mix;
        mix.gap_max = 2s;
        mix.length_max = 4s;
        mix.down_max = s.w.size() - 1;
        plan_random_faults(s.w, mix, 20s);
        s.w.run_for(25s);
        s.w.heal();
        s.setup.false_alarms = 0;
        expect_sound(s.w);
        expect_all_arrives(s, seed % 4 == 0);
        expect_sound(s.w);
        received += s.received;
        gaps += s.gaps;
        late += s.late;
      },
      seeds_of_faults);
  if (std::getenv("TROUPE_SIM_SEED") != nullptr) return;
  EXPECT_GT(received, 1000U);
  EXPECT_GT(gaps, 10U);
  EXPECT_GT(late, 0U);
}

// Answers are often older than the last time that their node was taken for gone.
TEST_P(topics_seeds, a_node_that_is_taken_for_gone_again_and_again_is_told_what_it_missed) {
  std::uint64_t gaps = 0;
  for_each_seed(
      GetParam(),
      [&](std::uint64_t seed) {
        topics_setup setup;
        setup.how = seed % 2 == 0 ? channel::datagram : channel::stream;
        setup.false_alarms = 0.1;
        topics_stage s(world_of(seed, 2 + static_cast<std::uint32_t>(seed % 3)), setup);
        s.w.conditions().latency_max = 600ms;
        s.w.conditions().loss = 0.2;
        s.w.start_all();
        s.run_actions(20ms, 10s);
        s.w.run_for(12s);
        s.w.heal();
        s.setup.false_alarms = 0;
        expect_sound(s.w);
        expect_all_arrives(s, false);
        expect_sound(s.w);
        gaps += s.gaps;
      },
      seeds_of_alarms);
  if (std::getenv("TROUPE_SIM_SEED") != nullptr) return;
  EXPECT_GT(gaps, 10U);
}

INSTANTIATE_TEST_SUITE_P(shard, topics_seeds, ::testing::Range(0U, seed_shards));

TEST(topics_sim, nothing_is_lost_or_told_as_missed_while_all_is_well) {
  topics_setup setup;
  setup.noticed = 1;
  setup.retained = 0;  // a repair that overtakes a message is told as a gap
  topics_stage s(world_of(1, 5), setup);
  s.w.start_all();
  s.w.run_for(2s);
  s.run_actions(5ms, s.w.now() + 20s);
  s.w.run_for(22s);
  expect_sound(s.w);
  EXPECT_EQ(s.gaps, 0U);
  expect_all_arrives(s, false);
}

TEST(topics_sim, two_sides_of_a_split_network_learn_what_was_retained_when_it_heals) {
  topics_stage s(world_of(5, 6), {});
  s.w.start_all();
  s.run_actions(20ms, 5s);
  s.w.run_for(6s);
  s.w.partition({0, 1, 2});
  s.run_actions(20ms, s.w.now() + 5s);
  s.w.run_for(6s);
  s.w.unpartition({0, 1, 2});
  expect_all_arrives(s, true);
  expect_sound(s.w);
}

// As many subscribers as before, and a message would go to one that is none any more.
TEST(topics_sim, a_subscriber_that_joined_a_group_while_cut_off_is_sought_in_it_when_all_are_settled) {
  topics_setup setup;
  setup.noticed = 1;
  topics_stage s(world_of(1, 2), setup);
  s.w.start_all();
  topic_subscription_id alone = 0;
  const auto at_second = [&s](const auto& act) {
    s.w.with_process(1, [&](process& p, time_point now) { act(static_cast<topics_process&>(p), now); });
  };
  at_second([&](topics_process& p, time_point now) { alone = p.subscribe("t0", "", now); });
  s.w.run_for(2s);
  ASSERT_TRUE(s.settled());
  s.w.partition({0});
  at_second([&](topics_process& p, time_point now) {
    p.unsubscribe(alone, now);
    (void)p.subscribe("t0", "g", now);
  });
  s.w.run_for(1s);
  ASSERT_EQ(s.at(0)->machine().subscribers("t0"), 1U);
  EXPECT_FALSE(s.settled());
  s.w.unpartition({0});
  expect_all_arrives(s, false);
  expect_sound(s.w);
}

}  // namespace
}  // namespace troupe::sim
