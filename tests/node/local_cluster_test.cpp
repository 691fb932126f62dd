// Real nodes over real sockets in one process. The same tests run at 1, 3 and 9 nodes.
#include <troupe/local_cluster.hpp>

#include <set>

#include <gtest/gtest.h>

namespace troupe {
namespace {

class cluster_of : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    local_cluster_options options;
    options.nodes = GetParam();
    options.services = {"cache"};
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster_.emplace(std::move(*started));
  }

  [[nodiscard]] local_cluster& cluster() { return *cluster_; }
  [[nodiscard]] cache cache_at(std::size_t index) { return *cluster().at(index).open_cache(); }

  std::optional<local_cluster> cluster_;
};

TEST_P(cluster_of, agrees_on_one_fenced_leader_and_gives_each_member_its_pid) {
  ASSERT_LT(cluster().leader(), cluster().size());
  std::set<std::uint64_t> pids;
  for (std::size_t i = 0; i < cluster().size(); ++i) {
    const auto view = cluster().at(i).view();
    EXPECT_EQ(view->members.size(), GetParam());
    EXPECT_TRUE(view->leader_now->fenced);
    EXPECT_TRUE(pids.insert(view->pid).second);
  }
  EXPECT_EQ(pids.count(0), 0u);
  EXPECT_EQ(*pids.begin(), 1u);
}

TEST_P(cluster_of, spreads_the_shards_evenly_and_everybody_knows_where_they_are) {
  const auto reference = cluster().at(0).view()->shards;
  std::map<std::string, std::size_t> held;
  for (const auto& shard : reference) ++held[shard.primary];
  EXPECT_EQ(held.size(), GetParam());
  EXPECT_EQ(held.count(""), 0u);
  for (const auto& [name, count] : held) {
    EXPECT_GE(count, reference.size() / GetParam()) << name;
    EXPECT_LE(count, reference.size() / GetParam() + 1) << name;
  }
  const bool same = cluster().wait_until([&](local_cluster& c) {
    for (std::size_t i = 1; i < c.size(); ++i) {
      const auto shards = c.at(i).view()->shards;
      if (shards.size() != reference.size()) return false;
      for (std::size_t s = 0; s < shards.size(); ++s) {
        if (shards[s].primary != reference[s].primary) return false;
      }
    }
    return true;
  });
  EXPECT_TRUE(same);
}

TEST_P(cluster_of, serves_any_key_at_any_node) {
  for (int k = 0; k < 50; ++k) {
    const auto key = "key" + std::to_string(k);
    const std::size_t writer = static_cast<std::size_t>(k) % cluster().size();
    const std::size_t reader = (writer + 1) % cluster().size();
    const auto stored = cache_at(writer).put(key, "value of " + key);
    ASSERT_TRUE(stored) << describe(stored.error());
    const auto found = cache_at(reader).get(key);
    ASSERT_TRUE(found) << describe(found.error());
    EXPECT_EQ(found->bytes, "value of " + key);
    EXPECT_EQ(found->version, *stored);
  }
}

TEST_P(cluster_of, keeps_conditions_and_deletes_true_across_nodes) {
  const std::size_t other = cluster().size() - 1;
  auto here = cache_at(0);
  auto there = cache_at(other);
  const auto first = here.put("k", "1", {.ttl = {}, .condition = write_condition::if_absent});
  ASSERT_TRUE(first) << describe(first.error());
  EXPECT_EQ(there.put("k", "2", {.ttl = {}, .condition = write_condition::if_absent}).error().code,
            errc::condition_failed);
  const auto second = there.put("k", "2", {.ttl = {}, .condition = write_condition::if_version, .version = *first});
  ASSERT_TRUE(second) << describe(second.error());
  EXPECT_GT(*second, *first);
  EXPECT_EQ(here.erase("k"), true);
  EXPECT_EQ(there.get("k").error().code, errc::not_found);
  EXPECT_EQ(there.erase("k"), false);
}

TEST_P(cluster_of, elects_another_leader_when_the_leader_dies_and_takes_it_back_when_it_returns) {
  if (GetParam() < 3) GTEST_SKIP() << "a majority needs three";
  const std::size_t old = cluster().leader();
  const auto term = cluster().at(old).view()->leader_now->term;
  cluster().kill(old);
  ASSERT_TRUE(cluster().wait_until([&](local_cluster& c) { return c.leader() < c.size(); }));
  const std::size_t now = cluster().leader();
  EXPECT_NE(now, old);
  EXPECT_GT(cluster().at(now).view()->leader_now->term, term);

  ASSERT_TRUE(cluster().restart(old));
  ASSERT_TRUE(cluster().wait_until([](local_cluster& c) { return c.converged(); }));
  EXPECT_NE(cluster().leader(), old) << "a returning member does not take over";
}

TEST_P(cluster_of, serves_every_key_again_after_a_member_died) {
  if (GetParam() < 3) GTEST_SKIP() << "a majority needs three";
  const std::size_t victim = cluster().size() - 1;
  cluster().kill(victim);
  ASSERT_TRUE(cluster().wait_until([&](local_cluster& c) {
    const auto name = "n" + std::to_string(victim + 1);
    for (const auto& shard : c.at(0).view()->shards) {
      if (shard.primary == name || shard.primary.empty()) return false;
    }
    return true;
  }));
  for (int k = 0; k < 50; ++k) {
    const auto key = "again" + std::to_string(k);
    const auto stored = cache_at(0).put(key, "v");
    ASSERT_TRUE(stored) << describe(stored.error());
    const auto found = cache_at(1).get(key);
    ASSERT_TRUE(found) << describe(found.error());
  }
}

TEST_P(cluster_of, a_graceful_leave_is_known_as_such) {
  if (GetParam() < 3) GTEST_SKIP() << "a majority needs three";
  const std::size_t leaver = cluster().leader() == 0 ? 1 : 0;
  const auto name = cluster().at(leaver).settings().node.name;
  EXPECT_TRUE(cluster().leave(leaver));
  const std::size_t witness = leaver == 0 ? 1 : 0;
  EXPECT_TRUE(cluster().wait_until([&](local_cluster& c) {
    for (const auto& m : c.at(witness).view()->members) {
      if (m.name == name) return m.state == member_state::departed;
    }
    return true;
  }));
}

INSTANTIATE_TEST_SUITE_P(sizes, cluster_of, ::testing::Values(1, 3, 9));

}  // namespace
}  // namespace troupe
