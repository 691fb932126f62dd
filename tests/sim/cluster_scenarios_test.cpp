// The whole cluster machine through starts, kills, departures, partitions and random faults. The checker
// watches throughout that nothing is led or served twice; the tests ask that all goes on afterwards.
#include <algorithm>
#include <bit>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/cluster_process.hpp"
#include "tests/sim/shard_client.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds_each = 3;  // of each scenario; the random faults run many more

world_options options_of(std::uint32_t nodes, std::uint64_t seed) {
  world_options o;
  o.nodes = nodes;
  o.seed = seed;
  return o;
}

/// Started together and settled.
struct settled_stage : cluster_stage {
  settled_stage(std::uint32_t nodes, std::uint64_t seed, const std::string& with_profile)
      : cluster_stage(options_of(nodes, seed), with_profile) {
    w.start_all();
    expect_settled("after the start");
  }

  node_index other_than_leader() { return (*leader() + 1) % w.size(); }
  std::vector<node_index> all_but(const std::vector<node_index>& group) const {
    std::vector<node_index> rest;
    for (const auto n : running()) {
      if (std::find(group.begin(), group.end(), n) == group.end()) rest.push_back(n);
    }
    return rest;
  }
};

class cluster_sim : public ::testing::TestWithParam<const char*> {
 protected:
  /// Calls `tale` with a settled cluster for some seeds, and asks that it ends settled, for a while.
  static void tell(std::uint32_t nodes, const std::function<void(settled_stage&)>& tale) {
    for (std::uint64_t seed = 1; seed <= seeds_each && !HasFailure(); ++seed) {
      settled_stage s(nodes, seed, GetParam());
      if (HasFailure()) return;
      tale(s);
      if (HasFailure()) return;
      s.expect_settled("at the end");
      s.expect_at_rest();
      expect_sound(s.w);
      EXPECT_TRUE(s.settled()) << "settled, but not for long, seed " << seed << "\n" << s.w.failure_text();
    }
  }
};

TEST_P(cluster_sim, nodes_that_start_together_share_the_shards_evenly) {
  for (const std::uint32_t nodes : {1U, 3U, 5U}) {
    tell(nodes, [nodes](settled_stage& s) {
      for (const auto n : s.running()) {
        const auto served = std::popcount(s.served_by({n}));
        EXPECT_GE(served, static_cast<int>(simulated_shards / nodes)) << "node " << n;
      }
    });
  }
}

TEST_P(cluster_sim, a_killed_leader_is_replaced_and_may_come_back) {
  for (const auto how : {crash_kind::killed, crash_kind::powered_off}) {
    tell(3, [how](settled_stage& s) {
      const auto old = *s.leader();
      s.w.crash(old, how);
      s.expect_settled("without the old leader");
      EXPECT_NE(*s.leader(), old);
      s.w.start(old);
    });
  }
}

TEST_P(cluster_sim, a_killed_follower_loses_its_shards_to_the_others_and_may_come_back) {
  for (const auto how : {crash_kind::killed, crash_kind::powered_off}) {
    tell(5, [how](settled_stage& s) {
      const auto leader = *s.leader();
      const auto victim = s.other_than_leader();
      s.w.crash(victim, how);
      s.expect_settled("without the killed node");
      EXPECT_EQ(s.leader(), leader);
      s.w.start(victim);
    });
  }
}

// Its shards went to others while it stood still, and it cannot know: the leases that it is given count for nothing.
TEST_P(cluster_sim, a_member_whose_stores_refuse_the_table_serves_no_longer_than_by_its_old_leases) {
  tell(3, [](settled_stage& s) {
    const auto n = s.other_than_leader();
    ASSERT_NE(s.served_by({n}), 0U);
    s.w.process_of<cluster_process>(n)->refuse_tables();
    s.w.pause(n);
    s.w.run_for(10s);
    s.w.resume(n);
    s.w.run_for(5s);
    expect_sound(s.w);
    EXPECT_GT(s.at(n).lead().serve_until(), s.w.clock_of(n)) << "the leader takes it for a member";
    EXPECT_EQ(s.served_by({n}), 0U);
    s.w.crash(n);
    s.w.start(n);
  });
}

