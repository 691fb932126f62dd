// Loads and drops of a cache through kills, pauses, cuts and moves: one load of a key at a time in the whole cluster,
// and after an acknowledged erase, write or drop nobody ever sees again what was there before.
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/cluster_process.hpp"
#include "tests/sim/load_client.hpp"
#include "tests/sim/seeds.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds_each = 12;

struct loading_stage : cluster_stage {
  loading_stage(std::uint64_t seed, const std::string& with_profile, std::uint32_t copies)
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
            }),
        client(std::make_shared<load_client>(w)) {
    w.start_all();
    expect_settled("after the start");
    client->start(1ms, 400ms);
    w.run_for(1s);
  }
  /// Lets everybody come to an end: each get is answered, and what is read then is judged too.
  void finish() {
    expect_settled("at the end");
    w.run_for(2s);
    client->rest();
    w.run_for(10s);
    EXPECT_EQ(client->unanswered(), 0U) << "who waits for a load is answered";
    EXPECT_TRUE(client->read_all());
    w.run_for(10s);
    expect_sound(w);
  }

  std::shared_ptr<load_client> client;
};

class cluster_loads : public ::testing::TestWithParam<const char*> {
 protected:
  static void tell(std::uint32_t copies, const std::function<void(loading_stage&)>& tale) {
    load_client::numbers all;
    for (std::uint64_t seed = 1; seed <= seeds_each && !HasFailure(); ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      loading_stage s(seed, GetParam(), copies);
      if (HasFailure()) return;
      tale(s);
      if (HasFailure()) return;
      s.finish();
      const auto& n = s.client->count();
      all.loads += n.loads;
      all.values += n.values;
      all.changes += n.changes;
      all.drops += n.drops;
    }
    if (HasFailure()) return;
    EXPECT_GT(all.loads, 500U * seeds_each);
    EXPECT_GT(all.values, 1000U * seeds_each);
    EXPECT_GT(all.changes, 100U * seeds_each);
    EXPECT_GT(all.drops, 100U * seeds_each);
  }
};

TEST_P(cluster_loads, through_kills_of_primaries) {
  tell(1, [](loading_stage& s) {
    s.kill_and_return(false);
    if (!::testing::Test::HasFailure()) s.kill_and_return(true);
  });
}

TEST_P(cluster_loads, through_kills_where_there_are_no_copies) {
  tell(0, [](loading_stage& s) { s.kill_and_return_unwaited(); });
}

TEST_P(cluster_loads, through_pauses_with_loads_under_way) {
  tell(1, [](loading_stage& s) { s.pause_in_turn(); });
}

TEST_P(cluster_loads, through_cuts_on_both_sides) {
  tell(1, [](loading_stage& s) { s.cut_off_in_turn(); });
}

TEST_P(cluster_loads, while_shards_move_to_and_fro) {
  tell(1, [](loading_stage& s) {
    const auto n = s.victim(false);
    s.leave_and_return(n);
    s.w.run_for(5s);
  });
}

INSTANTIATE_TEST_SUITE_P(profile, cluster_loads, ::testing::Values("fast", "lan"),
                         [](const auto& tested) { return std::string(tested.param); });

// Whatever comes, from many seeds.
class loads_seeds : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(loads_seeds, survive_random_faults) {
  for_each_seed(
      GetParam(),
      [](std::uint64_t seed) {
        loading_stage s(seed, "fast", 1);
        if (::testing::Test::HasFailure()) return;
        s.random_faults();
        s.finish();
      },
      40);
}

INSTANTIATE_TEST_SUITE_P(shard, loads_seeds, ::testing::Range(0U, seed_shards));

}  // namespace
}  // namespace troupe::sim
