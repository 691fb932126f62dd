// Real nodes over real sockets, with faults from inside: nodes that stand still, networks that are cut.
#include <troupe/local_cluster.hpp>

#include <algorithm>

#include <gtest/gtest.h>

namespace troupe {
namespace {

constexpr duration asked_briefly = std::chrono::milliseconds(200);

class cluster_fault : public ::testing::Test {
 protected:
  void start(std::size_t nodes) {
    local_cluster_options options;
    options.nodes = nodes;
    options.services = {"cache"};
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster_.emplace(std::move(*started));
  }

  [[nodiscard]] local_cluster& cluster() { return *cluster_; }
  [[nodiscard]] cache cache_at(std::size_t i) { return *cluster().at(i).open_cache(); }
  [[nodiscard]] std::string name(std::size_t i) { return "n" + std::to_string(i + 1); }
  [[nodiscard]] std::uint64_t term_at(std::size_t i) {
    const auto view = cluster().at(i).view();
    return view->leader_now ? view->leader_now->term : 0;
  }

  [[nodiscard]] std::optional<member_state> state_seen(std::size_t by, std::size_t of) {
    for (const auto& m : cluster().at(by).view()->members) {
      if (m.name == name(of)) return m.state;
    }
    return std::nullopt;
  }

  [[nodiscard]] bool ready_all(const std::vector<std::size_t>& side) {
    return std::all_of(side.begin(), side.end(), [this](auto i) { return cluster().at(i).view()->ready; });
  }

  /// Every shard has its primary in `side`, as all of `side` know.
  [[nodiscard]] bool served_by(const std::vector<std::size_t>& side) {
    return std::all_of(side.begin(), side.end(), [&](auto at) {
      const auto shards = cluster().at(at).view()->shards;
      return !shards.empty() && std::all_of(shards.begin(), shards.end(), [&](const auto& s) {
        return std::any_of(side.begin(), side.end(), [&](auto i) { return name(i) == s.primary; });
      });
    });
  }

  [[nodiscard]] bool converges() {
    return cluster().wait_until([](local_cluster& c) { return c.converged(); });
  }

  void put_all(std::size_t at, const std::string& value) {
    for (int k = 0; k < keys; ++k) {
      const auto stored = cache_at(at).put(key(k), value);
      ASSERT_TRUE(stored) << key(k) << ": " << describe(stored.error());
    }
  }
  void expect_all(std::size_t at, const std::string& value) {
    for (int k = 0; k < keys; ++k) {
      const auto found = cache_at(at).get(key(k));
      ASSERT_TRUE(found) << key(k) << ": " << describe(found.error());
      EXPECT_EQ(found->bytes, value) << key(k);
    }
  }

  static constexpr int keys = 40;
  [[nodiscard]] static std::string key(int k) { return "key" + std::to_string(k); }