TEST_P(cluster_sim, a_process_that_is_restarted_at_once_gets_a_new_pid_and_its_shards_are_served) {
  tell(3, [](settled_stage& s) {
    for (const bool leads : {false, true}) {
      const auto n = leads ? *s.leader() : s.other_than_leader();
      const auto pid = s.at(n).pid();
      s.w.crash(n);
      s.w.start(n);
      s.w.run_for(10ms);
      s.expect_settled("after the restart");
      if (HasFailure()) return;
      EXPECT_GT(s.at(n).pid(), pid);
    }
  });
}

TEST_P(cluster_sim, a_node_that_leaves_exits_and_the_others_serve_its_shards) {
  for (const bool leads : {false, true}) {
    tell(5, [leads](settled_stage& s) {
      const auto n = leads ? *s.leader() : s.other_than_leader();
      s.w.leave(n);
      expect_within(
          s.w, 10s, [&] { return !s.w.running(n); }, "the process that leaves exits");
      s.expect_settled("after the departure");
      s.w.start(n);
    });
  }
}

// What the clients find is the checker's part: a value that was acknowledged is read until its owner dies.
TEST_P(cluster_sim, a_node_that_comes_back_gets_its_share_of_the_shards_with_all_values) {
  tell(3, [](settled_stage& s) {
    const auto victim = s.other_than_leader();
    s.w.crash(victim);
    s.expect_settled("without the killed node");
    const auto client = std::make_shared<shard_client>(s.w);
    client->start(2ms);
    s.w.run_for(2s);
    s.w.start(victim);
    expect_within(
        s.w, 20s, [&] { return std::popcount(s.served_by({victim})) >= 10; }, "the returned node serves its share");
    s.w.run_for(1s);
    EXPECT_EQ(client->shards_lost(), 0U);
    EXPECT_TRUE(client->read_all());
  });
}

TEST_P(cluster_sim, a_node_that_leaves_hands_its_shards_over_and_loses_no_value) {
  for (const bool leads : {false, true}) {
    tell(3, [leads](settled_stage& s) {
      const auto client = std::make_shared<shard_client>(s.w);
      client->start(2ms);
      s.w.run_for(2s);
      const auto n = leads ? *s.leader() : s.other_than_leader();
      s.w.leave(n);
      expect_within(
          s.w, 10s, [&] { return !s.w.running(n); }, "the process that leaves exits");
      s.expect_settled("after the departure");
      EXPECT_EQ(client->shards_lost(), 0U) << "leads: " << leads;
      EXPECT_TRUE(client->read_all());
    });
  }
}

TEST_P(cluster_sim, a_leader_that_leaves_is_followed_by_another_within_a_few_round_trips) {
  tell(3, [](settled_stage& s) {
    s.w.run_for(2s);
    const auto n = *s.leader();
    const auto others = s.all_but({n});
    const auto term = s.at(n).lead().leader_now()->term;
    s.w.leave(n);
    expect_within(
        s.w, 10s, [&] { return !s.at(n).lead().may_act(s.w.clock_of(n)); }, "it gives leadership up");
    expect_within(
        s.w, 100ms, [&] { return s.leader(others) && s.at(others[0]).lead().leader_now()->term > term; },
        "another leads");
    s.w.run_for(3s);
    s.w.start(n);
  });
}

TEST_P(cluster_sim, a_taker_that_dies_during_the_hand_over_loses_nothing) {
  tell(3, [](settled_stage& s) {
    const auto victim = s.other_than_leader();
    s.w.crash(victim);
    s.expect_settled("without the killed node");
    const auto client = std::make_shared<shard_client>(s.w);
    client->start(1ms);
    s.w.run_for(2s);
    const auto giver = *s.leader();
    s.w.conditions().latency_min = 5ms;
    s.w.conditions().latency_max = 20ms;
    s.w.start(victim);
    expect_within(
        s.w, 20s, [&] { return s.at(giver).moves().shards_to_give() > 0; }, "shards are on their way");
    s.w.run_for(s.w.rng().between(0ms, 200ms));
    s.w.crash(victim, crash_kind::powered_off);
    s.expect_settled("without the taker");
    EXPECT_TRUE(client->read_all());
  });
}

