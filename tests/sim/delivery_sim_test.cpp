// Reliable delivery under faults: once and in order while both ends live, at least once across restarts, and after
// healing everything is confirmed.
#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/sim/delivery_stage.hpp"
#include "tests/sim/fault_plan.hpp"
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
    o.link.duplicate = 0.1;
    o.link.reorder = 0.1;
  }
  return o;
}

void expect_all_confirmed(delivery_stage& s) {
  expect_within(
      s.w, 60s, [&s] { return s.all_confirmed(); }, "everything that waits is confirmed");
}

class delivery_seeds : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(delivery_seeds, survive_random_faults) {
  std::uint64_t confirmed = 0;
  std::uint64_t again = 0;
  for_each_seed(
      GetParam(),
      [&](std::uint64_t seed) {
        delivery_stage s(world_of(seed, 2 + static_cast<std::uint32_t>(seed % 3)),
                         seed % 2 == 0 ? channel::datagram : channel::stream, seed % 3 == 0 ? 0.05 : 0);
        s.w.start_all();
        s.run_offers(seed % 5 == 0 ? 5ms : 50ms, 20s);
        fault_mix mix;
        mix.gap_max = 2s;
        mix.length_max = 4s;
        mix.down_max = s.w.size();
        plan_random_faults(s.w, mix, 20s);
        s.w.run_for(25s);
        s.w.heal();
        s.false_alarms = 0;
        expect_sound(s.w);
        expect_all_confirmed(s);
        EXPECT_GT(s.offered, 20U);
        confirmed += s.confirmed;
        again += s.again;
      },
      seeds_of_faults);
  if (std::getenv("TROUPE_SIM_SEED") != nullptr) return;
  EXPECT_GT(confirmed, 1000U);
  EXPECT_GT(again, 0U) << "a restarted receiver has forgotten";
}

INSTANTIATE_TEST_SUITE_P(shard, delivery_seeds, ::testing::Range(0U, seed_shards));

TEST(delivery_sim, everything_arrives_once_while_both_ends_live_whatever_the_network_does) {
  auto o = world_of(2, 3);
  o.link.loss = 0.3;
  o.link.duplicate = 0.3;
  o.link.reorder = 0.3;
  delivery_stage s(o, channel::datagram, 0.05);
  s.w.start_all();
  s.run_offers(50ms, 20s);
  s.w.run_for(20s);
  s.w.conditions().loss = 0.05;
  s.false_alarms = 0;
  expect_all_confirmed(s);
  expect_sound(s.w);
  EXPECT_EQ(s.handled, s.offered);
  EXPECT_EQ(s.again, 0U);
}

}  // namespace
}  // namespace troupe::sim
