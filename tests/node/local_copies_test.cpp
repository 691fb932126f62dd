// A small cache that every node has a copy of, on three real nodes.
#include "tests/node/application_cache.hpp"

namespace troupe {
namespace {

struct local_copies : application_cache {
  local_copies() {
    start([](config& c) {
      c.cache.shards = 16;
      c.caches["small"].replicas = replicas_everywhere;
    });
  }
  double hits(std::size_t node) { return metric(node, "troupe_cache_local_hits_total"); }
};

TEST_F(local_copies, answer_reads_at_every_node_and_follow_what_changes) {
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(handle(0, "small").put("k" + std::to_string(i), "1"));
  for (std::size_t node = 0; node < 3; ++node) {
    EXPECT_TRUE(cluster->wait_until([&](local_cluster&) {
      const auto before = hits(node);
      for (int i = 0; i < 60; ++i) EXPECT_EQ(handle(node, "small").get("k" + std::to_string(i))->bytes, "1");
      return hits(node) - before >= 20;
    }));
  }
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(handle(1, "small").put("k" + std::to_string(i), "2"));
  for (std::size_t node = 0; node < 3; ++node) {
    for (int i = 0; i < 60; ++i)
      EXPECT_TRUE(cluster->wait_until(
          [&](local_cluster&) { return handle(node, "small").get("k" + std::to_string(i))->bytes == "2"; }));
  }
}

TEST_F(local_copies, show_a_node_what_was_written_through_it) {
  for (int round = 0; round < 50; ++round) {
    for (std::size_t node = 0; node < 3; ++node) {
      const auto key = "k" + std::to_string(round % 7);
      const auto value = std::to_string(round) + "." + std::to_string(node);
      ASSERT_TRUE(handle(node, "small").put(key, value));
      EXPECT_EQ(handle(node, "small").get(key)->bytes, value);
    }
  }
  EXPECT_EQ(handle(1, "small").erase("k1"), true);
  EXPECT_FALSE(handle(1, "small").get("k1"));
}

TEST_F(local_copies, are_whole_again_after_a_node_died_and_came_back) {
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(handle(0, "small").put("k" + std::to_string(i), "1"));
  cluster->kill(2);
  ASSERT_TRUE(cluster->wait_until([](local_cluster& c) { return c.converged(); }));
  for (int i = 0; i < 60; ++i) {
    const auto put = handle(0, "small").put("k" + std::to_string(i), "2");
    ASSERT_TRUE(put) << describe(put.error());
  }
  ASSERT_TRUE(cluster->restart(2));
  ASSERT_TRUE(cluster->wait_until([](local_cluster& c) { return c.converged(); }));
  EXPECT_TRUE(cluster->wait_until([&](local_cluster&) {
    const auto before = hits(2);
    for (int i = 0; i < 60; ++i) EXPECT_EQ(handle(2, "small").get("k" + std::to_string(i))->bytes, "2");
    return hits(2) - before >= 20;
  }));
}

}  // namespace
}  // namespace troupe