// A restart elsewhere changes the record, which drops the PID of who departs while its lease still runs.
TEST_P(cluster_sim, a_node_that_leaves_keeps_its_shards_until_its_lease_ends) {
  for (const bool halts : {false, true}) {
    tell(3, [halts](settled_stage& s) {
      s.w.run_for(2s);
      const auto n = s.other_than_leader();
      const auto restarted = s.all_but({*s.leader(), n}).front();
      s.w.leave(n);
      s.w.run_for(2ms);
      if (halts) s.w.pause(n);
      s.w.crash(restarted);
      s.w.start(restarted);
      s.w.run_for(10ms);
      expect_within(
          s.w, 20s, [&] { return s.settled(s.all_but({n})); }, "the others serve its shards");
      s.w.resume(n);
      expect_within(
          s.w, 10s, [&] { return !s.w.running(n); }, "the process that leaves exits");
    });
  }
}

TEST_P(cluster_sim, a_cluster_that_loses_all_power_goes_on_from_its_disks) {
  for (const std::uint32_t nodes : {1U, 3U, 5U}) {
    tell(nodes, [](settled_stage& s) {
      const auto term = s.at(*s.leader()).lead().leader_now()->term;
      for (const auto n : s.running()) s.w.crash(n, crash_kind::powered_off);
      s.w.run_for(5s);
      s.w.start_all();
      s.expect_settled("after the power is back");
      if (HasFailure()) return;
      EXPECT_GT(s.at(*s.leader()).lead().leader_now()->term, term);
    });
  }
}

// That nobody serves a shard twice is the checker's part.
TEST_P(cluster_sim, a_minority_stops_serving_and_the_majority_takes_its_shards) {
  for (const bool leader_is_cut_off : {false, true}) {
    tell(5, [leader_is_cut_off](settled_stage& s) {
      std::vector<node_index> few = {leader_is_cut_off ? *s.leader() : (*s.leader() + 2) % 5, s.other_than_leader()};
      const auto many = s.all_but(few);
      s.w.partition(few);
      expect_within(
          s.w, 20s, [&] { return s.settled(many); }, "the majority serves every shard");
      EXPECT_EQ(s.served_by(few), 0U) << "a minority serves";
      s.w.run_for(5s);
      EXPECT_EQ(s.served_by(few), 0U) << "a minority serves again";
      EXPECT_FALSE(s.leader(few));
      s.w.unpartition(few);
    });
  }
}

TEST_P(cluster_sim, who_is_cut_off_knows_it_and_the_others_do_not) {
  tell(5, [](settled_stage& s) {
    const std::vector<node_index> few = {*s.leader(), s.other_than_leader()};
    const auto many = s.all_but(few);
    const auto all_cut_off = [&](const std::vector<node_index>& group) {
      return std::all_of(group.begin(), group.end(), [&](node_index n) { return !s.at(n).cut_off().empty(); });
    };
    const auto none_cut_off = [&](const std::vector<node_index>& group) {
      return std::all_of(group.begin(), group.end(), [&](node_index n) { return s.at(n).cut_off().empty(); });
    };
    s.w.partition(few);
    expect_within(
        s.w, 60s, [&] { return all_cut_off(few); }, "the minority knows that it is cut off");
    s.w.run_for(10s);
    EXPECT_TRUE(none_cut_off(many));
    s.w.unpartition(few);
    expect_within(
        s.w, 30s, [&] { return none_cut_off(s.running()); }, "nobody is cut off any more");
  });
}

struct policy_stage : cluster_stage {
  policy_stage(std::uint64_t seed, const char* policy, std::uint32_t quorum)
      : cluster_stage(options_of(5, seed), "fast", [=](config& c) {
          c.cluster.split_policy = policy;
          c.cluster.split_quorum = quorum;
        }) {
    w.start_all();
    expect_settled("after the start");
  }
};

