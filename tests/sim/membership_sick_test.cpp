// Scenarios of sick members: one that hears nobody, one that stands still, hosts that vanish, links that break
// by themselves. No healthy member is given away for another's illness. Bounds are in virtual time.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/sim/membership_stage.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;
using membership::event_kind;

std::uint64_t failures_of_others_than(membership_stage& s, node_index sick) {
  return s.count(event_kind::member_failed) - s.failures_of(sick);
}

TEST(membership, a_member_whose_network_thread_hangs_has_no_healthy_member_failed) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    running_stage s(with_nodes(20, seed));
    for (int i = 0; i < 20; ++i) {
      s.w.block_io(7);
      s.w.run_for(s.w.rng().between(0s, 20s));
      s.w.unblock_io(7);
      s.w.run_for(s.w.rng().between(1s, 20s));
    }
    expect_sound(s.w);
    EXPECT_EQ(failures_of_others_than(s, 7), 0U) << "seed " << seed;
    expect_within(
        s.w, 30s, [&s] { return s.all_see_all(); }, "all see all");
  }
}

TEST(membership, plain_swim_lets_one_hanging_member_fail_healthy_ones) {  // what the comparison compares with
  auto o = with_nodes(20);
  o.customise = [](node_index, std::uint32_t, member_setup& m) { m.settings.lifeguard = false; };
  running_stage s(o);
  for (int i = 0; i < 20; ++i) {
    s.w.block_io(7);
    s.w.run_for(20s);
    s.w.unblock_io(7);
    s.w.run_for(10s);
  }
  EXPECT_GE(failures_of_others_than(s, 7), 20U);
}

TEST(membership, two_hanging_members_have_no_healthy_member_failed) {
  running_stage s(with_nodes(12));
  for (int i = 0; i < 10; ++i) {
    s.w.block_io(3);
    s.w.block_io(4);
    s.w.run_for(20s);
    s.w.unblock_io(3);
    s.w.unblock_io(4);
    s.w.run_for(10s);
  }
  EXPECT_EQ(s.count(event_kind::member_failed) - s.failures_of(3) - s.failures_of(4), 0U);
}

TEST(membership, a_member_that_cannot_hear_accuses_no_more_than_its_bound_and_fails_nobody) {
  running_stage s(with_nodes(30));
  std::vector<node_index> others;
  for (node_index n = 0; n < 30; ++n) {
    if (n != 5) others.push_back(n);
  }
  s.w.cut(others, {5}, false);  // it is deaf, but not mute
  s.w.run_for(60s);
  EXPECT_LE(s.count(5, event_kind::member_suspect), s.at(5).counts().suspicions);
  EXPECT_EQ(s.false_failures() - s.failures_of(5), 0U);
  EXPECT_EQ(s.at(5).health(), 7U);
}

TEST(membership, what_is_left_of_a_cluster_declares_the_failures_of_the_rest) {
  for (const std::uint32_t survivors : {1U, 2U, 3U}) {
    auto o = with_nodes(5);
    o.links = false;
    running_stage s(o);
    for (node_index n = survivors; n < 5; ++n) s.w.crash(n, crash_kind::powered_off);
    const auto alone = [&s, survivors] {
      for (node_index n = 0; n < survivors; ++n) {
        if (s.at(n).live_count() != survivors) return false;
      }
      return true;
    };
    expect_within(s.w, 150s, alone, "the dead are known");
  }
}

TEST(membership, half_of_a_large_cluster_that_loses_power_is_known_to_the_other_half) {
  auto o = with_nodes(60);
  o.links = false;
  running_stage s(o);
  for (node_index n = 30; n < 60; ++n) s.w.crash(n, crash_kind::powered_off);
  const auto known = [&s] {
    for (node_index n = 0; n < 30; ++n) {
      if (s.at(n).live_count() != 30) return false;
    }
    return true;
  };
  expect_within(s.w, 120s, known, "all thirty are known to be gone");
  EXPECT_EQ(s.false_failures(), 0U);
}

TEST(membership, a_stopped_process_whose_host_lives_outlasts_broken_links_of_one_observer) {
  // SIGSTOP, and a middlebox resets the links of one observer: a hint of one is no short suspicion.
  for (const std::uint32_t nodes : {3U, 5U, 40U}) {
    running_stage s(with_nodes(nodes));
    s.w.pause(2);
    s.w.run_for(100ms);
    s.w.break_link(0, 2);
    s.w.run_for(2900ms);
    s.w.resume(2);
    s.w.run_for(10s);
    EXPECT_EQ(s.count(event_kind::member_failed), 0U) << nodes;
    EXPECT_TRUE(s.all_see_all());
  }
}

