// Near caches on three real nodes.
#include <atomic>
#include <thread>

#include "tests/node/application_cache.hpp"

namespace troupe {
namespace {

struct near_caches : application_cache {
  near_caches() {
    start([](config& c) {
      c.cache.replicas = 1;
      c.caches["near"].near_max = 1 * mib;
      c.caches["loaded"].near_max = 1 * mib;
      c.caches["default"].near_max = 1 * mib;
    });
  }
  double hits(std::size_t node) { return metric(node, "troupe_cache_near_hits_total"); }
  /// Reads the keys until the node answers them by itself.
  void warm(std::size_t node, const std::string& name, const std::vector<std::string>& keys) {
    EXPECT_TRUE(cluster->wait_until([&](local_cluster&) {
      const auto before = hits(node);
      for (const auto& k : keys) (void)handle(node, name).get(k);
      return hits(node) - before >= static_cast<double>(keys.size()) / 3;
    }));
  }
  std::vector<std::string> some_keys(int n) {
    std::vector<std::string> keys;
    for (int i = 0; i < n; ++i) keys.push_back("k" + std::to_string(i));
    return keys;
  }
};

TEST_F(near_caches, values_of_other_nodes_are_answered_here_until_they_change) {
  const auto keys = some_keys(30);
  for (const auto& k : keys) ASSERT_TRUE(handle(0, "near").put(k, "1"));
  for (std::size_t node = 0; node < 3; ++node) warm(node, "near", keys);
  const auto written = std::chrono::steady_clock::now();
  for (const auto& k : keys) ASSERT_TRUE(handle(1, "near").put(k, "2"));
  for (std::size_t node = 0; node < 3; ++node) {
    for (const auto& k : keys) {
      EXPECT_TRUE(cluster->wait_until([&](local_cluster&) { return handle(node, "near").get(k)->bytes == "2"; }));
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - written, 10s);
  for (const auto& k : keys) EXPECT_EQ(handle(2, "near").erase(k), true);
  for (std::size_t node = 0; node < 3; ++node) {
    for (const auto& k : keys)
      EXPECT_TRUE(cluster->wait_until([&](local_cluster&) { return !handle(node, "near").get(k); }));
  }
}

TEST_F(near_caches, a_write_through_a_node_is_seen_there_at_once_at_every_door) {
  const auto keys = some_keys(30);
  for (const auto& k : keys) ASSERT_TRUE(handle(0, "default").put(k, "0"));
  warm(0, "default", keys);
  for (int round = 1; round <= 5; ++round) {
    const auto value = std::to_string(round);
    for (const auto& k : keys) {
      ASSERT_TRUE(handle(0, "default").put(k, value));
      EXPECT_EQ(http(0, "GET", "/v1/cache/default/" + k).body, value);
      EXPECT_EQ(redis(0, "APPEND " + k + " x", 4), ":2\r\n");
      EXPECT_EQ(redis(0, "GET " + k, 8), "$2\r\n" + value + "x\r\n");
    }
  }
  EXPECT_EQ(redis(0, "FLUSHALL", 5), "+OK\r\n");
  for (const auto& k : keys) EXPECT_FALSE(handle(0, "default").get(k));
}

TEST_F(near_caches, nobody_sees_a_number_go_back) {
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (std::size_t node = 0; node < 3; ++node) {
    threads.emplace_back([&, node] {
      auto c = handle(node, "near");
      long seen = 0;
      while (!over.load()) {
        const auto value = c.get("n");
        const long number = value ? std::stol(value->bytes) : seen;
        EXPECT_GE(number, seen) << "at node " << node;
        seen = number;
      }
    });
  }
  for (int i = 1; i <= 600; ++i) {
    const auto put = handle(static_cast<std::size_t>(i) % 3, "near").put("n", std::to_string(i));
    EXPECT_TRUE(put) << describe(put.error());
  }
  over = true;
  for (auto& t : threads) t.join();
  EXPECT_GT(hits(0) + hits(1) + hits(2), 0);
}

TEST_F(near_caches, a_drop_reaches_them) {
  const auto keys = some_keys(30);
  for (const auto& k : keys) ASSERT_TRUE(handle(0, "near").put(k, "1"));
  warm(1, "near", keys);
  ASSERT_TRUE(handle(1, "near").drop());
  for (const auto& k : keys) EXPECT_FALSE(handle(1, "near").get(k)) << "at the node that dropped it";
  for (const auto& k : keys) {
    EXPECT_TRUE(cluster->wait_until([&](local_cluster&) { return !handle(2, "near").get(k); }));
  }
}

TEST_F(near_caches, an_owner_that_dies_takes_its_promises_along) {
  const auto keys = some_keys(60);
  for (const auto& k : keys) ASSERT_TRUE(handle(0, "near").put(k, "1"));
  warm(0, "near", keys);
  cluster->kill(1);
  ASSERT_TRUE(cluster->wait_until([](local_cluster& c) { return c.converged(); }));
  for (const auto& k : keys) {
    const auto put = handle(2, "near").put(k, "2");
    ASSERT_TRUE(put) << describe(put.error());
  }
  for (const auto& k : keys)
    EXPECT_TRUE(cluster->wait_until([&](local_cluster&) { return handle(0, "near").get(k)->bytes == "2"; }));
}

TEST_F(near_caches, loaded_values_are_kept_too) {
  hand_loader loader;
  loader.answer_all([](const std::string& key) { return found("value of " + key); });
  load_by(loader, "loaded");
  const auto keys = some_keys(30);
  warm(0, "loaded", keys);
  EXPECT_EQ(loader.calls(), 30);
  for (const auto& k : keys) EXPECT_EQ(handle(0, "loaded").get(k)->bytes, "value of " + k);
}

}  // namespace
}  // namespace troupe
