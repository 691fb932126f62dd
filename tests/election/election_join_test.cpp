// Founding, joining, the voters' list, and the ways a leader hands over.
#include "runtime/election/election.hpp"

#include <gtest/gtest.h>

#include "tests/election/bus.hpp"

namespace troupe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::bus;

TEST(election, nobody_founds_before_all_expected_members_are_there) {
  bus b(3);
  b.start_all({"a", "b"});
  b.run(seconds(10));
  EXPECT_EQ(b.at("a").phase_name(), "without_record");
  EXPECT_EQ(b.at("b").vote().accepted(), nullptr);
  b.start("c");
  EXPECT_GE(b.until_leader(), duration::zero());
}

TEST(election, of_those_told_of_each_other_the_highest_founds_and_the_others_join) {
  bus b(1);
  b.by_seeds = true;
  b.start_all({"a", "b", "c", "d", "e", "f"});
  const auto all_in = [&b] {
    const std::vector<std::string> names{"a", "b", "c", "d", "e", "f"};
    return std::all_of(names.begin(), names.end(), [&b](const auto& n) { return b.at(n).pid() > 0; });
  };
  EXPECT_GE(b.run_until(all_in, seconds(5)), duration::zero());
  EXPECT_TRUE(b.at("f").leading());
  EXPECT_EQ(b.at("f").record()->voters.size(), 1U);
}

TEST(election, who_was_told_of_others_waits_for_them) {
  bus b(1);
  b.by_seeds = true;
  b.start_all({"a"});
  b.run(seconds(30));
  EXPECT_EQ(b.at("a").phase_name(), "without_record");
}

TEST(election, who_was_told_of_a_cluster_joins_it_even_if_it_ranks_highest) {
  bus b(1);
  b.start_all({"a"});
  b.until_leader();
  b.by_seeds = true;
  b.start("z");
  EXPECT_GE(b.run_until([&] { return b.at("z").pid() > 0; }, seconds(5)), duration::zero());
  EXPECT_TRUE(b.at("a").leading());
  EXPECT_EQ(b.at("z").record()->cluster, b.at("a").record()->cluster);
}

TEST(election, more_members_than_expected_found_nothing_and_say_why) {
  bus b(3);
  b.cuts = {{"a", "b"}, {"b", "a"}};
  b.start_all({"a", "b", "c", "d"});
  b.run(seconds(5));
  b.cuts.clear();
  b.run(seconds(5));
  EXPECT_EQ(b.at("c").phase_name(), "without_record");
  ASSERT_FALSE(b.events<bootstrap_refused>("c").empty());
  EXPECT_NE(b.events<bootstrap_refused>("c").back().reason.find("expected_members = 3"), std::string::npos);
}

TEST(election, of_many_joiners_each_greets_a_few_and_first_those_that_show_a_cluster) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  b.until_leader();
  std::vector<std::string> joiners;
  for (int i = 0; i < 40; ++i) joiners.push_back("j" + std::to_string(100 + i));
  int to_members = 0, among_joiners = 0;
  b.drop = [&](const auto& from, const auto& to, const election_message& m) {
    if (m.kind == election_kind::hello && from[0] == 'j') ++(to[0] == 'j' ? among_joiners : to_members);
    return m.kind == election_kind::coordinator;  // the leader greets them too: not here
  };
  b.start_all(joiners);
  const int before = among_joiners;  // nobody has shown a cluster yet: three others each time
  EXPECT_LE(before, 3 * 40);
  for (const auto& j : joiners) {
    const auto digest = b.at("a").digest();
    const member_ref a{"a", b.raw("a").id};
    b.call(j, [&](election& e, election_output& out) { e.on_digest(a, digest, b.now(), out); });
  }
  const auto all_in = [&] {
    return std::all_of(joiners.begin(), joiners.end(), [&](const auto& j) { return b.at(j).pid() > 0; });
  };
  EXPECT_GE(b.run_until(all_in, seconds(5)), duration::zero());
  EXPECT_EQ(among_joiners, before);
  EXPECT_GE(to_members, 30);
}

TEST(election, a_founder_that_restarts_in_the_middle_finishes_its_founding) {
  bus b(3);
  b.drop = [](const auto&, const auto&, const election_message& m) { return m.kind == election_kind::found_accepted; };
  b.start_all({"a", "b", "c"});
  b.run(milliseconds(60));
  ASSERT_TRUE(b.at("c").vote().founding());
  b.kill("c");
  b.drop = nullptr;
  b.start("c");
  EXPECT_GE(b.until_leader(seconds(5)), duration::zero());
  EXPECT_EQ(b.at("a").record()->voters.size(), 3U);
}

TEST(election, a_joiner_beyond_the_voters_gets_a_pid_and_no_vote) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  b.until_leader();
  b.run(seconds(1));
  b.start("d");
  b.run(seconds(2));
  EXPECT_EQ(b.at("d").pid(), 4U);
  EXPECT_EQ(b.at("d").leader_now()->who.name, b.leader());
  EXPECT_EQ(b.at("a").record()->voters.size(), 3U);
  EXPECT_GT(b.at("d").own_lease().until, b.now());
}

