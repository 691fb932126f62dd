// Random faults from many seeds: no rule is ever broken, and after healing there is one leader.
#include <gtest/gtest.h>

#include "tests/sim/election_stage.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

class election_seeds : public ::testing::TestWithParam<std::uint32_t> {};

constexpr std::uint32_t fewer_seeds = 56;  // of each special story; scripts/soak.sh runs more

struct story {
  bool joiners = false;    // more members than voters
  bool disk_loss = false;  // one disk at a time, the next when its member votes again
  bool from_cold = false;  // faults while the cluster is founded
  bool departures = false;
  bool hand_overs = false;
};

election_setup setup_of(std::uint64_t seed, const story& s) {
  election_setup setup;
  setup.expected_members = s.joiners ? 3 : 3 + 2 * (seed % 2);
  setup.lease = seed % 3 == 0 ? 1500ms : 600ms;
  setup.take_over = s.hand_overs && seed % 3 == 0;
  setup.false_alarms = seed % 4 == 0 ? 0.02 : seed % 4 == 1 ? 0.002 : 0;
  return setup;
}

bool anyone_leaves(election_stage& s) {
  for (node_index n = 0; n < s.w.size(); ++n) {
    if (s.w.running(n) && s.process(n)->leaving()) return true;
  }
  return false;
}

/// Loses the disk of one node, again and again, whenever all voters are what the record says and stay:
/// a minority at a time.
void plan_disk_losses(election_stage& s, duration until) {
  s.w.after(s.w.rng().between(3s, 12s), [&s, until] {
    if (s.w.now() > until) return;
    if (s.settled() && !anyone_leaves(s)) {
      const auto n = static_cast<node_index>(s.w.rng().below(s.w.size()));
      s.w.crash(n, crash_kind::killed, false);
      s.w.after(s.w.rng().between(10ms, 4s), [&s, n] { s.w.start(n); });
    }
    plan_disk_losses(s, until);
  });
}

void plan_hand_overs(election_stage& s, duration until) {
  s.w.after(s.w.rng().between(200ms, 4s), [&s, until] {
    if (s.w.now() > until) return;
    s.ask_for_hand_over();
    plan_hand_overs(s, until);
  });
}

/// How many changes were committed.
std::uint64_t survive(std::uint64_t seed, const story& tale) {
  world_options o;
  o.seed = seed;
  const auto setup = setup_of(seed, tale);
  // Fewer joiners than could found a cluster of their own while they are cut off from the others.
  o.nodes = setup.expected_members + (tale.joiners ? 1 + seed % 2 : 0);
  if (seed % 5 == 0) o.write_max = 50ms;
  election_stage s(o, setup);
  for (node_index n = 0; n < setup.expected_members; ++n) {
    s.w.after(s.w.rng().between(0ms, 500ms), [&s, n] { s.w.start(n); });
  }
  for (node_index n = setup.expected_members; n < o.nodes; ++n) {
    s.w.after(s.w.rng().between(5s, 30s), [&s, n] { s.w.start(n); });
  }
  if (!tale.from_cold) {
    expect_within(
        s.w, 5s, [&s] { return s.settled(); }, "the cluster is founded");
  }
  fault_mix mix;
  mix.gap_max = 5s;
  mix.length_max = 8s;
  mix.down_max = seed % 2 == 0 ? 1 : o.nodes;
  plan_random_faults(s.w, mix, 40s);
  if (tale.disk_loss) plan_disk_losses(s, s.w.now() + 40s);
  if (tale.hand_overs) plan_hand_overs(s, s.w.now() + 50s);
  for (int i = 0; tale.departures && i < 4; ++i) {
    const auto n = static_cast<node_index>(s.w.rng().below(s.w.size()));
    s.w.after(s.w.rng().between(5s, 40s), [&s, n] { s.w.leave(n); });
    s.w.after(s.w.rng().between(10s, 46s), [&s, n] { s.w.start(n); });
  }
  s.w.run_for(50s);
  s.w.heal();
  expect_sound(s.w);
  expect_within(
      s.w, 30s, [&s] { return s.settled(); }, "one leader, one record, all voters, after healing");
  const auto before = s.checks.acknowledged;
  expect_within(
      s.w, 20s, [&] { return s.checks.acknowledged > before + 5; }, "changes are committed after healing");
  expect_sound(s.w);
  return s.checks.acknowledged;
}

// One run may be without a majority nearly all the time (seed 10570 with departures: one of three voters lost its disk,
// one was paused and left, and both were away until the end); many together are not.
void survive_all(std::uint32_t shard, std::uint32_t seeds, story (*tale_of)(std::uint64_t seed)) {
  constexpr std::uint64_t runs_min = 5;
  constexpr std::uint64_t changes_each = 20;
  std::uint64_t changes = 0;
  std::uint64_t runs = 0;
  const auto run = [&](std::uint64_t seed) {
    changes += survive(seed, tale_of(seed));
    ++runs;
  };
  for_each_seed(shard, run, seeds);
  if (runs >= runs_min) {
    EXPECT_GT(changes, runs * changes_each);
  }
}

TEST_P(election_seeds, survive_random_faults) {
  survive_all(GetParam(), seeds_default, [](std::uint64_t) -> story { return {}; });
}

TEST_P(election_seeds, survive_faults_while_the_cluster_is_founded) {
  survive_all(GetParam(), fewer_seeds, [](std::uint64_t) -> story { return {.from_cold = true}; });
}

TEST_P(election_seeds, survive_the_loss_of_one_disk_after_the_other) {
  survive_all(GetParam(), fewer_seeds, [](std::uint64_t) -> story { return {.disk_loss = true}; });
}

TEST_P(election_seeds, survive_with_more_members_than_voters_and_departures) {
  survive_all(GetParam(), fewer_seeds, [](std::uint64_t seed) -> story {
    return {.joiners = true, .disk_loss = seed % 2 == 0, .departures = true};
  });
}

TEST_P(election_seeds, survive_hand_overs_among_faults) {
  constexpr std::uint32_t seeds = 140;  // with the others 508
  survive_all(GetParam(), seeds, [](std::uint64_t seed) -> story {
    return {.joiners = seed % 4 == 0, .departures = seed % 2 == 0, .hand_overs = true};
  });
}

INSTANTIATE_TEST_SUITE_P(shard, election_seeds, ::testing::Range(0U, seed_shards));

}  // namespace
}  // namespace troupe::sim
