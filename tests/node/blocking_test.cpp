// Clients that wait for elements, at nodes that own the keys and at others.
#include <troupe/local_cluster.hpp>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/resp/raw_client.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using resp::client;

struct waiting_at_nodes : ::testing::Test {
  void start(std::size_t nodes, std::uint32_t replicas) {
    local_cluster_options options;
    options.nodes = nodes;
    options.services = {"resp", "cache"};
    options.adjust = [replicas](config& c, std::size_t) { c.cache.replicas = replicas; };
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
  }
  client at(std::size_t node) { return client(cluster->at(node).addresses().resp); }

  int told(std::size_t node, const std::string& field) {
    auto c = at(node);
    c.say("INFO clients\r\n");
    std::string head;
    while (!head.ends_with("\r\n")) head += c.hear(1);
    const auto said = c.hear(std::stoul(head.substr(1)) + 2);
    return std::stoi(said.substr(said.find(field + ":") + field.size() + 1));
  }
  template <class Holds>
  static void expect_soon(Holds holds) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!holds()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      std::this_thread::yield();
    }
  }
  /// Waits until the commands of `count` clients of the node wait.
  void expect_blocked(std::size_t node, int count) {
    expect_soon([&] { return told(node, "blocked_clients") == count; });
  }
  /// Waits until `count` clients have a place at the primaries of their keys.
  void expect_in_line(int count) {
    expect_soon([&] {
      int all = 0;
      for (std::size_t i = 0; i < cluster->size(); ++i) {
        if (cluster->running(i)) all += told(i, "waiting_for_keys_here");
      }
      return all == count;
    });
  }
  static std::string pair_of(const std::string& key, const std::string& value) {
    const auto bulk = [](const std::string& s) { return "$" + std::to_string(s.size()) + "\r\n" + s + "\r\n"; };
    return "*2\r\n" + bulk(key) + bulk(value);
  }

  std::optional<local_cluster> cluster;
};

TEST_F(waiting_at_nodes, elements_come_wherever_client_and_keys_are) {
  start(3, 1);
  for (const std::string key : {"a", "b", "c", "d", "e", "f"}) {
    for (std::size_t node = 0; node < 3; ++node) {
      auto waits = at(node);
      auto pushes = at((node + 1) % 3);
      waits.say("BLPOP " + key + " 0\r\n");
      expect_blocked(node, 1);
      EXPECT_EQ(pushes.ask("RPUSH " + key + " x\r\n", 4), ":1\r\n");
      const auto expected = pair_of(key, "x");
      EXPECT_EQ(waits.hear(expected.size()), expected);
      EXPECT_EQ(pushes.ask("EXISTS " + key + "\r\n", 4), ":0\r\n");
    }
  }
}

TEST_F(waiting_at_nodes, who_came_first_is_served_first) {
  start(3, 0);
  for (const std::string key : {"{1}q", "{2}q", "{3}q"}) {
    std::vector<client> waiting;
    for (std::size_t i = 0; i < 6; ++i) {
      waiting.push_back(at(i % 3));
      waiting.back().say("BLPOP " + key + " 0\r\n");
      expect_in_line(static_cast<int>(i) + 1);
    }
    auto pushes = at(0);
    for (std::size_t i = 0; i < 3; ++i) pushes.ask("RPUSH " + key + " " + std::to_string(i) + "\r\n", 4);
    EXPECT_EQ(pushes.ask("MULTI\r\n", 5), "+OK\r\n");
    pushes.ask("RPUSH " + key + " 3 4 5\r\n", 9);
    pushes.ask("EXEC\r\n", 4);
    for (std::size_t i = 0; i < 6; ++i) {
      const auto expected = pair_of(key, std::to_string(i));
      EXPECT_EQ(waiting[i].hear(expected.size()), expected) << i;
    }
    for (std::size_t i = 0; i < 3; ++i) expect_blocked(i, 0);
    expect_in_line(0);
  }
}