TEST(election, a_joiner_with_other_expected_members_is_refused_with_the_reason) {
  bus b(3);
  b.other_expected["d"] = 5;
  b.start_all({"a", "b", "c"});
  b.until_leader();
  b.start("d");
  b.run(seconds(3));
  EXPECT_EQ(b.at("d").record(), nullptr);
  ASSERT_FALSE(b.events<bootstrap_refused>("d").empty());
  EXPECT_NE(b.events<bootstrap_refused>("d")[0].reason.find("expected_members"), std::string::npos);
  EXPECT_EQ(b.at("a").record()->highest_pid, 3U);
}

TEST(election, a_joiner_with_another_value_of_what_must_be_equal_is_refused_with_the_reason) {
  bus b(3);
  b.other_shards["d"] = "64";
  b.start_all({"a", "b", "c"});
  b.until_leader();
  b.start("d");
  b.run(seconds(3));
  EXPECT_EQ(b.at("d").record(), nullptr);
  const auto told = b.events<bootstrap_refused>("d");
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), [](const auto& e) {
    return e.reason.find("it has cache.shards = 64, this cluster 256") != std::string::npos;
  }));
  EXPECT_EQ(b.at("a").record()->highest_pid, 3U);
  b.kill("d");
  b.other_shards.clear();
  b.run(seconds(2));
  b.start("d");
  b.run(seconds(3));
  EXPECT_EQ(b.at("d").pid(), 4U);
}

TEST(election, a_member_that_comes_back_with_another_value_gets_no_lease_and_says_why) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  b.until_leader();
  const auto odd = b.leader() == "a" ? "b" : "a";
  b.kill(odd);
  b.run(seconds(2));
  b.other_shards[odd] = "64";
  b.start(odd);
  b.run(seconds(3));
  ASSERT_FALSE(b.events<bootstrap_refused>(odd).empty());
  EXPECT_NE(b.events<bootstrap_refused>(odd)[0].reason.find("cache.shards"), std::string::npos);
  EXPECT_LE(b.at(odd).own_lease().until, b.now());
  EXPECT_NE(b.leader(), odd);
}

TEST(election, founders_that_differ_in_what_must_be_equal_found_nothing) {
  bus b(3);
  b.other_shards["c"] = "64";
  b.start_all({"a", "b", "c"});
  b.run(seconds(3));
  EXPECT_EQ(b.leader(), "");
  for (const auto* name : {"a", "b", "c"}) EXPECT_FALSE(b.events<bootstrap_refused>(name).empty()) << name;
}

TEST(election, a_node_of_another_cluster_is_refused_with_the_reason) {
  bus b(3);
  b.other_expected["x"] = 1;
  b.start("x");
  b.run(seconds(1));
  b.other_expected.clear();
  b.kill("x");
  b.start_all({"a", "b", "c"});
  b.run(seconds(2));
  b.start("x");
  b.run(seconds(5));
  ASSERT_FALSE(b.events<bootstrap_refused>("x").empty());
  EXPECT_NE(b.events<bootstrap_refused>("x")[0].reason.find("another cluster"), std::string::npos);
  EXPECT_FALSE(b.at("x").leader_now() && b.at("x").leader_now()->who.name != "x");
}

TEST(election, a_node_that_accepts_no_joiners_says_so) {
  bus b(1);
  b.accept_joiners = false;
  b.start("a");
  b.run(seconds(1));
  b.other_expected["z"] = 3;
  b.start("z");
  b.run(seconds(3));
  ASSERT_FALSE(b.events<bootstrap_refused>("z").empty());
  EXPECT_EQ(b.events<joiner_refused>("a").size(), 1U);
  EXPECT_EQ(b.leader(), "");
  EXPECT_TRUE(b.at("a").may_act(b.now()));
}

TEST(election, a_voter_that_lost_its_disk_is_readmitted_under_its_new_id) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  b.until_leader();
  b.run(seconds(2));
  const auto old_id = b.at("a").vote().id();
  b.kill("a", false);
  b.run(seconds(3));
  b.start("a");
  b.run(seconds(3));
  const auto record = b.at(b.leader()).record();
  ASSERT_EQ(record->voters.size(), 3U);
  EXPECT_FALSE(record->has_voter(old_id));
  EXPECT_TRUE(record->has_voter(b.at("a").vote().id()));
  b.kill("c");  // its vote counts now
  EXPECT_GE(b.until_leader(), duration::zero());
}

TEST(election, a_voter_that_departed_is_replaced_by_another_member) {
  bus b(3);
  b.start_all({
      "a",
      "b",
      "c",
  });
  b.until_leader();
  b.start("d");
  b.run(seconds(2));
  const auto departing = b.leader() == "a" ? "b" : "a";
  b.call(departing, [&](election& e, election_output& out) { e.leave(b.now(), out); });
  b.run(seconds(1));
  b.kill(departing);
  for (const std::string name : {"a", "b", "c", "d"}) {
    if (name != departing && b.up(name)) b.tell(name, departing, member_state::departed);
  }
  b.run(seconds(3));
  const auto record = b.at("d").record();
  ASSERT_EQ(record->voters.size(), 3U);
  EXPECT_NE(record->voter_named("d"), nullptr);
  EXPECT_EQ(record->voter_named(departing), nullptr);
}

}  // namespace
}  // namespace troupe