  std::optional<local_cluster> cluster_;
};

TEST_F(cluster_fault, a_paused_follower_is_given_up_and_comes_back_by_itself) {
  start(3);
  const std::size_t follower = (cluster().leader() + 1) % 3;
  const std::size_t witness = (cluster().leader() + 2) % 3;
  const auto id = cluster().at(follower).view()->id;
  cluster().pause(follower);
  EXPECT_TRUE(cluster().paused(follower));
  ASSERT_TRUE(cluster().wait_until([&](auto&) { return state_seen(witness, follower) == member_state::failed; }));
  cluster().resume(follower);
  ASSERT_TRUE(converges());
  EXPECT_EQ(state_seen(witness, follower), member_state::alive);
  EXPECT_EQ(cluster().at(follower).view()->id, id) << "it is the same incarnation, not a restart";
  put_all(follower, "after");
  expect_all(witness, "after");
}

TEST_F(cluster_fault, a_paused_leader_is_replaced_and_acts_on_nothing_when_it_wakes) {
  start(3);
  const std::size_t old = cluster().leader();
  const std::vector<std::size_t> others{(old + 1) % 3, (old + 2) % 3};
  put_all(old, "before");
  const auto term = term_at(old);
  cluster().pause(old);
  ASSERT_TRUE(
      cluster().wait_until([&](local_cluster& c) { return c.leader() < c.size() && term_at(others[0]) > term; }));
  ASSERT_TRUE(cluster().wait_until([&](auto&) { return served_by(others) && ready_all(others); }));
  put_all(others[0], "after");

  cluster().resume(old);
  // From its first moment on: the shards that it once served are others' now.
  ASSERT_TRUE(cluster().wait_until([&](local_cluster& c) {
    for (int k = 0; k < keys; ++k) {
      const auto found = cache_at(old).get(key(k), asked_briefly);
      if (found)
        EXPECT_EQ(found->bytes, "after") << key(k) << " was served under a lease that is over";
      else
        EXPECT_NE(found.error().code, errc::not_found) << key(k);
    }
    return c.converged();
  }));
  EXPECT_NE(cluster().leader(), old);
  EXPECT_GT(term_at(old), term);
  EXPECT_EQ(term_at(old), term_at(others[0]));
  expect_all(old, "after");
}

TEST_F(cluster_fault, a_paused_node_can_be_killed_and_started_again) {
  start(3);
  const std::size_t victim = (cluster().leader() + 1) % 3;
  cluster().pause(victim);
  cluster().kill(victim);
  EXPECT_FALSE(cluster().paused(victim));
  ASSERT_TRUE(cluster().restart(victim));
  EXPECT_TRUE(converges());
}

TEST_F(cluster_fault, a_cluster_with_paused_nodes_can_be_destroyed) {
  start(3);
  cluster().pause(0);
  cluster().pause(2);
  EXPECT_FALSE(cluster().leave(0));
  cluster_.reset();
}

TEST_F(cluster_fault, a_minority_serves_nothing_and_says_so_while_the_majority_goes_on) {
  start(5);
  const std::size_t old = cluster().leader();
  const std::vector<std::size_t> minority{old, (old + 1) % 5};
  const std::vector<std::size_t> majority{(old + 2) % 5, (old + 3) % 5, (old + 4) % 5};
  put_all(old, "before");
  const auto term = term_at(old);

  cluster().partition(minority);
  ASSERT_TRUE(cluster().wait_until([&](auto&) { return served_by(majority) && ready_all(majority); }));
  EXPECT_GT(term_at(majority[0]), term);
  ASSERT_TRUE(cluster().wait_until([&](auto&) { return !ready_all({minority[0]}) && !ready_all({minority[1]}); }));
  for (const auto i : minority) {
    EXPECT_FALSE(cluster().at(i).view()->not_ready_reasons.empty());
    for (int k = 0; k < 5; ++k) EXPECT_FALSE(cache_at(i).get(key(k), asked_briefly)) << key(k) << " at " << name(i);
    // Not of a key that is read again: a write whose outcome is unknown may be done when the network heals.
    EXPECT_FALSE(cache_at(i).put("of the minority", "lost or late", {}, asked_briefly));
  }
  put_all(majority[0], "of the majority");
  expect_all(majority[1], "of the majority");

  cluster().heal();
  ASSERT_TRUE(converges());
  expect_all(minority[0], "of the majority");
  expect_all(minority[1], "of the majority");
}

TEST_F(cluster_fault, who_alone_does_not_hear_the_leader_is_not_ready_and_unseats_nobody) {
  start(3);
  const std::size_t leader = cluster().leader();
  const std::size_t deaf = (leader + 1) % 3;
  const std::size_t witness = (leader + 2) % 3;
  const auto term = term_at(leader);
  cluster().cut(leader, deaf);
  ASSERT_TRUE(cluster().wait_until([&](auto&) { return !ready_all({deaf}); }));
  EXPECT_TRUE(ready_all({leader, witness}));
  EXPECT_NE(state_seen(witness, deaf), member_state::failed);
  cluster().heal();
  ASSERT_TRUE(converges());
  EXPECT_EQ(cluster().leader(), leader);
  EXPECT_EQ(term_at(deaf), term);
  put_all(deaf, "after");
  expect_all(leader, "after");
}

TEST_F(cluster_fault, a_node_that_starts_behind_a_cut_stays_alone_until_it_heals) {
  start(3);
  const std::size_t lone = (cluster().leader() + 1) % 3;
  const std::size_t witness = (cluster().leader() + 2) % 3;
  cluster().kill(lone);
  ASSERT_TRUE(cluster().wait_until([&](auto&) { return state_seen(witness, lone) == member_state::failed; }));
  cluster().partition({lone});
  ASSERT_TRUE(cluster().restart(lone));
  EXPECT_FALSE(cluster().at(lone).view()->ready);
  EXPECT_FALSE(cache_at(lone).put("k", "v", {}, asked_briefly));
  EXPECT_EQ(state_seen(witness, lone), member_state::failed);
  cluster().heal();
  EXPECT_TRUE(converges());
}

}  // namespace
}  // namespace troupe
