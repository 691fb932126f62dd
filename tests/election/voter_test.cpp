#include "runtime/election/voter.hpp"

#include <gtest/gtest.h>

#include "runtime/election/roll.hpp"
#include "runtime/election/standalone.hpp"
#include "runtime/election/upkeep.hpp"

namespace troupe {
namespace {

using std::chrono::milliseconds;

constexpr duration lease = milliseconds(600);
const time_point start{std::chrono::hours(5)};
const member_ref a{"a", {1, 1}}, b{"b", {2, 2}};

record_ptr record_at(stamp at,
                     std::vector<record_voter> voters = {{{1, 1}, "a", ""}, {{2, 2}, "b", ""}, {{3, 3}, "c", ""}}) {
  cluster_record r;
  r.cluster = {9, 9};
  r.cluster_name = "troupe";
  r.expected_members = 3;
  r.voters = std::move(voters);
  r.at = at;
  return std::make_shared<const cluster_record>(r);
}

void write(voter& v) {
  while (const auto request = v.take_write()) v.on_persisted(request->token);
}

voter fresh_voter() {
  voter v({.voter = {3, 3}, .holder = {}, .accepted = record_at(founding_stamp), .founder = {}}, lease, start);
  v.on_persisted(v.take_write()->token);
  return v;
}

TEST(voter, grants_a_term_once_and_again_only_to_the_same_candidate) {
  auto v = fresh_voter();
  EXPECT_TRUE(v.ask_term(5, a, start).granted());
  EXPECT_TRUE(v.ask_term(5, a, start).granted());
  EXPECT_EQ(v.ask_term(5, b, start).why, refusal::promised);
  EXPECT_EQ(v.ask_term(4, b, start).why, refusal::promised);
  EXPECT_TRUE(v.ask_term(6, b, start).granted());
  EXPECT_EQ(v.ask_term(5, a, start).why, refusal::promised);
}

TEST(voter, an_answer_waits_until_the_promise_is_on_disk) {
  auto v = fresh_voter();
  const auto before = v.durable();
  ASSERT_TRUE(v.ask_term(5, a, start).granted());
  EXPECT_GT(v.version(), before);
  const auto first = v.take_write();
  ASSERT_TRUE(first);
  EXPECT_FALSE(v.take_write());  // one at a time
  ASSERT_TRUE(v.accept(record_at({5, 2}), a, lease, start).granted());
  const auto needed = v.version();
  v.on_persisted(first->token + 77);
  EXPECT_EQ(v.durable(), before);
  v.on_persisted(first->token);
  EXPECT_LT(v.durable(), needed);
  const auto second = v.take_write();
  ASSERT_TRUE(second);
  v.on_persisted(second->token);
  EXPECT_EQ(v.durable(), needed);
  const auto file = decode_vote_file(second->bytes);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->promised, 5U);
  EXPECT_EQ(file->accepted->at, (stamp{5, 2}));
}

TEST(voter, a_lease_given_to_another_blocks_until_its_end_and_says_how_long) {
  auto v = fresh_voter();
  ASSERT_TRUE(v.ask_term(1, a, start).granted());
  ASSERT_TRUE(v.renew(1, a, lease, start).granted());
  const auto no = v.ask_term(2, b, start + milliseconds(200));
  EXPECT_EQ(no.why, refusal::lease);
  EXPECT_EQ(no.lease_left, milliseconds(400));
  EXPECT_EQ(v.promised(), 1U);  // a refused candidate leaves no trace
  EXPECT_TRUE(v.ask_term(2, a, start + milliseconds(200)).granted());
  EXPECT_TRUE(v.ask_term(3, b, start + lease).granted());
}

TEST(voter, a_released_lease_blocks_nobody_but_its_rest_is_told) {
  auto v = fresh_voter();
  ASSERT_TRUE(v.renew(1, a, lease, start).granted());
  v.release(1, b);  // not the holder
  EXPECT_FALSE(v.ask_term(2, b, start).granted());
  v.release(1, a);
  const auto yes = v.ask_term(2, b, start + milliseconds(100));
  EXPECT_TRUE(yes.granted());
  EXPECT_EQ(yes.lease_left, milliseconds(500));
}

TEST(voter, refuses_records_below_its_promise_and_below_what_it_accepted) {
  auto v = fresh_voter();
  ASSERT_TRUE(v.accept(record_at({3, 4}), a, lease, start).granted());
  EXPECT_EQ(v.accept(record_at({2, 9}), a, lease, start).why, refusal::promised);
  EXPECT_EQ(v.accept(record_at({3, 3}), a, lease, start).why, refusal::stale);
  EXPECT_TRUE(v.accept(record_at({3, 4}), a, lease, start).granted());
  EXPECT_FALSE(v.learn(record_at({2, 9})));
  EXPECT_FALSE(v.learn(record_at({3, 2})));
  write(v);
  EXPECT_EQ(v.committed(), nullptr);
  EXPECT_TRUE(v.learn(record_at({3, 4})));
  EXPECT_EQ(v.committed()->at, (stamp{3, 4}));
  EXPECT_EQ(v.accepted_at(), (stamp{3, 4}));
}

TEST(voter, takes_a_record_for_committed_when_its_leader_proposes_the_next_one) {
  auto v = fresh_voter();
  ASSERT_TRUE(v.accept(record_at({3, 4}), a, lease, start).granted());
  ASSERT_TRUE(v.accept(record_at({3, 5}), a, lease, start).granted());
  EXPECT_EQ(v.committed(), nullptr);  // nothing is on the disk
  write(v);
  EXPECT_EQ(v.committed()->at, (stamp{3, 4}));
  EXPECT_TRUE(v.mark_committed({3, 4}));  // known already
  EXPECT_FALSE(v.mark_committed({3, 6}));
  ASSERT_TRUE(v.accept(record_at({3, 7}), a, lease, start).granted());  // one between them was missed
  write(v);
  EXPECT_EQ(v.committed()->at, (stamp{3, 4}));
  ASSERT_TRUE(v.accept(record_at({4, 8}), b, lease, start).granted());  // another leader says nothing of {3, 7}
  write(v);
  EXPECT_EQ(v.committed()->at, (stamp{3, 4}));
}

TEST(voter, knows_of_committed_records_also_while_they_come_faster_than_its_disk_writes) {
  auto v = fresh_voter();
  std::uint64_t epoch = 1;
  const auto next = [&] { ASSERT_TRUE(v.accept(record_at({3, epoch++}), a, lease, start).granted()); };
  next();
  for (int writes = 0; writes < 5; ++writes) {
    const auto under_way = v.take_write();
    ASSERT_TRUE(under_way);
    const auto written = epoch - 1;
    for (int more = 0; more < 3; ++more) next();
    v.on_persisted(under_way->token);
    ASSERT_NE(v.committed(), nullptr);
    EXPECT_EQ(v.committed()->at.epoch, written);
  }
}

TEST(voter, that_restarts_waits_out_a_lease_it_may_have_given) {
  vote_file file{.voter = {3, 3}, .promised = 4, .holder = a, .accepted = record_at({4, 2}), .founder = {}};
  voter v(file, lease, start);
  EXPECT_EQ(v.ask_term(5, b, start).why, refusal::lease);
  EXPECT_EQ(v.ask_term(5, a, start).why, refusal::lease);
  EXPECT_TRUE(v.renew(4, a, lease, start).granted());
  EXPECT_TRUE(v.ask_term(5, b, start + lease).granted());
}

TEST(voter, alone_waits_for_nobody_after_a_restart_if_it_voted_for_itself) {
  const std::vector<record_voter> alone = {{{3, 3}, "a", ""}};
  vote_file own{.voter = {3, 3}, .promised = 4, .holder = a, .accepted = record_at({4, 2}, alone), .founder = {}};
  voter v(own, lease, start);
  EXPECT_TRUE(v.ask_term(5, {"a", {8, 8}}, start).granted());
  vote_file other{.voter = {3, 3}, .promised = 4, .holder = b, .accepted = record_at({4, 2}, alone), .founder = {}};
  voter w(other, lease, start);
  EXPECT_FALSE(w.ask_term(5, {"a", {8, 8}}, start).granted());
}

TEST(voter, without_a_record_votes_for_nobody_and_accepts_one_founding) {
  voter v({.voter = {3, 3}, .holder = {}, .accepted = nullptr, .founder = {}}, lease, start);
  EXPECT_EQ(v.ask_term(1, a, start).why, refusal::no_record);
  EXPECT_TRUE(v.accept_founding(record_at(founding_stamp), {1, 1}));
  auto other = *record_at(founding_stamp);
  other.cluster = {7, 7};
  EXPECT_FALSE(v.accept_founding(std::make_shared<const cluster_record>(other), {1, 1}));
  EXPECT_TRUE(v.founding());
  v.declare_founded();
  EXPECT_FALSE(v.founding());
}

// --- the roll and the leader's own changes

struct upkeep : testing::Test {
  roll members;
  cluster_record record = *record_at({1, 2});
  member_ref self = a;
  std::map<voter_id, time_point> answered;

