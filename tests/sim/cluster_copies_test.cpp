// A cache that every node has a copy of (replicas = "all"), through kills, pauses, cuts, departures and joins: readers
// at every node get nothing older than they may, and all copies become what the primaries have. shard_client asks in
// the same runs that no acknowledged write is lost.
#include <algorithm>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/cluster_process.hpp"
#include "tests/sim/fault_plan.hpp"
#include "tests/sim/reading_client.hpp"
#include "tests/sim/seeds.hpp"
#include "tests/sim/shard_client.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds_each = 6;

struct copied_stage : cluster_stage {
  copied_stage(std::uint32_t nodes, std::uint64_t seed, const std::string& with_profile)
      : cluster_stage(
            [&] {
              world_options o;
              o.nodes = nodes;
              o.seed = seed;
              return o;
            }(),
            with_profile,
            [](config& c) {
              c.caches["default"].replicas = replicas_everywhere;
              c.node.drain_timeout = 20s;
            }),
        readers(std::make_shared<reading_client>(w)),
        client(std::make_shared<shard_client>(w)) {
    w.start_all();
    expect_settled("after the start");
    expect_green("after the start");
    readers->start(2ms);
    client->start(5ms);
    w.run_for(2s);
  }
  /// Every shard has the copy in sync that makes its writes safe: the next death takes nothing.
  void expect_green(const std::string& when) {
    expect_within(
        w, 60s,
        [this] {
          if (!settled()) return false;
          const auto& rows = w.process_of<cluster_process>(running().front())->adopted().rows;
          return std::all_of(rows.begin(), rows.end(),
                             [](const shard_row& r) { return r.in_sync.size() == 1 && r.heir == 0; });
        },
        "every shard has its copy in sync, " + when);
  }
  /// Writes end, and every copy is what the primaries have.
  void expect_converged() {
    expect_settled("at the end");
    readers->rest();
    client->rest();
    w.run_for(3s);
    std::string why;
    expect_within(
        w, 20s, [this, &why] { return readers->converged(&why); }, "every copy is whole and the same");
    EXPECT_TRUE(why.empty() || readers->converged(&why)) << why;
    EXPECT_TRUE(client->read_all());
    w.run_for(100ms);
    expect_sound(w);
  }

  std::shared_ptr<reading_client> readers;
  std::shared_ptr<shard_client> client;
};

class cluster_copies : public ::testing::TestWithParam<const char*> {
 protected:
  static void tell(std::uint32_t nodes, const std::function<void(copied_stage&)>& tale) {
    std::uint64_t answered = 0, asked = 0, acknowledged = 0;
    for (std::uint64_t seed = 1; seed <= seeds_each && !HasFailure(); ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      copied_stage s(nodes, seed, GetParam());
      if (HasFailure()) return;
      tale(s);
      expect_sound(s.w);
      if (HasFailure()) return;
      s.expect_converged();
      EXPECT_EQ(s.client->shards_lost(), 0U);
      answered += s.readers->answered();
      asked += s.readers->asked();
      acknowledged += s.readers->acknowledged();
    }
    EXPECT_GT(answered, asked / 3) << "copies answer most of the time";
    EXPECT_GT(acknowledged, 200U * seeds_each);
  }
};

TEST_P(cluster_copies, are_the_same_after_kills_and_joins) {
  tell(3, [](copied_stage& s) {
    for (const bool leads : {false, true}) {
      const auto n = s.victim(leads);
      s.w.crash(n);
      s.expect_settled("without the killed node");
      s.w.run_for(2s);
      s.w.start(n);
      s.expect_green("with it");
      s.w.run_for(4s);
      if (::testing::Test::HasFailure()) return;
    }
  });
}

TEST_P(cluster_copies, are_the_same_after_cuts) {
  tell(3, [](copied_stage& s) {
    for (const bool leads : {false, true}) {
      const auto n = s.victim(leads);
      s.w.partition({n});
      s.w.run_for(12s);
      s.w.unpartition({n});
      s.expect_green("after healing");
      s.w.run_for(3s);
      if (::testing::Test::HasFailure()) return;
    }
  });
}

TEST_P(cluster_copies, answer_nothing_old_after_pauses) {
  tell(3, [](copied_stage& s) {
    for (int i = 0; i < 4; ++i) {
      const auto n = s.victim(i % 2 == 0);
      s.w.pause(n);
      s.w.run_for(i < 2 ? s.w.rng().between(100ms, 900ms) : duration(10s));
      s.w.resume(n);
      s.expect_green("after the pause");
      s.w.run_for(1s);
      if (::testing::Test::HasFailure()) return;
    }
  });
}

TEST_P(cluster_copies, follow_shards_that_move) {
  tell(5, [](copied_stage& s) {
    const auto n = s.victim(false);
    s.leave_and_return(n);
    s.w.run_for(4s);
  });
}

INSTANTIATE_TEST_SUITE_P(profile, cluster_copies, ::testing::Values("fast", "lan"),
                         [](const auto& tested) { return std::string(tested.param); });

class copies_seeds : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(copies_seeds, survive_random_faults) {
  for_each_seed(
      GetParam(),
      [](std::uint64_t seed) {
        copied_stage s(3, seed, "fast");
        if (::testing::Test::HasFailure()) return;
        fault_mix mix;
        mix.gap_max = 3s;
        mix.length_max = 8s;
        plan_random_faults(s.w, mix, 25s);
        s.w.run_for(35s);
        s.w.heal();
        s.w.run_for(2s);
        s.expect_converged();
      },
      40);
}

INSTANTIATE_TEST_SUITE_P(shard, copies_seeds, ::testing::Range(0U, seed_shards));

}  // namespace
}  // namespace troupe::sim
