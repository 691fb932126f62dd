// Grains through kills, pauses, cuts and moves: at most one activation of each is served at any time, a message is
// handled once or refused, and who asks gets one answer.
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/cluster_process.hpp"
#include "tests/sim/seeds.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds_each = 12;

struct grain_stage : cluster_stage {
  grain_stage(std::uint64_t seed, const std::string& with_profile, std::uint32_t copies)
      : cluster_stage(
            [&] {
              world_options o;
              o.nodes = 3;
              o.seed = seed;
              return o;
            }(),
            with_profile,
            [copies](config& c) {
              c.cache.replicas = copies;
              c.node.drain_timeout = 20s;
            }) {
    grains = &truth;
    w.start_all();
    expect_settled("after the start");
    ask_again(2ms);
    w.run_for(1s);
  }
  void ask_again(duration gap) {
    w.after(gap, [this, gap] {
      if (resting) return;
      const auto n = static_cast<node_index>(w.rng().below(w.size()));
      (void)ask(n, static_cast<std::uint32_t>(w.rng().below(simulated_grains_total)));
      ask_again(gap);
    });
  }
  /// False when the node does not run.
  bool ask(node_index n, std::uint32_t grain) {
    if (!w.running(n) || w.paused(n)) return false;
    w.with_process(n, [&](process& p, time_point now) {
      auto& node = static_cast<cluster_process&>(p);
      if (node.machine() == nullptr) return;
      ++asked;
      const auto answers = std::make_shared<int>(0);
      node.ask_grain(grain, now, [this, answers](bool ok) {
        if (++*answers > 1) w.fail("a request got two answers");
        ++(ok ? good : bad);
      });
    });
    return true;
  }
  /// All is well: every grain answers at every node, and nobody waits.
  void finish() {
    expect_settled("at the end");
    w.run_for(3s);
    resting = true;
    w.run_for(12s);
    for (node_index n = 0; n < w.size(); ++n)
      EXPECT_EQ(w.process_of<cluster_process>(n)->grains()->unanswered(), 0U) << "who asks is answered";
    const auto before = good;
    for (node_index n = 0; n < w.size(); ++n) {
      for (std::uint32_t g = 0; g < simulated_grains_total; ++g) EXPECT_TRUE(ask(n, g));
    }
    w.run_for(3s);
    EXPECT_EQ(good - before, w.size() * simulated_grains_total) << "every grain is served again";
    expect_sound(w);
  }

  grain_truth truth;
  bool resting = false;
  std::uint64_t asked = 0, good = 0, bad = 0;
};

class cluster_grains : public ::testing::TestWithParam<const char*> {
 protected:
  static void tell(std::uint32_t copies, const std::function<void(grain_stage&)>& tale) {
    grain_truth::numbers all;
    std::uint64_t asked = 0, good = 0;
    for (std::uint64_t seed = 1; seed <= seeds_each && !HasFailure(); ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      grain_stage s(seed, GetParam(), copies);
      if (HasFailure()) return;
      tale(s);
      if (HasFailure()) return;
      s.finish();
      all.activations += s.truth.count.activations;
      all.rested += s.truth.count.rested;
      all.handled += s.truth.count.handled;
      all.forwarded += s.truth.count.forwarded;
      all.held += s.truth.count.held;
      asked += s.asked;
      good += s.good;
    }
    if (HasFailure()) return;
    EXPECT_GT(all.activations, 200U * seeds_each);
    EXPECT_GT(all.rested, 50U * seeds_each);
    EXPECT_GT(all.forwarded, 500U * seeds_each);
    EXPECT_GT(all.held, 100U * seeds_each);
    EXPECT_GT(good, asked / 2);
  }
};

TEST_P(cluster_grains, through_kills_of_primaries) {
  tell(1, [](grain_stage& s) {
    s.kill_and_return(false);
    if (!::testing::Test::HasFailure()) s.kill_and_return(true);
  });
}

TEST_P(cluster_grains, through_kills_where_there_are_no_copies) {
  tell(0, [](grain_stage& s) { s.kill_and_return_unwaited(); });
}

TEST_P(cluster_grains, through_pauses) {
  tell(1, [](grain_stage& s) { s.pause_in_turn(); });
}

TEST_P(cluster_grains, through_cuts_on_both_sides) {
  tell(1, [](grain_stage& s) { s.cut_off_in_turn(); });
}

// A planned move costs nobody an answer.
TEST_P(cluster_grains, while_shards_move_to_and_fro) {
  tell(1, [](grain_stage& s) {
    const auto n = s.victim(false);
    s.leave_and_return(n);
    s.w.run_for(5s);
  });
}

INSTANTIATE_TEST_SUITE_P(profile, cluster_grains, ::testing::Values("fast", "lan"),
                         [](const auto& tested) { return std::string(tested.param); });

// Whatever comes, from many seeds.
class grains_seeds : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(grains_seeds, survive_random_faults) {
  for_each_seed(
      GetParam(),
      [](std::uint64_t seed) {
        grain_stage s(seed, "fast", static_cast<std::uint32_t>(seed % 2));
        if (::testing::Test::HasFailure()) return;
        s.random_faults();
        s.finish();
      },
      40);
}

INSTANTIATE_TEST_SUITE_P(shard, grains_seeds, ::testing::Range(0U, seed_shards));

}  // namespace
}  // namespace troupe::sim
