// The known illnesses of bully elections, a test for each cure. Pre-emption and take-over by priority: also
// election_test.cpp and handover_test.cpp; a store that is down: tests/sim/leader_store_sim_test.cpp.
#include <gtest/gtest.h>

#include "tests/election/bus.hpp"

namespace troupe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::bus;

std::vector<std::string> names(std::size_t n) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < n; ++i) found.push_back("n" + std::to_string(100 + i));
  return found;
}

TEST(election_cures, a_renewal_is_two_messages_to_a_member_and_one_from_it) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  b.until_leader();
  b.start_all({"d", "e"});  // they do not vote
  b.run(seconds(5));
  const auto leader = b.leader();
  b.sent.clear();
  b.run(seconds(6));
  EXPECT_EQ(b.leader(), leader);
  const int renewals = b.sent[election_kind::renew];
  EXPECT_GT(renewals, 4 * 20);
  EXPECT_NEAR(b.sent[election_kind::renew_answer], renewals, 4);
  EXPECT_NEAR(b.sent[election_kind::lease], renewals, 4) << "one for each answer";
}

TEST(election_cures, a_storm_is_kept_down_by_delays_that_follow_the_rank) {
  bus b(9, milliseconds(1500));
  b.start_all(names(9));
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(5));
  b.detection = milliseconds(50);  // all at the same moment, long before the lease ends
  b.sent.clear();
  b.kill(b.leader());
  ASSERT_GE(b.until_leader(), duration::zero());
  // The highest stands at once and needs to ask nobody; the next ones are a step apart and ask only those above.
  EXPECT_LE(b.sent[election_kind::election], 8);
  EXPECT_LE(b.sent[election_kind::ok], 8);
  EXPECT_EQ(b.sent[election_kind::coordinator], 7);
}

TEST(election_cures, who_heard_an_ok_is_silent_until_the_coordinators_time_is_over) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(2));
  ASSERT_EQ(b.leader(), "c");
  const std::string high = b.at("a").pid() > b.at("b").pid() ? "a" : "b";
  const std::string low = high == "a" ? "b" : "a";
  int elections = 0;
  b.drop = [&](const std::string& from, const std::string&, const election_message& m) {
    if (from == low && m.kind == election_kind::election) ++elections;
    return from == high && m.kind == election_kind::ask_term;  // it says OK and comes to nothing
  };
  b.detection = milliseconds(10);
  b.kill("c");
  b.run(milliseconds(500));
  EXPECT_EQ(elections, 1);
  EXPECT_EQ(b.at(low).phase_name(), "waiting_coordinator");
  EXPECT_GE(b.run_until([&] { return b.at(low).may_act(b.now()); }, seconds(5)), duration::zero()) << "passed over";
}

TEST(election_cures, a_term_that_gossip_brought_is_not_stood_for_again) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(2));
  auto digest = *decode_election_digest(b.at("c").digest());
  digest.term = 40;
  b.call("a", [&](election& e, election_output& out) {
    e.on_digest({"c", b.raw("c").id}, encode(digest), b.now(), out);
  });
  EXPECT_EQ(b.at("a").term_heard(), 40U);
  b.call("c", [&](election& e, election_output& out) { EXPECT_TRUE(e.transfer("a", b.now(), out)); });
  ASSERT_GE(b.until_leads("a"), duration::zero());
  EXPECT_EQ(b.at("a").leader_now()->term, 41U);
}

TEST(election_cures, a_cold_start_in_two_halves_ends_in_one_leader_and_one_pid_one) {
  bus b(4);
  for (const std::string left : {"a", "b"}) {
    for (const std::string right : {"c", "d"}) b.cuts.insert({left, right}), b.cuts.insert({right, left});
  }
  b.start_all({"a", "b", "c", "d"});
  b.run(seconds(10));
  for (const std::string n : {"a", "b", "c", "d"}) EXPECT_FALSE(b.at(n).leading()) << n;
  b.cuts.clear();
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(2));
  std::set<std::uint64_t> pids;
  for (const std::string n : {"a", "b", "c", "d"}) {
    pids.insert(b.at(n).pid());
    EXPECT_EQ(b.at(n).record()->cluster, b.at("a").record()->cluster);
    EXPECT_EQ(b.events<became_leader>(n).size(), n == b.leader() ? 1U : 0U);
  }
  EXPECT_EQ(pids, (std::set<std::uint64_t>{1, 2, 3, 4}));
}

