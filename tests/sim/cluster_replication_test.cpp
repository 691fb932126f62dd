// Replicated shards through kills, pauses, partitions and moves. The client knows what every key may be at any time;
// the tests ask that no acknowledged value is lost while a copy lives, and that writes go on soon.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/cluster_process.hpp"
#include "tests/sim/list_client.hpp"
#include "tests/sim/queue_client.hpp"
#include "tests/sim/shard_client.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds_each = 12;

struct replicated_stage : cluster_stage {
  replicated_stage(std::uint32_t nodes, std::uint64_t seed, const std::string& with_profile, std::uint32_t copies,
                   const std::string& min_availability = "primaries")
      : cluster_stage(
            [&] {
              world_options o;
              o.nodes = nodes;
              o.seed = seed;
              return o;
            }(),
            with_profile,
            [copies, min_availability](config& c) {
              c.cache.replicas = copies;
              c.cache.min_availability = min_availability;
              c.node.drain_timeout = 20s;
            }),
        replicas(copies),
        client(std::make_shared<shard_client>(w)),
        lists(std::make_shared<list_client>(w)),
        queues(std::make_shared<queue_client>(w)) {
    w.start_all();
    expect_settled("after the start");
    expect_green("after the start");
    client->start(1ms);
    lists->start(5ms);
    queues->start(20ms);
    w.run_for(1s);
  }

  /// Every shard has a primary that serves, and all wanted copies in sync.
  [[nodiscard]] bool green() const {
    if (!settled()) return false;
    const auto up = running();
    const auto wanted = wanted_replicas(replicas, static_cast<std::uint32_t>(w.size()), up.size());
    const auto& rows = w.process_of<cluster_process>(up.front())->adopted().rows;
    return std::all_of(rows.begin(), rows.end(), [&](const shard_row& r) {
      return r.in_sync.size() == std::min<std::size_t>(wanted, up.size() - 1) && r.heir == 0;
    });
  }
  void expect_green(const std::string& when) {
    expect_within(
        w, 60s, [this] { return green(); }, "every shard has its copies, " + when);
  }

  std::uint32_t replicas;
  std::shared_ptr<shard_client> client;
  std::shared_ptr<list_client> lists;
  std::shared_ptr<queue_client> queues;
};

class cluster_replication : public ::testing::TestWithParam<const char*> {
 protected:
  static void tell(std::uint32_t nodes, std::uint32_t copies, const std::function<void(replicated_stage&)>& tale,
                   const std::string& min_availability = "primaries") {
    for (std::uint64_t seed = 1; seed <= seeds_each && !HasFailure(); ++seed) {
      replicated_stage s(nodes, seed, GetParam(), copies, min_availability);
      if (HasFailure()) return;
      tale(s);
      expect_sound(s.w);
      if (HasFailure()) return;
      s.expect_green("at the end");
      if (HasFailure()) return;
      EXPECT_TRUE(s.client->read_all());
      EXPECT_TRUE(s.lists->read_all());
      s.queues->stop_pushing();
      s.w.run_for(5s);
      s.queues->check_drained();
      s.w.run_for(100ms);
      expect_sound(s.w);
      EXPECT_GT(s.lists->acknowledged(), 100U);
      EXPECT_GT(s.lists->moved(), 50U);
      EXPECT_GT(s.lists->read(), 50U);
      EXPECT_GT(s.queues->popped(), 50U);
      EXPECT_EQ(s.client->shards_lost(), 0U) << "seed " << seed;
    }
  }
};

TEST_P(cluster_replication, a_killed_primary_loses_no_acknowledged_write) {
  for (const bool leads : {false, true}) {
    tell(3, 1, [leads](replicated_stage& s) {
      const auto n = s.victim(leads);
      s.w.crash(n);
      s.expect_settled("without the killed node");
      s.expect_green("without the killed node");
      EXPECT_TRUE(s.client->read_all());
      s.w.start(n);
    });
  }
}

TEST_P(cluster_replication, kills_of_one_after_the_other_lose_nothing_while_copies_are_made_between_them) {
  tell(3, 1, [](replicated_stage& s) {
    for (node_index n = 0; n < 3; ++n) {
      s.w.crash(n, n == 1 ? crash_kind::powered_off : crash_kind::killed);
      s.expect_green("without node " + std::to_string(n));
      s.w.start(n);
      s.expect_green("with node " + std::to_string(n));
      if (HasFailure()) return;
    }
  });
}

TEST_P(cluster_replication, with_two_copies_two_of_five_may_die_at_once) {
  tell(5, 2, [](replicated_stage& s) {
    const auto leader = *s.leader();
    s.w.crash(leader);
    s.w.crash((leader + 2) % 5);
    s.expect_green("without the two");
    s.w.start(leader);
    s.w.start((leader + 2) % 5);
  });
}

