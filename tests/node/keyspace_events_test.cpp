// Keyspace notifications: what happens at the primary of a key is heard at every node.
#include <troupe/local_cluster.hpp>

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/resp/raw_client.hpp"

namespace troupe {
namespace {

using resp::client;

struct keyspace_notifications : ::testing::Test {
  void start(const std::string& flags) {
    local_cluster_options options;
    options.nodes = 2;
    options.services = {"resp", "cache"};
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
    for (std::size_t i = 0; i < 2 && !flags.empty(); ++i)
      EXPECT_EQ(at(i).ask("CONFIG SET notify-keyspace-events " + flags + "\r\n", 5), "+OK\r\n");
  }
  client at(std::size_t node) { return client(cluster->at(node).addresses().resp); }
  static std::string bulk(const std::string& s) { return "$" + std::to_string(s.size()) + "\r\n" + s + "\r\n"; }
  static std::string message(const std::string& channel, const std::string& payload) {
    return "*3\r\n" + bulk("message") + bulk(channel) + bulk(payload);
  }
  static void listen(client& c, const std::string& channel) {
    const auto said = "*3\r\n" + bulk("subscribe") + bulk(channel) + ":1\r\n";
    EXPECT_EQ(c.ask("SUBSCRIBE " + channel + "\r\n", said.size()), said);
  }
  static void expect_heard(client& c, const std::string& all) { EXPECT_EQ(c.hear(all.size()), all); }

  std::optional<local_cluster> cluster;
};

TEST_F(keyspace_notifications, are_heard_at_every_node_whoever_owns_the_key) {
  start("KEA");
  for (const std::string key : {"a", "b", "c", "d"}) {
    for (std::size_t node = 0; node < 2; ++node) {
      auto by_key = at(node);
      auto by_event = at(1 - node);
      listen(by_key, "__keyspace@0__:" + key);
      listen(by_event, "__keyevent@0__:del");
      auto c = at(node);
      EXPECT_EQ(c.ask("RPUSH " + key + " x y\r\n", 4), ":2\r\n");
      EXPECT_EQ(c.ask("LPOP " + key + "\r\n", 7), "$1\r\nx\r\n");
      EXPECT_EQ(c.ask("LPOP " + key + "\r\n", 7), "$1\r\ny\r\n");
      EXPECT_EQ(c.ask("SET " + key + " v PX 30\r\n", 5), "+OK\r\n");
      const auto channel = "__keyspace@0__:" + key;
      std::string all;
      for (const auto* event : {"rpush", "lpop", "lpop", "del", "set", "expire", "expired"}) all += message(channel, event);
      expect_heard(by_key, all);
      expect_heard(by_event, message("__keyevent@0__:del", key));
    }
  }
}

TEST_F(keyspace_notifications, are_switched_on_and_off_and_refuse_unknown_letters) {
  start("");
  auto c = at(0);
  auto get = [&](const std::string& value) {
    const auto said = "*2\r\n" + bulk("notify-keyspace-events") + bulk(value);
    EXPECT_EQ(c.ask("CONFIG GET notify-keyspace-events\r\n", said.size()), said);
  };
  get("");
  EXPECT_EQ(c.ask("CONFIG SET notify-keyspace-events KEg$lshzxetd\r\n", 5), "+OK\r\n");
  get("AKE");
  EXPECT_EQ(c.ask("CONFIG SET notify-keyspace-events mnKgA\r\n", 5), "+OK\r\n");
  get("AKm");
  const std::string refused =
      "-ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - Invalid event class character. "
      "Use 'Ag$lshzxeKEtmdn'.\r\n";
  EXPECT_EQ(c.ask("CONFIG SET notify-keyspace-events KQ\r\n", refused.size()), refused);
  get("AKm");
  // At both nodes, and off again at both: nothing is heard of what comes then.
  auto other = at(1);
  for (auto* node : {&c, &other}) EXPECT_EQ(node->ask("CONFIG SET notify-keyspace-events El\r\n", 5), "+OK\r\n");
  auto listener = at(0);
  listen(listener, "__keyevent@0__:rpush");
  EXPECT_EQ(c.ask("RPUSH k 1\r\n", 4), ":1\r\n");
  expect_heard(listener, message("__keyevent@0__:rpush", "k"));
  for (auto* node : {&c, &other}) EXPECT_EQ(node->ask("CONFIG SET notify-keyspace-events K\r\n", 5), "+OK\r\n");
  EXPECT_EQ(c.ask("RPUSH k 1\r\n", 4), ":2\r\n");
  for (auto* node : {&c, &other}) EXPECT_EQ(node->ask("CONFIG SET notify-keyspace-events E$l\r\n", 5), "+OK\r\n");
  EXPECT_EQ(c.ask("RPUSH last 1\r\n", 4), ":1\r\n");
  expect_heard(listener, message("__keyevent@0__:rpush", "last"));
}

}  // namespace
}  // namespace troupe
