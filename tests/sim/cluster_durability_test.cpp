// Clusters with durable caches whose processes all end at once and start again. The client knows what every key may be:
// what was acknowledged must be there, whoever comes back first, and however often it happens.
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/cluster_process.hpp"
#include "tests/sim/list_client.hpp"
#include "tests/sim/shard_client.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

/// TROUPE_SIM_SEEDS: more of them, by hand.
std::uint64_t seeds_each() {
  const char* text = std::getenv("TROUPE_SIM_SEEDS");
  return text == nullptr ? 10 : std::strtoull(text, nullptr, 10);
}

enum class keeping : std::uint8_t { always, everysec, no };

struct durable_stage : cluster_stage {
  durable_stage(std::uint32_t nodes, std::uint64_t seed, std::uint32_t replicas, keeping how)
      : cluster_stage(
            [&] {
              world_options o;
              o.nodes = nodes;
              o.seed = seed;
              return o;
            }(),
            "fast",
            [replicas](config& c) {
              c.cache.replicas = replicas;
              c.caches["default"].durable = true;
            }),
        client(std::make_shared<shard_client>(w)),
        lists(std::make_shared<list_client>(w)) {
    logs.resize(nodes);
    for (auto& log : logs) {
      log.always = how == keeping::always;
      log.never = how == keeping::no;
      log.wall_ms = [this] {
        return std::uint64_t{1'700'000'000'000} +
               static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(w.now()).count());
      };
    }
    w.start_all();
    expect_settled("after the start");
    client->start(1ms);
    lists->start(5ms);
    w.run_for(2s);
  }

  void end_all(crash_kind how) {
    for (node_index n = 0; n < w.size(); ++n) end(n, how);
  }
  void end(node_index n, crash_kind how) {
    if (!w.running(n)) return;
    w.crash(n, how);
    if (how == crash_kind::powered_off) logs[n].lose_power(w.rng());
  }
  /// All keys are what they may be.
  void expect_everything(const std::string& when) {
    // Who was killed a moment ago may still be taken for the leader: it settles once more then.
    expect_within(
        w, 90s, [&] { return settled() && client->read_all() && lists->read_all(); }, "every key is read, " + when);
    w.run_for(500ms);
    expect_at_rest();
    expect_sound(w);
    EXPECT_EQ(client->shards_lost(), 0U) << when;
  }

  std::shared_ptr<shard_client> client;
  std::shared_ptr<list_client> lists;
};

void tell(std::uint32_t nodes, std::uint32_t replicas, keeping how, const std::function<void(durable_stage&)>& tale,
          std::uint64_t seeds_min = 1) {
  for (std::uint64_t seed = 1; seed <= std::max(seeds_min, seeds_each()) && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    durable_stage s(nodes, seed, replicas, how);
    if (::testing::Test::HasFailure()) return;
    tale(s);
    expect_sound(s.w);
    EXPECT_GT(s.client->acknowledged(), 300U);
    EXPECT_GT(s.lists->acknowledged(), 20U);
  }
}

TEST(cluster_durability, a_cluster_killed_at_once_has_everything_that_was_acknowledged) {
  for (const auto replicas : {0U, 1U, 2U}) {
    tell(3, replicas, keeping::no, [](durable_stage& s) {
      for (int round = 0; round < 3; ++round) {
        s.end_all(crash_kind::killed);
        s.w.run_for(s.w.rng().between(10ms, 3s));
        s.w.start_all();
        s.expect_everything("after all were killed");
        if (::testing::Test::HasFailure()) return;
      }
    });
  }
}

TEST(cluster_durability, a_cluster_without_power_has_everything_when_the_disk_was_asked_always) {
  for (const auto replicas : {0U, 1U}) {
    tell(3, replicas, keeping::always, [](durable_stage& s) {
      for (int round = 0; round < 3; ++round) {
        s.end_all(crash_kind::powered_off);
        s.w.run_for(s.w.rng().between(10ms, 3s));
        s.w.start_all();
        s.expect_everything("after the power failed");
        if (::testing::Test::HasFailure()) return;
      }
    });
  }
}

