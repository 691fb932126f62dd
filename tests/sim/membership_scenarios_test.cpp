// Named scenarios of membership, each with a few seeds. Bounds are in virtual time.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/membership_stage.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;
using membership::event_kind;

class cluster_of : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(cluster_of, that_start_together_see_each_other) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    membership_stage s(with_nodes(GetParam(), seed));
    s.start_all();
    expect_within(
        s.w, 1s, [&s] { return s.all_see_all(); }, "all see all");
    s.w.run_for(30s);
    EXPECT_EQ(s.count(event_kind::member_suspect), 0U);
  }
}

TEST_P(cluster_of, knows_a_kill_soon_when_links_broke) {
  running_stage s(with_nodes(GetParam()));
  s.w.run_for(5s);
  s.w.crash(1);
  const auto times = s.times_until_seen(1, member_state::failed, 30s);
  ASSERT_EQ(times.size(), GetParam() - 1);
  EXPECT_LT(times.back(), GetParam() > 32 ? 2500ms : GetParam() > 3 ? 2s : 1200ms);
  EXPECT_EQ(s.false_failures(), 0U);
}

TEST_P(cluster_of, knows_a_power_loss_within_the_bound) {
  auto o = with_nodes(GetParam());
  o.links = false;
  running_stage s(o);
  s.w.run_for(5s);
  s.w.crash(1, crash_kind::powered_off);
  const auto times = s.times_until_seen(1, member_state::failed, 60s);
  ASSERT_EQ(times.size(), GetParam() - 1);
  EXPECT_EQ(s.false_failures(), 0U);
}

INSTANTIATE_TEST_SUITE_P(nodes, cluster_of, ::testing::Values(2U, 3U, 10U, 50U));

TEST(membership, profile_fast_knows_a_kill_without_links_in_a_second_and_a_half) {
  std::vector<duration> last;
  for (std::uint64_t seed = 1; seed <= 11; ++seed) {
    auto o = with_nodes(3, seed, "fast");
    o.links = false;
    running_stage s(o);
    s.w.run_for(s.w.rng().between(1s, 2s));
    s.w.crash(1);
    const auto times = s.times_until_seen(1, member_state::failed, 10s);
    ASSERT_EQ(times.size(), 2U);
    last.push_back(times.back());
  }
  std::sort(last.begin(), last.end());
  EXPECT_LT(last[5], 1500ms);
}

TEST(membership, one_link_that_broke_is_enough_to_know_a_kill_soon) {
  auto o = with_nodes(5);
  o.links = false;
  running_stage s(o);
  s.w.open_link(0, 1);
  s.w.run_for(5s);
  s.w.crash(1);
  const auto times = s.times_until_seen(1, member_state::failed, 30s);
  ASSERT_EQ(times.size(), 4U);
  EXPECT_LT(times.back(), 2s);
}

TEST(membership, links_that_break_alone_kill_nobody) {
  running_stage s(with_nodes(5));
  for (int i = 0; i < 50; ++i) {
    for (node_index n = 1; n < 5; ++n) s.w.break_link(0, n);
    s.w.run_for(500ms);
    s.link_all();
  }
  EXPECT_EQ(s.count(event_kind::member_failed), 0U);
}

TEST(membership, a_stopped_process_is_not_given_away_by_a_broken_link) {
  // SIGSTOP: the host keeps the links open, nothing is answered. It comes back within the suspicion.
  running_stage s(with_nodes(5));
  s.w.pause(2);
  s.w.run_for(3s);
  s.w.resume(2);
  s.w.run_for(10s);
  EXPECT_EQ(s.count(event_kind::member_failed), 0U);
  EXPECT_TRUE(s.all_see_all());
}

TEST(membership, a_pause_longer_than_suspicion_ends_with_a_rejoin_of_the_same_id) {
  running_stage s(with_nodes(5));
  s.w.pause(2);
  expect_within(
      s.w, 40s, [&s] { return s.all_others_see(2, member_state::failed); }, "failed while paused");
  s.w.run_for(30s);
  s.w.resume(2);
  expect_within(
      s.w, 5s, [&s] { return s.all_see_all(); }, "back");
  EXPECT_EQ(s.count(2, event_kind::member_failed), 0U) << "its own stall is no proof against others";
  EXPECT_GE(s.count(2, event_kind::refuted), 1U);
}

TEST(membership, loss_of_one_percent_fails_nobody) {
  auto o = with_nodes(10);
  o.world.link.loss = 0.01;
  running_stage s(o);
  s.w.run_for(1h);
  expect_sound(s.w);
  EXPECT_EQ(s.count(event_kind::member_failed), 0U);
}

