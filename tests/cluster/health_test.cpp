#include "runtime/cluster/health.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

cluster_view healthy() {
  cluster_view v;
  v.node = "a";
  v.pid = 1;
  v.leader_now = leader{"a", 1, 1, true, "", {}};
  v.shards = {{0, "a", {"b"}, {"a", "b"}, 1}, {1, "b", {"a"}, {"b", "a"}, 1}};
  return v;
}

const local_conditions serving{.leaving = false,
                               .serves_data = true,
                               .was_ready = false,
                               .database_wanted = false,
                               .database_fault = {},
                               .database_note = {},
                               .failed_actors = {},
                               .log_fault = {},
                               .modules_missing = {}};

TEST(health, is_green_when_every_shard_has_all_it_wants) {
  const auto h = judge_health(healthy(), 1, serving);
  EXPECT_EQ(h.status, health_status::green);
  EXPECT_EQ(h.missing_primaries, 0u);
  EXPECT_EQ(h.under_replicated, 0u);
}

TEST(health, is_yellow_when_a_replica_is_missing_or_catches_up) {
  auto v = healthy();
  v.shards[1].in_sync = {"b"};
  const auto h = judge_health(v, 1, serving);
  EXPECT_EQ(h.status, health_status::yellow);
  EXPECT_EQ(h.under_replicated, 1u);
  EXPECT_EQ(judge_health(v, 0, serving).status, health_status::green);
}

TEST(health, is_red_when_a_primary_is_missing_whatever_else_is_wrong) {
  auto v = healthy();
  v.shards[0].primary.clear();
  v.shards[1].in_sync = {"b"};
  v.leader_now.reset();
  const auto h = judge_health(v, 1, serving);
  EXPECT_EQ(h.status, health_status::red);
  EXPECT_EQ(h.missing_primaries, 1u);
}

TEST(health, is_red_without_a_shard_table) { EXPECT_EQ(judge_health({}, 0, serving).status, health_status::red); }

TEST(health, a_failed_database_is_a_failed_check) {
  auto here = serving;
  here.database_wanted = true;
  here.database_fault = "disk full";
  const auto h = judge_health(healthy(), 1, here);
  EXPECT_EQ(h.status, health_status::yellow);
  EXPECT_EQ(h.checks[3].name, "database");
  EXPECT_FALSE(h.checks[3].passed);
}

TEST(health, what_could_be_better_about_the_database_is_told_and_passes) {
  auto here = serving;
  here.database_wanted = true;
  here.database_note = "shop has no role of its own";
  auto h = judge_health(healthy(), 1, here);
  EXPECT_EQ(h.status, health_status::green);
  EXPECT_TRUE(h.checks[3].passed);
  EXPECT_EQ(h.checks[3].detail, "shop has no role of its own");
  here.database_fault = "disk full";
  h = judge_health(healthy(), 1, here);
  EXPECT_FALSE(h.checks[3].passed);
  EXPECT_EQ(h.checks[3].detail, "disk full");
}

TEST(readiness, waits_for_shards_only_until_it_was_ready_once) {
  auto v = healthy();
  v.shards[0] = {0, "b", {"a"}, {"b"}, 2};  // on its way here
  judge_readiness(v, serving);
  EXPECT_FALSE(v.ready);
  auto here = serving;
  here.was_ready = true;
  judge_readiness(v, here);
  EXPECT_TRUE(v.ready);
}

TEST(readiness, needs_leader_pid_and_shards_in_sync) {
  auto v = healthy();
  judge_readiness(v, serving);
  EXPECT_TRUE(v.ready);

  v.shards[1].in_sync = {"b"};
  v.leader_now.reset();
  v.pid = 0;
  judge_readiness(v, serving);
  EXPECT_FALSE(v.ready);
  EXPECT_EQ(v.not_ready_reasons.size(), 3u);
}

TEST(readiness, a_leaving_node_is_not_ready) {
  auto v = healthy();
  auto here = serving;
  here.leaving = true;
  judge_readiness(v, here);
  EXPECT_EQ(v.not_ready_reasons, std::vector<std::string>{"the node is leaving"});
}

TEST(readiness, a_node_without_data_needs_no_shards) {
  auto v = healthy();
  v.shards.clear();
  judge_readiness(v, {});
  EXPECT_TRUE(v.ready);
}

}  // namespace
}  // namespace troupe
