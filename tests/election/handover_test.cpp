// The lead goes from one member to another by plan: what that costs, and what happens when it comes to nothing.
#include <gtest/gtest.h>

#include "tests/election/bus.hpp"

namespace troupe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::bus;

/// Three nodes, "c" leads.
struct three_nodes {
  void found() {
    b.start_all({"a", "b", "c"});
    ASSERT_GE(b.until_leader(), duration::zero());
    b.run(seconds(2));
    ASSERT_EQ(b.leader(), "c");
  }
  void transfer(const std::string& at, const std::string& to) {
    b.call(at, [&](election& e, election_output& out) { EXPECT_TRUE(e.transfer(to, b.now(), out)); });
  }
  expected<void> refused(const std::string& at, const std::string& to) {
    expected<void> done;
    b.call(at, [&](election& e, election_output& out) { done = e.transfer(to, b.now(), out); });
    return done;
  }
  /// Runs until `name` leads; the time in which nobody might act, and fails when two might.
  duration gap_until(const std::string& name) {
    duration gap{};
    const auto begin = b.now();
    while (b.leader() != name && b.now() - begin < seconds(10)) {
      int acting = 0;
      for (const std::string n : {"a", "b", "c"}) acting += b.up(n) && b.at(n).may_act(b.now()) ? 1 : 0;
      EXPECT_LE(acting, 1);
      if (acting == 0) gap += milliseconds(1);
      b.run(milliseconds(1));
    }
    EXPECT_EQ(b.leader(), name);
    return gap;
  }
  bus b{3};
};

struct handover : ::testing::Test, three_nodes {};

TEST_F(handover, makes_the_named_member_leader_with_a_packets_way_without_one) {
  b.latency = milliseconds(10);
  found();
  const auto term = b.at("c").leader_now()->term;
  transfer("c", "a");
  EXPECT_EQ(refused("c", "b").error().code, errc::unavailable) << "one is under way";
  EXPECT_LE(gap_until("a"), b.latency + milliseconds(2));
  EXPECT_EQ(b.at("b").leader_now()->term, term + 1);
  for (const std::string n : {"a", "b", "c"}) EXPECT_EQ(b.at(n).leader_now()->cause, "transferred") << n;
  b.run(seconds(5));
  EXPECT_EQ(b.leader(), "a") << "no pre-emption by who led before";
  EXPECT_EQ(b.events<stepped_down>("b").size(), 0U);
}

TEST_F(handover, is_asked_for_at_any_node) {
  found();
  transfer("a", "b");
  EXPECT_GE(b.until_leads("b"), duration::zero());
}

TEST_F(handover, to_nobody_in_particular_goes_to_the_highest_ranked_other) {
  found();
  transfer("a", "");
  b.run(milliseconds(200));
  EXPECT_EQ(b.leader(), "b");
  EXPECT_EQ(b.at("a").leader_now()->cause, "resigned");
}

TEST_F(handover, refuses_itself_strangers_and_the_dead_with_the_reason) {
  found();
  EXPECT_EQ(refused("c", "c").error().code, errc::not_found);
  EXPECT_EQ(refused("a", "c").error().code, errc::not_found);
  EXPECT_EQ(refused("c", "zz").error().code, errc::not_found);
  b.kill("b");
  b.run(seconds(2));
  EXPECT_EQ(refused("c", "b").error().code, errc::not_found);
  transfer("a", "zz");
  b.run(milliseconds(100));
  const auto ends = b.events<handover_ended>("a");
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].fault, "no member zz can lead");
  EXPECT_EQ(b.leader(), "c");
}

TEST_F(handover, to_a_silent_member_leaves_the_leader_in_place_and_says_so) {
  found();
  b.drop = [](const std::string& from, const std::string&, const election_message& m) {
    return from == "a" && m.kind == election_kind::ask_term;
  };
  transfer("b", "a");
  b.run(seconds(3));
  EXPECT_EQ(b.leader(), "c");
  EXPECT_EQ(b.at("c").leader_now()->term, 1U);
  for (const std::string n : {"b", "c"}) {
    ASSERT_EQ(b.events<handover_ended>(n).size(), 1U) << n;
    EXPECT_EQ(b.events<handover_ended>(n)[0].fault, "a did not get ready in time");
  }
  b.drop = nullptr;
  transfer("c", "a");
  EXPECT_GE(b.until_leads("a", seconds(1)), duration::zero());
}

