// Journals under faults: several writers of each stream, a database whose answers get lost, processes that die between
// an append and its answer. Streams stay without gaps, what was told as stored is there, states are what events make,
// and a projection that runs everywhere has every event once.
#include <gtest/gtest.h>

#include "tests/sim/fault_plan.hpp"
#include "tests/sim/journal_stage.hpp"
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

void expect_settled(journal_stage& s) {
  expect_within(
      s.w, 60s, [&s] { return s.settled(); }, "all writers live, and everything is projected");
  s.check_refused();
  expect_sound(s.w);
}

class journal_seeds : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(journal_seeds, survive_random_faults) {
  std::uint64_t stored = 0, conflicts = 0, unknown = 0, snapshots = 0, truncated = 0;
  for_each_seed(GetParam(), [&](std::uint64_t seed) {
    journal_stage s(world_of(seed, 3 + static_cast<std::uint32_t>(seed % 3)));
    s.w.start_all();
    s.run_writers(seed % 3 == 0 ? 20ms : 200ms, 20s);
    fault_mix mix;
    mix.gap_max = 2s;
    mix.length_max = 6s;
    mix.down_max = s.w.size() - 1;
    plan_random_faults(s.w, mix, 20s);
    s.w.run_for(26s);
    s.w.heal();
    expect_settled(s);
    const auto before = s.stored;
    s.run_writers(50ms, s.w.now() + 5s);
    s.w.run_for(5s);
    expect_settled(s);
    EXPECT_GT(s.stored, before) << "healed, and nobody stores anything";
    stored += s.stored;
    conflicts += s.conflicts;
    unknown += s.unknown;
    snapshots += s.snapshots;
    truncated += s.database.truncated();
  });
  if (std::getenv("TROUPE_SIM_SEED") != nullptr) return;
  EXPECT_GT(stored, 500U);
  EXPECT_GT(conflicts, 20U);
  EXPECT_GT(unknown, 0U);
  EXPECT_GT(snapshots, 20U);
  EXPECT_GT(truncated, 20U);
}

INSTANTIATE_TEST_SUITE_P(shard, journal_seeds, ::testing::Range(0U, seed_shards));

TEST(journal_sim, one_writer_stores_everything_while_all_is_well) {
  journal_stage s(world_of(1, 2));
  s.w.start_all();
  s.w.run_for(1s);
  s.run_writers(20ms, s.w.now() + 20s);
  s.w.run_for(21s);
  expect_settled(s);
  EXPECT_EQ(s.conflicts, 0U);
  EXPECT_EQ(s.unknown, 0U);
  EXPECT_GT(s.stored, 500U);
}

}  // namespace
}  // namespace troupe::sim