// Three of five have the voters' majority, yet a policy may ask for more.
TEST(cluster_sim_policies, a_majority_below_the_quorum_neither_leads_nor_serves) {
  for (std::uint64_t seed = 1; seed <= seeds_each; ++seed) {
    policy_stage s(seed, "static_quorum", 4);
    s.w.partition({0, 1});
    s.w.run_for(15s);
    EXPECT_EQ(s.served_by({0, 1, 2, 3, 4}), 0U);
    EXPECT_FALSE(s.leader({2, 3, 4}));
    s.w.unpartition({0, 1});
    s.expect_settled("after healing");
  }
}

TEST(cluster_sim_policies, a_majority_without_the_oldest_neither_leads_nor_serves) {
  for (std::uint64_t seed = 1; seed <= seeds_each; ++seed) {
    policy_stage s(seed, "keep_oldest", 0);
    node_index oldest = 0;
    for (const auto n : s.running()) oldest = s.at(n).pid() < s.at(oldest).pid() ? n : oldest;
    const std::vector<node_index> few = {oldest, (oldest + 1) % 5};
    s.w.partition(few);
    s.w.run_for(15s);
    EXPECT_EQ(s.served_by({0, 1, 2, 3, 4}), 0U) << "the oldest has no majority, the majority not the oldest";
    s.w.unpartition(few);
    s.expect_settled("after healing");
    s.w.crash(oldest);
    s.expect_settled("without the oldest, who is gone alone");
  }
}

INSTANTIATE_TEST_SUITE_P(profile, cluster_sim, ::testing::Values("fast", "lan"),
                         [](const auto& tested) { return std::string(tested.param); });

class cluster_seeds : public ::testing::TestWithParam<std::uint32_t> {};

void survive(std::uint64_t seed, bool departures) {
  cluster_stage s(options_of(seed % 4 == 0 ? 5 : 3, seed), seed % 3 == 0 ? "lan" : "fast",
                  [seed](config& c) { c.cache.replicas = static_cast<std::uint32_t>(seed / 2 % 3); });
  for (node_index n = 0; n < s.w.size(); ++n) {
    s.w.after(s.w.rng().between(0ms, 500ms), [&s, n] { s.w.start(n); });
  }
  const auto client = std::make_shared<shard_client>(s.w);
  client->start(5ms);
  s.w.run_for(500ms);
  if (seed % 2 == 0) s.expect_settled("after the start");
  if (::testing::Test::HasFailure()) return;
  fault_mix mix;
  mix.gap_max = 5s;
  mix.length_max = 8s;
  mix.down_max = seed % 5 == 0 ? s.w.size() : 1;
  plan_random_faults(s.w, mix, 30s);
  for (int i = 0; departures && i < 2; ++i) {
    const auto n = static_cast<node_index>(s.w.rng().below(s.w.size()));
    s.w.after(s.w.rng().between(3s, 30s), [&s, n] { s.w.leave(n); });
    s.w.after(s.w.rng().between(5s, 36s), [&s, n] { s.w.start(n); });
  }
  s.w.run_for(38s);
  expect_sound(s.w);
  s.w.heal();
  s.expect_settled("after healing");
  if (::testing::Test::HasFailure()) return;
  s.expect_at_rest();
  expect_sound(s.w);
  EXPECT_TRUE(s.settled()) << "healed, but not for long";
  EXPECT_TRUE(client->read_all());
  EXPECT_GT(client->acknowledged(), 0U);
}

TEST_P(cluster_seeds, survive_random_faults) {
  for_each_seed(GetParam(), [](std::uint64_t seed) { survive(seed, false); });
}

TEST_P(cluster_seeds, survive_random_faults_and_departures) {
  for_each_seed(GetParam(), [](std::uint64_t seed) { survive(seed, true); });
}

INSTANTIATE_TEST_SUITE_P(shard, cluster_seeds, ::testing::Range(0U, seed_shards));

}  // namespace
}  // namespace troupe::sim