TEST_F(waiting_at_nodes, time_passes_at_both_kinds_of_node_and_pipelines_go_on) {
  start(2, 0);
  for (std::size_t node = 0; node < 2; ++node) {
    for (const std::string key : {"a", "b"}) {
      auto c = at(node);
      EXPECT_EQ(c.ask("BLPOP " + key + " 0.05\r\nPING\r\n", 12), "*-1\r\n+PONG\r\n");
      EXPECT_EQ(c.ask("HELLO 3\r\n", 3).substr(0, 1), "%");
    }
  }
}

TEST_F(waiting_at_nodes, clients_are_unblocked_killed_and_gone) {
  start(2, 0);
  for (const std::string key : {"a", "b"}) {
    auto c = at(0);
    c.say("CLIENT ID\r\n");
    std::string id;
    while (!id.ends_with("\r\n")) id += c.hear(1);
    id = id.substr(1, id.size() - 3);
    auto other = at(0);
    EXPECT_EQ(other.ask("CLIENT UNBLOCK " + id + "\r\n", 4), ":0\r\n");
    c.say("BZPOPMAX " + key + " 0\r\n");
    expect_blocked(0, 1);
    EXPECT_EQ(other.ask("CLIENT UNBLOCK " + id + "\r\n", 4), ":1\r\n");
    EXPECT_EQ(c.hear(5), "*-1\r\n");
    c.say("BZPOPMAX " + key + " 0\r\n");
    expect_blocked(0, 1);
    EXPECT_EQ(other.ask("CLIENT UNBLOCK " + id + " ERROR\r\n", 4), ":1\r\n");
    const std::string unblocked = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";
    EXPECT_EQ(c.hear(unblocked.size()), unblocked);
    {
      auto gone = at(0);
      gone.say("BLPOP " + key + " 0\r\n");
      expect_blocked(0, 1);
    }
    expect_blocked(0, 0);
    // Whoever waits behind one that is gone gets the element.
    c.say("BLPOP " + key + " 0\r\n");
    expect_blocked(0, 1);
    EXPECT_EQ(other.ask("LPUSH " + key + " v\r\n", 4), ":1\r\n");
    EXPECT_EQ(c.hear(18), pair_of(key, "v"));
    c.say("BLPOP " + key + " 0\r\n");
    expect_blocked(0, 1);
    EXPECT_EQ(other.ask("CLIENT KILL ID " + id + "\r\n", 4), ":1\r\n");
    EXPECT_TRUE(c.ended());
    expect_blocked(0, 0);
  }
}

TEST_F(waiting_at_nodes, within_multi_nothing_waits) {
  start(2, 0);
  for (std::size_t node = 0; node < 2; ++node) {
    auto c = at(node);
    c.ask("MULTI\r\nBLPOP {m}a 0\r\nRPUSH {m}a 1\r\nBLMOVE {m}a {m}b LEFT LEFT 0\r\nBRPOP {m}b 0\r\n", 5 + 4 * 9);
    const std::string expected = "*4\r\n*-1\r\n:1\r\n$1\r\n1\r\n" + pair_of("{m}b", "1");
    EXPECT_EQ(c.ask("EXEC\r\n", expected.size()), expected);
  }
}

// The primary dies while clients wait at the others: they are waiting at the new one soon, and get what is pushed.
TEST_F(waiting_at_nodes, a_primary_that_dies_is_followed_by_another_at_which_they_wait) {
  start(3, 1);
  std::vector<client> waiting;
  std::vector<std::string> keys;
  for (int i = 0; i < 12; ++i) {
    keys.push_back("w" + std::to_string(i));
    waiting.push_back(at(static_cast<std::size_t>(i % 2)));
    waiting.back().say("BLPOP " + keys.back() + " 0\r\n");
  }
  expect_in_line(12);
  cluster->kill(2);
  expect_in_line(12);
  auto pushes = at(0);
  for (int i = 0; i < 12; ++i) {
    const auto reply = pushes.ask("RPUSH " + keys[static_cast<std::size_t>(i)] + " v\r\n", 4);
    EXPECT_EQ(reply, ":1\r\n") << keys[static_cast<std::size_t>(i)];
  }
  for (std::size_t i = 0; i < 12; ++i) {
    const auto expected = pair_of(keys[i], "v");
    EXPECT_EQ(waiting[i].hear(expected.size()), expected) << keys[i];
  }
}

}  // namespace
}  // namespace troupe