  void put(const std::string& name, std::uint64_t id, member_state state, voter_id voter, bool vetted = true) {
    members.put({{name, {id, id}}, state, name + ":1", 0}, start);
    auto& row = *members.find(name);
    row.vetted = vetted;
    row.voter = voter;
    row.ask = 1;
    row.ask_received = start;
    if (state == member_state::alive) answered[voter] = start;
  }
  void SetUp() override {
    put("a", 1, member_state::alive, {1, 1});
    put("b", 2, member_state::alive, {2, 2});
    put("c", 3, member_state::alive, {3, 3});
  }
  upkeep_view view() const { return {members, self, start, start, lease, answered}; }
};

TEST_F(upkeep, gives_rising_pids_once_and_only_to_vetted_members) {
  put("d", 4, member_state::alive, {4, 4}, false);
  EXPECT_TRUE(give_pids(record, view()));
  EXPECT_EQ(record.highest_pid, 3U);
  EXPECT_FALSE(give_pids(record, view()));
  members.find("d")->vetted = true;
  EXPECT_TRUE(give_pids(record, view()));
  EXPECT_EQ(record.pid_of({"d", {4, 4}}), 4U);
}

TEST_F(upkeep, drops_pids_of_replaced_and_departed_members_with_the_next_change) {
  give_pids(record, view());
  put("b", 22, member_state::alive, {2, 2});
  put("c", 3, member_state::departed, {3, 3});
  EXPECT_TRUE(give_pids(record, view()));
  EXPECT_EQ(record.pids.size(), 2U);
  EXPECT_EQ(record.pid_of({"b", {22, 22}}), 4U);
}

TEST_F(upkeep, keeps_the_pid_of_a_member_that_failed_just_now) {
  give_pids(record, view());
  put("c", 3, member_state::failed, {3, 3});
  put("d", 4, member_state::alive, {4, 4});
  EXPECT_TRUE(give_pids(record, view()));
  EXPECT_EQ(record.pid_of({"c", {3, 3}}), 3U);
}

TEST_F(upkeep, replaces_a_voter_whose_disk_is_new_in_two_steps) {
  give_pids(record, view());
  EXPECT_FALSE(adjust_voters(record, view()) && record.voters.size() != 3);
  put("c", 33, member_state::alive, {33, 33});
  give_pids(record, view());
  EXPECT_TRUE(adjust_voters(record, view()));
  EXPECT_EQ(record.voters.size(), 2U);
  EXPECT_TRUE(adjust_voters(record, view()));
  EXPECT_EQ(record.voters.size(), 3U);
  EXPECT_TRUE(record.has_voter({33, 33}));
  EXPECT_FALSE(record.has_voter({3, 3}));
  EXPECT_FALSE(adjust_voters(record, view()));
}

TEST_F(upkeep, removes_no_voter_when_the_rest_could_not_make_a_majority) {
  answered.erase({2, 2});  // whatever membership believes of it
  put("c", 33, member_state::alive, {33, 33});
  give_pids(record, view());
  for (auto& v : record.voters) v.address = v.name + ":1";
  EXPECT_FALSE(adjust_voters(record, view()));
}

// The cause of a stuck list in the simulator: one voter's disk was lost, then another departed, and the
// answers of the first were still fresh.
TEST_F(upkeep, removes_no_voter_on_answers_from_before_its_departure_was_seen) {
  put("d", 4, member_state::alive, {4, 4});
  give_pids(record, view());
  for (auto& v : record.voters) v.address = v.name + ":1";
  put("c", 3, member_state::departed, {3, 3});
  answered[{2, 2}] = start - milliseconds(1);
  EXPECT_FALSE(adjust_voters(record, view()));
  answered[{2, 2}] = start;
  EXPECT_TRUE(adjust_voters(record, view()));
}

TEST_F(upkeep, leaves_a_departed_voter_when_nobody_can_take_its_place) {
  give_pids(record, view());
  for (auto& v : record.voters) v.address = v.name + ":1";
  put("c", 3, member_state::departed, {3, 3});
  EXPECT_FALSE(adjust_voters(record, view()));
  put("d", 4, member_state::alive, {4, 4});
  give_pids(record, view());
  EXPECT_TRUE(adjust_voters(record, view()));
  EXPECT_EQ(record.voter_named("c"), nullptr);
}

TEST(roll, news_of_an_older_incarnation_change_nothing_and_ranks_order_by_priority_pid_name) {
  roll members;
  EXPECT_TRUE(members.put({{"a", {2, 2}}, member_state::alive, "x", 0}, start));
  EXPECT_FALSE(members.put({{"a", {1, 1}}, member_state::failed, "x", 0}, start));
  EXPECT_TRUE(members.put({{"a", {3, 3}}, member_state::alive, "x", 0}, start));
  EXPECT_FALSE(members.present({"a", {2, 2}}));
  EXPECT_LT((member_rank{0, 0, "z"}), (member_rank{0, 1, "a"}));
  EXPECT_LT((member_rank{0, 9, "z"}), (member_rank{1, 0, "a"}));
  EXPECT_LT((member_rank{0, 1, "a"}), (member_rank{0, 2, "a"}));
}

// --- a node alone by configuration

TEST(standalone, leads_as_pid_one_under_a_higher_term_after_each_start_and_keeps_its_record) {
  std::string disk;
  for (std::uint64_t round = 1; round <= 3; ++round) {
    election_options options;
    options.self = {"a", {round, 1}};
    standalone_election e(options, *open_vote_file(disk, {4, 4}));
    election_output out;
    e.on_start(start, out);
    EXPECT_FALSE(e.may_act());
    ASSERT_TRUE(out.persist);
    disk = out.persist->bytes;
    e.on_persisted(out.persist->token, start, out);
    ASSERT_TRUE(e.may_act());
    EXPECT_EQ(e.leader_now()->pid, 1U);
    EXPECT_EQ(e.leader_now()->term, round);
    EXPECT_TRUE(e.leader_now()->fenced);
    EXPECT_EQ(e.record()->shard_table, round == 1 ? "" : "table");
    const auto before = e.record()->at;
    election_output change, later;
    ASSERT_TRUE(e.propose({.shard_table = "table", .values = {}}, start, change));
    ASSERT_TRUE(e.propose({.shard_table = {}, .values = {{"k", "v"}}}, start, later));
    EXPECT_FALSE(later.persist);
    e.on_persisted(change.persist->token, start, later);
    ASSERT_TRUE(later.persist);
    EXPECT_EQ(e.record()->shard_table, "table");
    EXPECT_GT(e.record()->at, before);
    disk = later.persist->bytes;
    e.on_persisted(later.persist->token, start, later);
    EXPECT_EQ(e.record()->values.at("k"), "v");
  }
}

}  // namespace
}  // namespace troupe
