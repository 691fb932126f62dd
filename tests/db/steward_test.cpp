// Who makes shared tables where the leader runs no database.
#include "runtime/services/steward.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

member of(const std::string& name, std::uint64_t pid, std::vector<std::string> services) {
  member m;
  m.name = name;
  m.id = {pid, 1};
  m.pid = pid;
  m.services = std::move(services);
  return m;
}

// a leads and has no database; b and c have one.
cluster_view seen_by(std::uint64_t pid) {
  cluster_view v;
  v.id = {pid, 1};
  v.leader_now.emplace();
  v.leader_now->name = "a";
  v.leader_now->term = 7;
  v.leader_now->id = {1, 1};
  v.members = {of("a", 1, {"http"}), of("c", 3, {"db"}), of("b", 2, {"cache", "db"})};
  return v;
}

TEST(steward, is_the_member_with_a_database_and_the_lowest_pid_in_the_name_of_the_leader) {
  const auto right = steward_right(seen_by(2));
  ASSERT_TRUE(right);
  EXPECT_EQ(right->term(), 7U);
  EXPECT_EQ(right->leader(), (incarnation_id{1, 1}));
  EXPECT_FALSE(steward_right(seen_by(3)));
  EXPECT_FALSE(steward_right(seen_by(1)));
}

TEST(steward, is_nobody_while_the_leader_runs_the_database) {
  auto v = seen_by(2);
  v.members[0].services = {"http", "db"};
  EXPECT_FALSE(steward_right(v));
}

TEST(steward, is_nobody_while_nobody_leads_or_this_node_is_cut_off) {
  auto v = seen_by(2);
  v.leader_now.reset();
  EXPECT_FALSE(steward_right(v));
  v = seen_by(2);
  v.cut_off = "it hears nobody";
  EXPECT_FALSE(steward_right(v));
}

TEST(steward, is_the_next_when_the_first_is_failed_suspected_or_has_no_pid_yet) {
  for (const auto state : {member_state::failed, member_state::suspect, member_state::departing}) {
    auto v = seen_by(3);
    v.members[2].state = state;
    EXPECT_TRUE(steward_right(v));
  }
  auto v = seen_by(3);
  v.members[2].pid = 0;
  EXPECT_TRUE(steward_right(v));
}

}  // namespace
}  // namespace troupe
