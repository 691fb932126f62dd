// Scenarios of how members meet: floods, restarts, splits that heal, names that two want, strangers.
// Bounds are in virtual time.
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/membership_stage.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;
using membership::event_kind;
using membership::join_refusal;

TEST(membership, a_flood_of_100_joiners_converges) {
  auto o = with_nodes(100);
  o.seed_nodes = 1;
  membership_stage s(o);
  s.start_all();
  expect_within(
      s.w, 3s, [&s] { return s.all_see_all(); }, "all see all");
  EXPECT_EQ(s.count(event_kind::member_suspect), 0U);
}

TEST(membership, those_lost_in_a_split_are_found_again_where_seeds_lead_nowhere) {
  running_stage s(with_nodes(6));
  s.w.partition({0, 1, 2});
  s.w.run_for(120s);
  for (node_index n = 0; n < 3; ++n) s.w.crash(n);  // all seeds die behind the split ...
  for (node_index n = 3; n < 6; ++n) s.w.cut({n}, {0, 1, 2}, false);
  s.w.partition({5});
  s.w.run_for(120s);
  EXPECT_EQ(s.at(5).live_count(), 1U);
  s.w.unpartition({5});  // ... and what is left has only each other's last known addresses
  const auto found = [&s] {
    return s.at(3).live_count() == 3 && s.at(4).live_count() == 3 && s.at(5).live_count() == 3;
  };
  expect_within(s.w, 40s, found, "found by trying failed members");
}

TEST(membership, two_halves_that_never_met_merge_by_their_seeds) {
  auto o = with_nodes(4);
  o.seed_nodes = 4;
  membership_stage s(o);
  s.w.partition({0, 1});
  s.start_all();
  s.w.run_for(60s);
  EXPECT_EQ(s.at(0).live_count(), 2U);
  s.w.heal();
  expect_within(
      s.w, 60s, [&s] { return s.all_see_all(); }, "merged");
}

TEST(membership, a_restart_on_the_same_address_while_suspect_is_a_new_incarnation) {
  running_stage s(with_nodes(5));
  s.w.crash(4, crash_kind::powered_off);
  expect_within(
      s.w, 20s, [&s] { return s.view(0, 4) == member_state::suspect; }, "suspect");
  s.w.start(4);
  expect_within(
      s.w, 2s, [&s] { return s.all_see_all(); }, "the new one is alive everywhere");
  EXPECT_EQ(s.at(0).others().size(), 4U);
}

TEST(membership, a_restart_before_anybody_noticed_replaces_the_old_incarnation) {
  running_stage s(with_nodes(5));
  s.w.crash(4, crash_kind::powered_off);
  s.w.run_for(50ms);
  s.w.start(4);
  expect_within(
      s.w, 2s, [&s] { return s.all_see_all(); }, "the new one is alive everywhere");
}

TEST(membership, a_first_node_without_seeds_is_found_again_by_the_others_after_its_restart) {
  auto o = with_nodes(3);
  o.seed_nodes = 1;
  running_stage s(o);
  s.w.crash(0);
  s.w.run_for(60s);
  s.w.start(0);
  expect_within(
      s.w, 15s, [&s] { return s.all_see_all(); }, "found");
}

TEST(membership, a_name_that_a_live_member_bears_is_refused_and_freed_by_its_death) {
  auto o = with_nodes(4);
  o.customise = [](node_index n, std::uint32_t, member_setup& m) {
    if (n == 3) m.self.name = "n1";
  };
  membership_stage s(o);
  membership_checker checks;
  s.w.add(checks);
  for (node_index n = 0; n < 3; ++n) s.w.start(n);
  s.w.run_for(5s);
  s.w.start(3);
  s.w.run_for(20s);
  expect_sound(s.w);
  EXPECT_FALSE(s.at(3).joined());
  ASSERT_NE(s.last(3, event_kind::join_refused), nullptr);
  EXPECT_EQ(s.last(3, event_kind::join_refused)->refusal, join_refusal::name_in_use);
  EXPECT_EQ(s.at(0).find("n1")->address, address_of(1));
  EXPECT_EQ(s.count(event_kind::member_failed), 0U) << "the bearer is not disturbed";
  s.w.crash(1);
  expect_within(
      s.w, 60s, [&s] { return s.at(3).joined() && s.all_see_all(); }, "the name is free");
}

