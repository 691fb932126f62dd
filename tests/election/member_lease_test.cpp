// Leases of members: never longer than the leader's, and only beside the record that they name.
#include <gtest/gtest.h>

#include "tests/election/bus.hpp"

namespace troupe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::bus;

TEST(member_lease, a_members_lease_never_outlives_the_leaders) {
  bus b(3);
  b.latency = milliseconds(20);
  b.start_all({"a", "b", "c"});
  b.until_leader();
  for (int i = 0; i < 200; ++i) {
    b.run(milliseconds(7));
    const auto leader = b.leader();
    ASSERT_NE(leader, "");
    for (const auto* name : {"a", "b", "c"}) EXPECT_LE(b.at(name).own_lease().until, b.at(leader).lease_end());
  }
  for (const auto* name : {"a", "b", "c"}) EXPECT_GT(b.at(name).own_lease().until, b.now());
}

TEST(member_lease, members_keep_their_leases_while_record_follows_record_without_a_pause) {
  for (const auto disk : {milliseconds(0), milliseconds(2), milliseconds(40)}) {
    bus b(3);
    b.disk_time = disk;
    b.start_all({"a", "b", "c"});
    b.until_leader();
    b.start("d");  // does not vote
    b.run(seconds(2));
    const auto leader = b.leader();
    ASSERT_NE(leader, "");
    const auto term = b.at(leader).record()->at.term;
    std::size_t proposed = 0;
    for (int i = 0; i < 5000; ++i) {
      b.run(milliseconds(1));
      if (b.events<proposal_ended>(leader).size() == proposed) {  // one after the other, as the cluster does
        b.call(leader, [&](election& e, election_output& out) {
          proposed += e.propose({.shard_table = "table " + std::to_string(i), .values = {}}, b.now(), out) ? 1U : 0U;
        });
      }
      for (const auto* name : {"a", "b", "c", "d"}) ASSERT_GT(b.at(name).own_lease().until, b.now()) << name << i;
    }
    EXPECT_EQ(b.at(leader).record()->at.term, term);
    EXPECT_GT(b.at(leader).counters().records_committed, 5000 / (10 + 3 * disk.count()));
  }
}

TEST(member_lease, a_lease_counts_from_the_record_that_it_names_and_never_in_another_term) {
  for (const bool new_term : {false, true}) {
    bus b(3);
    b.latency = milliseconds(5);  // above the disk's: a record is there before the lease that comes with it
    b.start_all({"a", "b", "c"});
    b.until_leader();
    b.start("d", -1);  // it is not to lead
    b.run(seconds(2));
    const auto leader = b.leader();
    ASSERT_NE(leader, "");
    const auto term = b.at(leader).record()->at.term;
    b.drop = [&](const std::string&, const std::string& to, const election_message& m) {
      return to == "d" && (m.kind == election_kind::record || m.kind == election_kind::committed);
    };
    b.call(leader, [&](election& e, election_output& out) {
      EXPECT_TRUE(e.propose({.shard_table = "news", .values = {}}, b.now(), out));
    });
    b.run(milliseconds(25));
    const auto before = b.at("d").own_lease().until;
    b.run(milliseconds(390));  // a renewal or two
    ASSERT_EQ(b.at("d").own_lease().until, before) << "without the record";
    if (new_term) b.call(leader, [&](election& e, election_output& out) { e.step_down(b.now(), out); });
    b.drop = nullptr;
    const auto grew = [&] { return b.at("d").own_lease().until > before; };
    ASSERT_GE(b.run_until(grew, seconds(20)), duration::zero());
    EXPECT_EQ(b.at("d").own_lease().term != term, new_term);
    EXPECT_EQ(b.at("d").record()->at.term, b.at("d").own_lease().term);
  }
}

// What waits was decided by the leases given until then: a lease beside the record before it would undo that.
TEST(member_lease, a_lease_counts_beside_the_last_change_that_waited_when_it_was_given) {
  bus b(3);
  b.start_all({"a", "b", "c"});
  b.until_leader();
  b.run(seconds(2));
  const auto leader = b.leader();
  ASSERT_NE(leader, "");
  const std::string member = leader == "a" ? "b" : "a";
  const auto first = b.at(leader).record()->at.epoch + 1;
  std::uint64_t accepted_max = 0;
  b.drop = [&](const std::string&, const std::string&, const election_message& m) {
    return m.kind == election_kind::accept && m.at.epoch > accepted_max;
  };
  b.call(leader, [&](election& e, election_output& out) {
    EXPECT_TRUE(e.propose({.shard_table = {}, .values = {{"key", "value"}}}, b.now(), out));
    EXPECT_TRUE(e.propose({.shard_table = "without the member", .values = {}}, b.now(), out));
  });
  b.run(milliseconds(5));
  const auto before = b.at(member).own_lease().until;
  b.run(milliseconds(250));  // a renewal or two
  accepted_max = first;
  b.run(milliseconds(250));
  ASSERT_EQ(b.at(member).record()->at.epoch, first);
  EXPECT_EQ(b.at(member).own_lease().until, before);
  accepted_max = first + 1;
  b.run(milliseconds(250));
  ASSERT_EQ(b.at(member).record()->at.epoch, first + 1);
  EXPECT_GT(b.at(member).own_lease().until, before);
}

}  // namespace
}  // namespace troupe
