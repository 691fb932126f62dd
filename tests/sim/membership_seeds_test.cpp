// Random faults from many seeds: no rule is ever broken, and after healing all see all.
#include <gtest/gtest.h>

#include "tests/sim/membership_stage.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

class membership_seeds : public ::testing::TestWithParam<std::uint32_t> {};

void survive(std::uint64_t seed, const fault_mix& mix, bool departures) {
  stage_options o;
  o.world.seed = seed;
  o.world.nodes = 2 + seed % 7;
  o.profile = seed % 3 == 0 ? "fast" : seed % 3 == 1 ? "lan" : "local";
  o.seed_nodes = 1 + seed % 3;
  o.links = seed % 2 == 0;
  o.time_of_day = seed % 5 != 0;  // a clock may be wrong
  membership_stage s(o);
  membership_checker checks;
  s.w.add(checks);
  for (node_index n = 0; n < s.w.size(); ++n) {
    s.w.after(s.w.rng().between(0ms, 2s), [&s, n] { s.w.start(n); });
  }
  plan_random_faults(s.w, mix, 90s);
  for (int i = 0; departures && i < 3; ++i) {
    const auto n = static_cast<node_index>(s.w.rng().below(s.w.size()));
    s.w.after(s.w.rng().between(10s, 90s), [&s, n] { s.w.leave(n); });
    s.w.after(s.w.rng().between(10s, 110s), [&s, n] { s.w.start(n); });
  }
  for (int second = 0; second < 110; ++second) {
    s.w.run_for(1s);
    s.link_all();
  }
  s.w.heal();
  expect_sound(s.w);
  expect_within(
      s.w, 60s, [&s] { return s.all_see_all(); }, "all see all after healing");
  s.w.run_for(30s);
  expect_sound(s.w);
  EXPECT_TRUE(s.all_see_all()) << "healed, but not for long";
}

TEST_P(membership_seeds, survives_random_faults) {
  fault_mix mix;
  mix.down_max = 2;
  mix.blocked_io = 1;
  for_each_seed(GetParam(), [&mix](std::uint64_t seed) { survive(seed, mix, false); });
}

TEST_P(membership_seeds, survives_random_faults_and_departures) {
  fault_mix mix;
  mix.gap_max = 20s;
  mix.blocked_io = 1;
  for_each_seed(GetParam(), [&mix](std::uint64_t seed) { survive(seed, mix, true); });
}

INSTANTIATE_TEST_SUITE_P(shard, membership_seeds, ::testing::Range(0U, seed_shards));

}  // namespace
}  // namespace troupe::sim
