// Keyspace notifications: what happens at the primary of a key is heard at every node.
#include <troupe/local_cluster.hpp>

#include <chrono>
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
    options.adjust = [flags](config& c, std::size_t) { c.resp.notify_keyspace_events = flags; };
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
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
  /// Waits until every node knows of so many listeners.
  void expect_known(const std::string& channel, int count) {
    const auto wanted = "*2\r\n" + bulk(channel) + ":" + std::to_string(count) + "\r\n";
    for (std::size_t node = 0; node < 2; ++node) {
      auto c = at(node);
      const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (c.ask("PUBSUB NUMSUB " + channel + "\r\n", wanted.size()) != wanted)
        ASSERT_LT(std::chrono::steady_clock::now(), until);
    }
  }
  static void expect_heard(client& c, const std::string& all) { EXPECT_EQ(c.hear(all.size()), all); }

  std::optional<local_cluster> cluster;
};

TEST_F(keyspace_notifications, are_heard_at_every_node_whoever_owns_the_key) {
  start("KEA");
  std::vector<client> by_event;
  for (std::size_t node = 0; node < 2; ++node) {
    by_event.push_back(at(node));
    listen(by_event.back(), "__keyevent@0__:del");
  }
  expect_known("__keyevent@0__:del", 2);
  for (const std::string key : {"a", "b", "c", "d"}) {
    const auto channel = "__keyspace@0__:" + key;
    std::vector<client> by_key;
    for (std::size_t node = 0; node < 2; ++node) {
      by_key.push_back(at(node));
      listen(by_key.back(), channel);
    }
    expect_known(channel, 2);
    auto c = at(0);
    EXPECT_EQ(c.ask("RPUSH " + key + " x y\r\n", 4), ":2\r\n");
    EXPECT_EQ(c.ask("LPOP " + key + "\r\n", 7), "$1\r\nx\r\n");
    EXPECT_EQ(c.ask("LPOP " + key + "\r\n", 7), "$1\r\ny\r\n");
    EXPECT_EQ(c.ask("SET " + key + " v PX 30\r\n", 5), "+OK\r\n");
    std::string all;
    for (const auto* event : {"rpush", "lpop", "lpop", "del", "set", "expire", "expired"})
      all += message(channel, event);
    for (auto& listener : by_key) expect_heard(listener, all);
    for (auto& listener : by_event) expect_heard(listener, message("__keyevent@0__:del", key));
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
  expect_known("__keyevent@0__:rpush", 1);
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