TEST(membership, a_black_hole_of_three_seconds_fails_nobody_though_all_links_time_out) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    running_stage s(with_nodes(5, seed));
    s.w.partition({2});  // packets vanish, links end by timeouts at both ends
    s.w.run_for(3s);
    s.w.unpartition({2});
    s.link_all();
    s.w.run_for(20s);
    EXPECT_EQ(s.count(event_kind::member_failed), 0U) << "seed " << seed;
    EXPECT_TRUE(s.all_see_all());
  }
}

TEST(membership, all_links_to_a_live_member_reset_at_once_and_again_fail_nobody) {
  running_stage s(with_nodes(10));
  for (int i = 0; i < 50; ++i) {
    for (node_index n = 0; n < 10; ++n) {
      if (n != 4) s.w.break_link(n, 4);
    }
    s.w.run_for(400ms);
    s.link_all();
  }
  EXPECT_EQ(s.count(event_kind::member_suspect), 0U);
}

TEST(membership, a_kill_is_known_soon_where_only_one_member_had_links) {
  for (const std::uint32_t nodes : {3U, 32U, 64U}) {
    std::vector<duration> last;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      auto o = with_nodes(nodes, seed);
      o.links = false;
      running_stage s(o);
      for (node_index n = 1; n < nodes; ++n) s.w.open_link(0, n);  // as of a leader
      s.w.run_for(s.w.rng().between(2s, 5s));
      s.w.crash(2);
      const auto times = s.times_until_seen(2, member_state::failed, 30s);
      ASSERT_EQ(times.size(), nodes - 1);
      last.push_back(times.back());
      EXPECT_EQ(s.false_failures(), 0U);
    }
    std::sort(last.begin(), last.end());
    EXPECT_LT(last[2], nodes <= 3 ? 1200ms : nodes <= 32 ? 2s : 2500ms) << nodes;
  }
}

TEST(membership, a_member_behind_a_lossy_wire_is_alive_all_the_time) {
  running_stage s(with_nodes(10));
  link_conditions lossy = s.w.conditions();
  lossy.loss = 0.3;
  for (node_index n = 0; n < 10; ++n) {
    if (n == 6) continue;
    s.w.set_conditions(n, 6, lossy);
    s.w.set_conditions(6, n, lossy);
  }
  s.w.run_for(600s);
  EXPECT_EQ(s.count(event_kind::member_failed), 0U);
}

TEST(membership, a_flapping_member_is_put_into_quarantine_by_all_and_released) {
  running_stage s(with_nodes(5));
  for (int i = 0; i < 4; ++i) {
    s.w.crash(3);
    s.w.run_for(20s);
    s.w.start(3);
    s.w.run_for(5s);
    s.link_all();
  }
  const auto everywhere = [&s](bool quarantined) {
    for (const node_index n : {0U, 1U, 2U, 4U}) {
      if (s.at(n).find("n3")->flapping.quarantined() != quarantined) return false;
    }
    return true;
  };
  EXPECT_TRUE(everywhere(true));
  EXPECT_TRUE(s.all_see_all()) << "alive for gossip";
  s.w.run_for(20min);
  EXPECT_TRUE(everywhere(false));
}

TEST(membership, an_operators_word_at_any_node_makes_a_failed_member_departed_everywhere) {
  running_stage s(with_nodes(5));
  s.w.crash(3, crash_kind::powered_off);
  expect_within(
      s.w, 60s, [&s] { return s.all_others_see(3, member_state::failed); }, "failed");
  s.w.with_process(1, [](process& p, time_point now) {
    static_cast<membership_process&>(p).with([now](membership::swim& m, membership::output& out) {
      EXPECT_TRUE(m.force_leave("n3", now, out));
      EXPECT_FALSE(m.force_leave("n2", now, out));
    });
  });
  expect_within(
      s.w, 3s, [&s] { return s.all_others_see(3, member_state::departed); }, "departed");
  s.w.start(3);
  expect_within(
      s.w, 3s, [&s] { return s.all_see_all(); }, "back as a new incarnation");
}

}  // namespace
}  // namespace troupe::sim