TEST_P(cluster_replication, a_paused_primary_finds_on_waking_that_it_is_none) {
  tell(3, 1, [](replicated_stage& s) {
    for (const bool leads : {false, true}) {
      const auto n = s.victim(leads);
      s.w.pause(n);
      s.w.run_for(15s);
      s.w.resume(n);
      s.expect_green("after the pause");
      if (HasFailure()) return;
    }
  });
}

TEST_P(cluster_replication, a_pause_shorter_than_its_lease_costs_nothing_but_time) {
  tell(3, 1, [](replicated_stage& s) {
    for (int i = 0; i < 10; ++i) {
      const auto n = static_cast<node_index>(s.w.rng().below(3));
      s.w.pause(n);
      s.w.run_for(s.w.rng().between(50ms, 250ms));
      s.w.resume(n);
      s.w.run_for(300ms);
    }
  });
}

TEST_P(cluster_replication, who_is_cut_off_acknowledges_nothing_and_the_others_go_on) {
  tell(3, 1, [](replicated_stage& s) {
    for (const bool leads : {false, true}) {
      const auto n = s.victim(leads);
      s.w.partition({n});
      s.w.run_for(20s);
      const auto before = s.client->acknowledged();
      s.w.run_for(1s);
      EXPECT_GT(s.client->acknowledged(), before) << "the majority goes on";
      s.w.unpartition({n});
      s.expect_green("after healing");
      if (HasFailure()) return;
    }
  });
}

TEST_P(cluster_replication, a_node_that_leaves_or_joins_moves_shards_without_an_error) {
  tell(3, 1, [](replicated_stage& s) {
    const auto n = s.victim(false);
    const auto unknown = s.client->unknown();
    s.w.leave(n);
    expect_within(
        s.w, 10s, [&] { return !s.w.running(n); }, "the process that leaves exits");
    s.expect_green("after the departure");
    s.w.start(n);
    s.expect_green("after the return");
    s.w.run_for(1s);
    EXPECT_EQ(s.client->unknown(), unknown) << "a planned move hurts nobody";
  });
}

// Who left as soon as its primaries were elsewhere would leave shards with one copy, which the next death takes.
TEST_P(cluster_replication, a_node_that_leaves_with_full_availability_may_be_followed_by_a_death_at_once) {
  tell(
      5, 1,
      [](replicated_stage& s) {
        const auto n = s.victim(false);
        const auto unknown = s.client->unknown();
        s.w.leave(n);
        expect_within(
            s.w, 15s, [&] { return !s.w.running(n); }, "the process that leaves exits");
        EXPECT_EQ(s.client->unknown(), unknown);
        s.w.crash((n + 1) % 5);
        s.expect_green("after both are gone");
        s.w.start(n);
        s.w.start((n + 1) % 5);
      },
      "full");
}

TEST_P(cluster_replication, a_node_that_leaves_with_no_availability_asked_is_gone_at_once) {
  tell(
      3, 1,
      [](replicated_stage& s) {
        const auto n = s.victim(false);
        s.w.leave(n);
        expect_within(
            s.w, 1s, [&] { return !s.w.running(n); }, "the process that leaves exits");
        s.expect_green("by the copies");
        s.w.start(n);
      },
      "none");
}

// Members that come and go get nothing new for a while, unless too few others are left for the copies.
TEST_P(cluster_replication, members_in_quarantine_hold_copies_where_others_are_too_few) {
  tell(3, 1, [](replicated_stage& s) {
    const auto steady = *s.leader();
    for (int i = 0; i < 4; ++i) {
      for (node_index n = 0; n < 3; ++n) {
        if (n == steady) continue;
        s.w.crash(n);
        s.expect_green("without node " + std::to_string(n));
        s.w.start(n);
        s.expect_green("with node " + std::to_string(n));
        if (HasFailure()) return;
      }
    }
    std::size_t in_quarantine = 0;
    for (const auto& [name, m] : s.at(steady).members().others()) in_quarantine += m.flapping.quarantined() ? 1 : 0;
    EXPECT_EQ(in_quarantine, 2U);
  });
}

TEST_P(cluster_replication, packets_that_are_slow_hold_writes_up_and_break_nothing) {
  tell(3, 2, [](replicated_stage& s) {
    s.w.conditions().latency_min = 5ms;
    s.w.conditions().latency_max = 60ms;
    s.w.run_for(5s);
    s.w.crash(s.victim(true));
    s.w.run_for(5s);
    s.w.conditions().latency_min = 100us;
    s.w.conditions().latency_max = 1ms;
    s.w.start_all();
  });
}

INSTANTIATE_TEST_SUITE_P(profile, cluster_replication, ::testing::Values("fast", "lan"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace troupe::sim