TEST(cluster_durability, a_second_after_the_last_write_everysec_has_it_without_power) {
  tell(3, 1, keeping::everysec, [](durable_stage& s) {
    s.client->rest();
    s.lists->rest();
    s.w.run_for(4s);
    s.end_all(crash_kind::powered_off);
    s.w.run_for(1s);
    s.w.start_all();
    s.expect_everything("after the power failed");
  });
}

TEST(cluster_durability, kills_while_the_shards_are_given_back_lose_nothing) {
  tell(3, 1, keeping::no, [](durable_stage& s) {
    for (int round = 0; round < 8; ++round) {
      s.end_all(crash_kind::killed);
      s.w.start_all();
      s.w.run_for(s.w.rng().between(1ms, 4s));
      s.end(static_cast<node_index>(s.w.rng().below(3)), crash_kind::killed);
      s.w.run_for(s.w.rng().between(1ms, 500ms));
    }
    s.w.start_all();
    s.expect_everything("at the end");
  });
}

TEST(cluster_durability, power_failures_at_any_moment_lose_nothing_with_always) {
  tell(5, 2, keeping::always, [](durable_stage& s) {
    for (int round = 0; round < 6; ++round) {
      for (node_index n = 0; n < 5; ++n) {
        if (s.w.rng().chance(0.7)) s.end(n, s.w.rng().chance(0.5) ? crash_kind::powered_off : crash_kind::killed);
      }
      s.w.run_for(s.w.rng().between(1ms, 2s));
      s.w.start_all();
      s.w.run_for(s.w.rng().between(1ms, 6s));
    }
    s.expect_everything("at the end");
  });
}

// It still holds those that were killed for alive, under numbers above those of the processes that took their places.
TEST(cluster_durability, the_old_picture_of_a_survivor_takes_no_shard_from_who_serves_it) {
  tell(
      5, 2, keeping::always,
      [](durable_stage& s) {
        for (int round = 0; round < 3; ++round) {
          const auto survivor = static_cast<node_index>(s.w.rng().below(5));
          for (node_index n = 0; n < 5; ++n) {
            if (n != survivor) s.end(n, crash_kind::killed);
          }
          s.w.run_for(s.w.rng().between(500ms, 2s));
          s.w.start_all();
          s.w.run_for(s.w.rng().between(2s, 4s));
        }
        s.expect_everything("at the end");
      },
      20);
}

TEST(cluster_durability, members_come_back_one_by_one_and_old_data_never_does) {
  tell(3, 1, keeping::no, [](durable_stage& s) {
    // Its shards move on without it, and are written; then all end, and it is there first.
    const auto early = static_cast<node_index>(s.w.rng().below(3));
    s.end(early, crash_kind::killed);
    s.expect_settled("without one");
    s.w.run_for(8s);
    s.end_all(crash_kind::killed);
    s.w.start(early);
    s.w.run_for(2s);
    s.w.start_all();
    s.expect_everything("with all again");
  });
}

TEST(cluster_durability, a_member_that_never_comes_back_is_waited_for_and_its_copies_go_on) {
  tell(3, 1, keeping::no, [](durable_stage& s) {
    s.w.run_for(3s);
    const auto gone = static_cast<node_index>(s.w.rng().below(3));
    s.end_all(crash_kind::killed);
    for (node_index n = 0; n < 3; ++n) {
      if (n != gone) s.w.start(n);
    }
    expect_within(
        s.w, 60s, [&] { return s.settled(); }, "the others serve every shard when the wait is over");
    s.expect_everything("without the one");
  });
}

TEST(cluster_durability, a_rolling_restart_loses_nothing_and_logs_are_written_anew_on_the_way) {
  tell(3, 1, keeping::everysec, [](durable_stage& s) {
    for (node_index n = 0; n < 3; ++n) {
      s.w.leave(n);
      expect_within(
          s.w, 15s, [&] { return !s.w.running(n); }, "the process that leaves exits");
      s.w.start(n);
      s.expect_settled("with node " + std::to_string(n));
      s.w.run_for(4s);
      if (::testing::Test::HasFailure()) return;
    }
    s.end_all(crash_kind::killed);
    s.w.start_all();
    s.expect_everything("after all were killed");
    std::uint64_t rewrites = 0;
    for (const auto& log : s.logs) rewrites += log.rewrites;
    EXPECT_GT(rewrites, 3U);
  });
}

}  // namespace
}  // namespace troupe::sim