TEST(membership, a_storm_of_25_percent_loss_is_survived) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    running_stage s(with_nodes(10, seed));
    s.w.conditions().loss = 0.25;
    s.w.run_for(120s);
    expect_sound(s.w);
    s.w.heal();
    expect_within(
        s.w, 30s, [&s] { return s.all_see_all(); }, "all see all after the storm");
  }
}

TEST(membership, a_suspect_refutes_by_raising_its_incarnation) {
  running_stage s(with_nodes(5));
  const auto before = s.at(3).self().incarnation;
  s.w.pause(3);
  expect_within(
      s.w, 20s, [&s] { return s.view(0, 3) == member_state::suspect; }, "suspect");
  s.w.resume(3);
  expect_within(
      s.w, 3s, [&s] { return s.all_see_all(); }, "alive again");
  EXPECT_GT(s.at(3).self().incarnation, before);
  EXPECT_EQ(s.count(event_kind::member_failed), 0U);
}

TEST(membership, a_partition_is_seen_and_merges_when_healed) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    running_stage s(with_nodes(10, seed));
    s.w.partition({0, 1, 2, 3});
    const auto split = [&s] {
      return s.at(0).live_count() == 4 && s.at(3).live_count() == 4 && s.at(4).live_count() == 6 &&
             s.at(9).live_count() == 6;
    };
    expect_within(s.w, 90s, split, "both sides see themselves only");
    s.w.run_for(120s);
    s.w.heal();
    expect_within(
        s.w, 30s, [&s] { return s.all_see_all(); }, "merged");
    s.w.run_for(60s);
    EXPECT_TRUE(s.all_see_all()) << "the merge is stable";
  }
}

TEST(membership, a_one_way_cut_fails_nobody) {
  running_stage s(with_nodes(5));
  s.w.cut({1}, {2}, false);
  s.w.run_for(300s);
  EXPECT_EQ(s.count(event_kind::member_failed), 0U) << "others carry the probes around the cut";
  EXPECT_TRUE(s.all_see_all());
}

TEST(membership, one_black_holed_peer_delays_nobody) {
  running_stage s(with_nodes(40));
  s.w.cut({7}, {0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20});
  s.w.run_for(120s);
  EXPECT_EQ(s.false_failures(), s.count(event_kind::member_failed));
  for (node_index n = 0; n < 40; ++n) {
    for (node_index other = 0; other < 40; ++other) {
      if (n == 7 || other == 7 || n == other) continue;
      EXPECT_EQ(s.view(n, other), member_state::alive);
    }
  }
}

TEST(membership, a_graceful_leave_is_known_to_all_at_once) {
  for (const std::uint32_t nodes : {2U, 3U, 50U}) {
    running_stage s(with_nodes(nodes));
    s.w.leave(1);
    expect_within(
        s.w, 500ms, [&s] { return s.all_others_see(1, member_state::departed); }, "departed everywhere");
    expect_within(
        s.w, 2s, [&s] { return !s.w.running(1); }, "it stops");
    s.w.run_for(60s);
    EXPECT_EQ(s.count(event_kind::member_failed), 0U);
    EXPECT_TRUE(s.all_others_see(1, member_state::departed));
    s.w.start(1);
    expect_within(
        s.w, 5s, [&s] { return s.all_see_all(); }, "back as a new incarnation");
  }
}

TEST(membership, a_node_alone_leaves_at_once) {
  membership_stage s(with_nodes(1));
  s.start_all();
  s.w.run_for(1s);
  s.w.leave(0);
  EXPECT_FALSE(s.w.running(0));
}

TEST(membership, meta_and_digest_reach_everybody) {
  running_stage s(with_nodes(5));
  s.w.with_process(2, [](process& p, time_point now) {
    static_cast<membership_process&>(p).with([now](membership::swim& m, membership::output& out) {
      EXPECT_TRUE(m.set_local_meta("term 7", now, out));
      EXPECT_TRUE(m.set_local_digest("7.1"));
    });
  });
  const auto known = [&s] {
    for (const node_index n : {0U, 1U, 3U, 4U}) {
      if (s.at(n).find("n2")->told.meta != "term 7") return false;
    }
    return true;
  };
  expect_within(s.w, 1s, known, "meta everywhere");
  EXPECT_GE(s.count(0, event_kind::member_updated), 1U);
  const auto heard = [&s] {
    for (const node_index n : {0U, 1U, 3U, 4U}) {
      if (s.at(n).find("n2")->digest != "7.1") return false;
    }
    return true;
  };
  expect_within(s.w, 20s, heard, "digest everywhere");
}

}  // namespace
}  // namespace troupe::sim