TEST(membership, a_name_is_not_lost_to_a_joiner_by_a_lost_packet) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    auto o = with_nodes(3, seed);
    o.seed_nodes = 1;
    o.customise = [](node_index n, std::uint32_t, member_setup& m) {
      if (n == 2) m.self.name = "n1";
    };
    o.world.link.loss = 0.1;
    membership_stage s(o);
    s.w.start(0);
    s.w.start(1);
    s.w.run_for(10s);
    s.w.start(2);
    s.w.run_for(5s);
    ASSERT_EQ(s.at(0).find("n1")->id, s.at(1).self().id) << "seed " << seed;
    ASSERT_TRUE(s.at(1).joined());
  }
}

TEST(membership, two_bearers_of_a_name_on_two_sides_of_a_split_are_told_and_one_prevails) {
  auto o = with_nodes(4);
  o.seed_nodes = 4;
  o.customise = [](node_index n, std::uint32_t, member_setup& m) {
    if (n == 3) m.self.name = "n1";
  };
  membership_stage s(o);
  s.w.partition({0, 1});
  s.start_all();
  s.w.run_for(30s);
  s.w.heal();
  const auto settled = [&s] {
    const auto a = s.at(0).find("n1"), b = s.at(2).find("n1");
    return a != nullptr && b != nullptr && a->id == b->id && s.at(1).joined() != s.at(3).joined();
  };
  expect_within(s.w, 120s, settled, "one of the two bears the name");
  EXPECT_GE(s.count(event_kind::name_conflict), 1U);
}

struct refusal_case {
  join_refusal why;
  void (*change)(membership::local_member&);
};

TEST(membership, strangers_are_refused_with_the_reason_and_disturb_nobody) {
  const std::vector<refusal_case> cases = {
      {join_refusal::cluster_name, [](membership::local_member& m) { m.cluster = "other"; }},
      {join_refusal::expected_members, [](membership::local_member& m) { m.expected_members = 5; }},
  };
  for (const auto& c : cases) {
    auto o = with_nodes(4);
    o.customise = [&c](node_index n, std::uint32_t, member_setup& m) {
      if (n == 3) c.change(m.self);
    };
    membership_stage s(o);
    s.start_all();
    s.w.run_for(120s);
    EXPECT_FALSE(s.at(3).joined());
    EXPECT_EQ(s.at(0).live_count(), 3U);
    ASSERT_NE(s.last(3, event_kind::join_refused), nullptr);
    EXPECT_EQ(s.last(3, event_kind::join_refused)->refusal, c.why);
    EXPECT_FALSE(s.last(3, event_kind::join_refused)->text.empty());
    const auto tries = s.count(3, event_kind::join_refused);
    EXPECT_GE(tries, 6U) << "it tries again";
    EXPECT_LE(tries, 60U) << "with backoff";
    EXPECT_EQ(s.count(event_kind::member_suspect), 0U);
    EXPECT_GE(s.at(0).counts().joiners_refused + s.at(1).counts().joiners_refused, 1U);
  }
}

TEST(membership, a_single_node_refuses_joiners_with_the_reason) {
  auto o = with_nodes(2);
  o.seed_nodes = 1;
  o.customise = [](node_index n, std::uint32_t, member_setup& m) { m.self.accept_joiners = n != 0; };
  membership_stage s(o);
  s.start_all();
  s.w.run_for(30s);
  EXPECT_EQ(s.at(0).live_count(), 1U);
  EXPECT_FALSE(s.at(1).joined());
  ASSERT_NE(s.last(1, event_kind::join_refused), nullptr);
  EXPECT_EQ(s.last(1, event_kind::join_refused)->refusal, join_refusal::no_joiners);
}

TEST(membership, seeds_that_start_late_are_found) {
  auto o = with_nodes(3);
  o.seed_nodes = 1;
  membership_stage s(o);
  s.w.start(1);
  s.w.start(2);
  s.w.run_for(20s);
  EXPECT_FALSE(s.at(1).joined());
  s.w.start(0);
  expect_within(
      s.w, 31s, [&s] { return s.all_see_all(); }, "joined");
}

}  // namespace
}  // namespace troupe::sim