// The voters have promised the successor's term; its `ready` never arrives.
TEST_F(handover, whose_last_word_is_lost_never_has_two_leaders) {
  for (const auto lost : {election_kind::ready, election_kind::go, election_kind::accept, election_kind::term_answer}) {
    three_nodes h;
    h.found();
    h.b.drop = [lost](const std::string&, const std::string&, const election_message& m) { return m.kind == lost; };
    h.transfer("c", "a");
    std::string leads;
    for (int i = 0; i < 4000; ++i) {
      h.b.run(milliseconds(1));
      int acting = 0;
      for (const std::string n : {"a", "b", "c"}) acting += h.b.at(n).may_act(h.b.now()) ? 1 : 0;
      ASSERT_LE(acting, 1) << name_of(lost);
      if (i == 300) h.b.drop = nullptr;
    }
    EXPECT_NE(h.b.leader(), "") << name_of(lost);
  }
}

TEST_F(handover, waits_for_what_was_proposed_before_and_refuses_what_comes_after) {
  found();
  b.call("c", [&](election& e, election_output& out) {
    EXPECT_TRUE(e.propose({.shard_table = "before", .values = {}}, b.now(), out));
    EXPECT_TRUE(e.transfer("a", b.now(), out));
    EXPECT_EQ(e.propose({.shard_table = "after", .values = {}}, b.now(), out).error().code, errc::unavailable);
  });
  EXPECT_GE(b.until_leads("a"), duration::zero());
  EXPECT_EQ(b.at("a").record()->shard_table, "before");
  EXPECT_TRUE(b.events<proposal_ended>("c").at(0).result);
}

TEST_F(handover, of_a_leader_that_leaves_needs_no_lease_to_end) {
  found();
  b.call("c", [&](election& e, election_output& out) { e.leave(b.now(), out); });
  EXPECT_LE(gap_until("b"), milliseconds(5));
  EXPECT_EQ(b.at("a").leader_now()->cause, "leaving");
  // Members may still hold leases of the old leader: the new one is told until when.
  EXPECT_GT(b.at("b").lease_may_run_until("c"), b.now() + milliseconds(200));
  EXPECT_GT(b.at("b").earlier_lease_may_run_until("a"), b.now() + milliseconds(200)) << "whatever process has the name";
}

TEST_F(handover, of_a_leader_that_leaves_alone_ends_its_lead) {
  bus alone(1);
  alone.start("a");
  ASSERT_GE(alone.until_leader(), duration::zero());
  EXPECT_EQ(alone.at("a").leader_now()->cause, "founded");
  alone.call("a", [&](election& e, election_output& out) {
    EXPECT_EQ(e.transfer("", alone.now(), out).error().code, errc::not_found);
    e.leave(alone.now(), out);
  });
  EXPECT_FALSE(alone.at("a").leading());
}

TEST_F(handover, a_leader_that_resigns_without_a_plan_is_not_the_next_one) {
  found();
  b.call("c", [&](election& e, election_output& out) { e.step_down(b.now(), out); });
  EXPECT_GE(b.until_leader(), duration::zero());
  EXPECT_EQ(b.leader(), "b");
  EXPECT_EQ(b.at("a").leader_now()->cause, "resigned");
}

TEST_F(handover, by_priority_comes_when_it_is_asked_for_and_after_the_hold_down) {
  for (const bool take_over : {false, true}) {
    bus c(3);
    c.take_over = take_over;
    c.hold_down = seconds(10);
    c.start("a");
    c.start("b");
    c.start("c", 9);
    ASSERT_GE(c.until_leader(), duration::zero());
    c.run(seconds(2));
    c.kill("c");
    ASSERT_GE(c.until_leader(), duration::zero());
    c.run(seconds(20));
    const auto second = c.leader();
    c.start("c", 9);
    c.run(seconds(9));
    EXPECT_EQ(c.leader(), second) << "within the hold-down";
    c.run(seconds(3));
    EXPECT_EQ(c.leader(), take_over ? "c" : second);
    if (take_over) {
      EXPECT_EQ(c.at("a").leader_now()->cause, "priority");
    }
  }
}

TEST_F(handover, by_priority_does_not_go_to_a_member_that_comes_and_goes) {
  bus c(3);
  c.take_over = true;
  c.hold_down = seconds(10);
  c.start("a");
  c.start("b");
  c.start("c", 9);
  ASSERT_GE(c.until_leader(), duration::zero());
  c.run(seconds(2));
  c.kill("c");
  ASSERT_GE(c.until_leader(), duration::zero());
  const auto second = c.leader();
  c.run(seconds(12));
  for (int i = 0; i < 5; ++i) {
    c.start("c", 9);
    c.run(seconds(6));
    c.kill("c");
    c.run(seconds(2));
    EXPECT_EQ(c.leader(), second);
  }
}

}  // namespace
}  // namespace troupe
