// Caches with rules of their own on three real nodes: dropped, limited, without copies.
#include <nlohmann/json.hpp>

#include "runtime/sharding/slot.hpp"
#include "tests/node/application_cache.hpp"

namespace troupe {
namespace {

struct named_caches : application_cache {
  named_caches() {
    start([](config& c) {
      c.cache.replicas = 1;
      c.cache.shards = 32;
      c.caches["small"].keys_max = 10;
      c.caches["tight"].memory_max = 64 * kib;
      c.caches["alone"].replicas = 0;
      c.caches["other"] = {};
    });
  }
  void fill(const std::string& name, int keys) {
    for (int i = 0; i < keys; ++i) {
      const auto stored = handle(static_cast<std::size_t>(i) % 3, name).put("k" + std::to_string(i), "v");
      ASSERT_TRUE(stored) << describe(stored.error());
    }
  }
  int present(const std::string& name, int keys, std::size_t node) {
    std::vector<std::string> all;
    for (int i = 0; i < keys; ++i) all.push_back("k" + std::to_string(i));
    int found = 0;
    for (const auto& value : handle(node, name).get_all(all)) {
      EXPECT_TRUE(value || value.error().code == errc::not_found) << describe(value.error());
      found += value ? 1 : 0;
    }
    return found;
  }
  double named(std::size_t node, const std::string& what, const std::string& name) {
    return metric(node, "troupe_cache_named_" + what + "{cache=\"" + name + "\"}");
  }
};

TEST_F(named_caches, a_drop_takes_every_value_at_every_node_and_no_other_cache) {
  fill("other", 200);
  fill("default", 50);
  ASSERT_TRUE(handle(1, "other").drop());
  for (std::size_t node = 0; node < 3; ++node) EXPECT_EQ(present("other", 200, node), 0);
  EXPECT_EQ(present("default", 50, 2), 50);
  EXPECT_TRUE(handle(0, "other").scan({})->keys.empty());
  fill("other", 10);
  EXPECT_EQ(present("other", 200, 0), 10);
  ASSERT_TRUE(handle(0, "default").drop());
  EXPECT_EQ(redis(2, "DBSIZE", 4), ":0\r\n");
  // Copies too: whoever takes over has nothing of it.
  const auto version = handle(0, "other").get("k0")->version;
  cluster->kill(2);
  ASSERT_TRUE(cluster->wait_until([](local_cluster& c) { return c.converged(); }));
  EXPECT_EQ(present("default", 50, 0), 0);
  EXPECT_EQ(present("other", 200, 1), 10);
  EXPECT_GT(*handle(1, "other").put("k0", "w"), version);
  // Their memory is freed in the background.
  EXPECT_TRUE(cluster->wait_until([&](local_cluster&) {
    return named(0, "memory_bytes", "default") == 0 && named(1, "memory_bytes", "default") == 0;
  }));
}

TEST_F(named_caches, over_http_a_drop_is_meant) {
  fill("other", 20);
  EXPECT_EQ(http(0, "DELETE", "/v1/cache/other").status, 412);
  EXPECT_EQ(http(0, "DELETE", "/v1/cache/other?i_mean_it=small").status, 412);
  EXPECT_EQ(http(0, "DELETE", "/v1/cache/nobody?i_mean_it=nobody").status, 404);
  EXPECT_EQ(present("other", 20, 1), 20);
  EXPECT_EQ(http(0, "DELETE", "/v1/cache/other?i_mean_it=other").status, 204);
  EXPECT_EQ(present("other", 20, 1), 0);
}

TEST_F(named_caches, a_cache_holds_no_more_keys_at_a_node_than_it_may) {
  fill("small", 200);
  fill("other", 200);
  for (std::size_t node = 0; node < 3; ++node) {
    EXPECT_LE(named(node, "keys_count", "small"), 10);
    EXPECT_GT(named(node, "keys_count", "small"), 0);
    EXPECT_GT(named(node, "evicted_total", "small"), 0);
    EXPECT_EQ(named(node, "evicted_total", "other"), 0);
  }
  EXPECT_EQ(present("other", 200, 0), 200);
  EXPECT_EQ(present("small", 200, 0), present("small", 200, 1));
}

TEST_F(named_caches, a_cache_takes_no_more_memory_at_a_node_than_it_may) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(handle(0, "tight").put("k" + std::to_string(i), std::string(1000, 'v')));
  for (std::size_t node = 0; node < 3; ++node) {
    EXPECT_LE(named(node, "memory_bytes", "tight"), 64.0 * kib);
    EXPECT_GT(named(node, "memory_bytes", "tight"), 16.0 * kib);
  }
  EXPECT_EQ(handle(0, "tight").put("huge", std::string(65 * kib, 'v')).error().code, errc::out_of_memory);
}

TEST_F(named_caches, a_cache_without_copies_loses_what_its_dead_primary_had_and_others_nothing) {
  fill("alone", 200);
  fill("other", 200);
  double keys = 0;
  for (std::size_t node = 0; node < 3; ++node) keys += named(node, "keys_count", "alone");
  EXPECT_EQ(keys, 200) << "each is at one node";
  EXPECT_GT(named(1, "keys_count", "alone"), 0);
  const auto before = cluster->at(0).view()->shards;
  const auto name_of_one = cluster->at(1).view()->node;
  cluster->kill(1);
  ASSERT_TRUE(cluster->wait_until([](local_cluster& c) { return c.converged(); }));
  EXPECT_EQ(present("other", 200, 0), 200);
  // A shard that the survivors share out anew begins empty too; where the primary stayed, nothing is gone.
  int stayed = 0;
  for (int i = 0; i < 200; ++i) {
    const auto key = "k" + std::to_string(i);
    const auto shard = shard_of(slot_of(key), static_cast<std::uint32_t>(before.size()));
    const auto there = handle(0, "alone").get(key).has_value();
    EXPECT_FALSE(there && before[shard].primary == name_of_one) << key;
    const auto now = cluster->at(0).view()->shards;
    if (now[shard].primary != before[shard].primary) continue;
    ++stayed;
    EXPECT_TRUE(there) << key;
  }
  EXPECT_GT(stayed, 0);
  fill("other", 0);
  EXPECT_TRUE(handle(2, "alone").put("k0", "again"));
  EXPECT_EQ(handle(0, "alone").get("k0")->bytes, "again");
}

TEST_F(named_caches, lists_of_a_cache_without_copies_work_and_its_writes_wait_for_nobody) {
  // RESP has the cache default; here it is told to have no copies.
  cluster.reset();
  start([](config& c) {
    c.cache.replicas = 2;
    c.caches["default"].replicas = 0;
    c.caches["copied"] = {};
  });
  EXPECT_EQ(redis(0, "RPUSH l a b c", 4), ":3\r\n");
  EXPECT_EQ(redis(1, "LLEN l", 4), ":3\r\n");
  EXPECT_EQ(redis(2, "LPOP l", 7), "$1\r\na\r\n");
  ASSERT_TRUE(handle(0, "copied").put("k", "v"));
  double copies = 0;
  for (std::size_t node = 0; node < 3; ++node) {
    copies += named(node, "keys_count", "copied");
    EXPECT_EQ(nlohmann::json::parse(http(node, "GET", "/v1/cluster/health").body)["status"], "green");
  }
  EXPECT_EQ(copies, 3);
}

}  // namespace
}  // namespace troupe