TEST(election_cures, a_candidate_with_a_stale_record_leads_with_the_committed_one) {
  bus b(3);
  b.start("a", 9);
  b.start("b");
  b.start("c");
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(2));
  ASSERT_EQ(b.leader(), "a");
  b.call("a", [&](election& e, election_output& out) { EXPECT_TRUE(e.transfer("c", b.now(), out)); });
  ASSERT_GE(b.until_leads("c"), duration::zero());
  b.run(seconds(1));
  b.cut_off("a");
  b.call("c", [&](election& e, election_output& out) {
    EXPECT_TRUE(e.propose({.shard_table = "new", .values = {}}, b.now(), out));
  });
  b.run(milliseconds(100));
  ASSERT_EQ(b.at("b").record()->shard_table, "new");
  ASSERT_NE(b.at("a").record()->shard_table, "new");
  b.kill("c");
  b.cuts.clear();
  ASSERT_GE(b.until_leads("a"), duration::zero());
  EXPECT_EQ(b.at("a").record()->shard_table, "new");
}

// The record names its address, but the disk, and with it the vote, is another.
TEST(election_cures, a_node_that_finds_its_own_address_in_the_record_does_not_vote_by_that) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(2));
  ASSERT_EQ(b.leader(), "c");
  b.kill("c");
  b.kill("a", false);
  b.start("a");
  b.run(seconds(20));
  for (const std::string n : {"a", "b"}) EXPECT_FALSE(b.at(n).leading()) << n;
  b.start("c");
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(3));
  EXPECT_EQ(b.at("b").record()->voter_named("a")->id, b.at("a").vote().id()) << "let in again under its new id";
}

TEST(election_cures, an_id_is_never_given_to_a_second_process) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(2));
  std::set<std::uint64_t> given;
  for (const std::string n : {"a", "b", "c"}) EXPECT_TRUE(given.insert(b.at(n).pid()).second);
  for (int round = 0; round < 6; ++round) {
    const std::string n = round % 3 == 0 ? b.leader() : round % 3 == 1 ? "a" : "b";
    b.kill(n);
    b.run(seconds(2));
    b.start(n);
    ASSERT_GE(b.run_until([&] { return !b.leader().empty() && b.at(n).pid() != 0; }, seconds(10)), duration::zero());
    EXPECT_TRUE(given.insert(b.at(n).pid()).second) << n << " got " << b.at(n).pid() << " again";
  }
}

TEST(election_cures, a_candidate_that_leaves_in_the_middle_makes_room_for_the_next) {
  bus b(5);
  b.start_all({"a", "b", "c", "d", "e"});
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(2));
  std::string candidate;
  b.drop = [&](const std::string& from, const std::string&, const election_message& m) {
    if (m.kind == election_kind::ask_term && candidate.empty()) candidate = from;
    return from == candidate && m.kind == election_kind::ask_term;
  };
  b.kill(b.leader());
  ASSERT_GE(b.run_until([&] { return !candidate.empty(); }, seconds(5)), duration::zero());
  b.call(candidate, [&](election& e, election_output& out) { e.leave(b.now(), out); });
  EXPECT_NE(b.at(candidate).phase_name(), "asking");
  for (const std::string n : {"a", "b", "c", "d", "e"}) {
    if (b.up(n) && n != candidate) b.tell(n, candidate, member_state::departed);
  }
  b.raw(candidate).machine.reset();
  ASSERT_GE(b.until_leader(seconds(5)), duration::zero());
  EXPECT_NE(b.leader(), candidate);
}

TEST(election_cures, a_leader_killed_with_two_members_left_is_followed_by_nobody_that_claims_to_lead) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(2));
  b.kill(b.leader());
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(2));
  b.kill(b.leader());
  b.run(seconds(30));
  for (const std::string n : {"a", "b", "c"}) {
    if (!b.up(n)) continue;
    EXPECT_FALSE(b.at(n).may_act(b.now()));
    EXPECT_FALSE(b.at(n).leader_now()) << "and says that there is none";
  }
}

TEST(election_cures, a_lower_term_is_refused_and_counted) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  ASSERT_GE(b.until_leader(), duration::zero());
  b.run(seconds(2));
  const member_ref old{"c", b.raw("c").id};
  std::string late;
  b.call("c", [&](election& e, election_output& out) {
    EXPECT_TRUE(e.propose({.shard_table = "late", .values = {}}, b.now(), out));
    for (const auto& p : out.packets) {
      if (p.to.name == "a") late = p.bytes;
    }
  });
  b.run(milliseconds(50));
  b.call("c", [&](election& e, election_output& out) { EXPECT_TRUE(e.transfer("b", b.now(), out)); });
  ASSERT_GE(b.until_leads("b"), duration::zero());
  const auto before = b.at("a").counters().stale_term_refused;
  const auto at = b.at("a").record()->at;
  b.call("a", [&](election& e, election_output& out) { e.on_message(old, late, b.now(), out); });
  EXPECT_EQ(b.at("a").counters().stale_term_refused, before + 1);
  EXPECT_EQ(b.at("a").record()->at, at);
}

}  // namespace
}  // namespace troupe
