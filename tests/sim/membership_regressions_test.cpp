// What broke earlier systems, each by its name. The rest of that list stands elsewhere: a kill among many is
// nodes/cluster_of, a black hole, a storm of loss, one-way cuts and splits are in membership_scenarios_test.cpp,
// restarts while suspect and floods of joiners in membership_joins_test.cpp, a leave during an election in
// cluster_membership_test.cpp.
#include <gtest/gtest.h>

#include "tests/sim/membership_stage.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;
using membership::event_kind;

// All-to-all pings end at 35 members elsewhere: they need n (n - 1) packets a cycle.
TEST(membership, more_than_36_members_are_no_limit_and_cost_each_no_more_than_three) {
  double per_member[2] = {};
  int i = 0;
  for (const std::uint32_t nodes : {3U, 64U}) {
    running_stage s(with_nodes(nodes));
    s.w.run_for(60s);
    const auto before = s.w.counts().datagrams;
    s.w.run_for(120s);
    per_member[i++] = static_cast<double>(s.w.counts().datagrams - before) / 120 / nodes;
    EXPECT_TRUE(s.all_see_all());
  }
  EXPECT_LT(per_member[1], per_member[0] * 1.1);
  EXPECT_LT(per_member[1], 4);
}

TEST(membership, a_node_that_is_told_it_has_failed_lives_on_and_refutes_at_once) {
  running_stage s(with_nodes(7));
  s.w.partition({4});
  expect_within(
      s.w, 120s, [&s] { return s.all_others_see(4, member_state::failed); }, "failed");
  s.w.unpartition({4});
  expect_within(
      s.w, 15s, [&s] { return s.all_see_all(); }, "back, told by one that tries the failed");
  EXPECT_GE(s.count(4, event_kind::refuted), 1U);
  EXPECT_EQ(s.count(4, event_kind::expelled), 0U);
}

TEST(membership, a_black_holed_peer_costs_the_others_no_probe_of_each_other) {
  running_stage s(with_nodes(40));
  s.w.partition({7});
  s.w.run_for(10s);
  for (node_index n = 0; n < 40; ++n) {
    if (n == 7) continue;
    const auto before = s.at(n).counts().probes;
    s.w.run_for(1s);
    EXPECT_GE(s.at(n).counts().probes + 1, before + 1);
    EXPECT_LE(s.at(n).health(), 1U) << "helpers say NACK: nobody doubts itself for long";
  }
  EXPECT_EQ(s.false_failures(), s.failures_of(7));
}

TEST(membership, the_same_address_restarted_while_suspect_at_every_moment_is_a_new_incarnation) {
  for (int tenths = 0; tenths < 50; tenths += 7) {
    running_stage s(with_nodes(5, 1 + static_cast<std::uint64_t>(tenths)));
    s.w.crash(4, crash_kind::powered_off);
    expect_within(
        s.w, 20s, [&s] { return s.view(0, 4) == member_state::suspect; }, "suspect");
    s.w.run_for(tenths * 100ms);
    s.w.start(4);
    expect_within(
        s.w, 2s, [&s] { return s.all_see_all(); }, "the new one is alive everywhere");
  }
}

// Nobody of those that start together can number itself above a process that only the one who was away remembers.
TEST(membership, the_old_picture_of_one_who_was_away_fails_none_of_those_that_started_meanwhile) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    auto o = with_nodes(5, seed);
    o.seed_nodes = 5;
    running_stage s(o);
    s.w.pause(4);
    for (node_index n = 0; n < 4; ++n) s.w.crash(n);
    s.w.run_for(1s);
    for (node_index n = 0; n < 4; ++n) s.w.start(n);
    s.w.run_for(1s);
    s.w.resume(4);
    expect_within(
        s.w, 15s, [&s] { return s.all_see_all(); }, "all see all");
    EXPECT_EQ(s.false_failures(), 0U) << "seed " << seed;
  }
}

TEST(membership, a_one_way_cut_between_halves_fails_nobody_for_good) {
  running_stage s(with_nodes(8));
  s.w.cut({0, 1, 2, 3}, {4, 5, 6, 7}, false);
  s.w.run_for(120s);
  s.w.heal();
  expect_within(
      s.w, 30s, [&s] { return s.all_see_all(); }, "all see all");
}

TEST(membership, a_storm_of_25_percent_loss_over_fifty_members_fails_no_healthy_one) {
  running_stage s(with_nodes(50));
  s.w.conditions().loss = 0.25;
  s.w.run_for(600s);
  expect_sound(s.w);
  EXPECT_EQ(s.false_failures(), 0U);
}

TEST(membership, a_hundred_joiners_in_a_storm_of_loss_converge) {
  auto o = with_nodes(100);
  o.world.link.loss = 0.1;
  membership_stage s(o);
  s.start_all();
  expect_within(
      s.w, 20s, [&s] { return s.all_see_all(); }, "all see all");
}

}  // namespace
}  // namespace troupe::sim
