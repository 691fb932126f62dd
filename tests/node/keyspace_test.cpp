// Commands on all keys, through any node of a cluster, also while shards move.
#include <troupe/local_cluster.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/resp/raw_client.hpp"

namespace troupe {
namespace {

using resp::client;

/// Reads RESP2 replies one by one.
class reader {
 public:
  explicit reader(client c) : c_(std::move(c)) {}

  std::string line() {
    std::string text;
    while (!text.ends_with("\r\n")) {
      const auto more = c_.hear(1);
      if (more.empty()) return "";
      text += more;
    }
    return text.substr(0, text.size() - 2);
  }
  static std::int64_t number(const std::string& text) {
    std::int64_t n = -1;
    if (!text.empty()) std::from_chars(text.data() + 1, text.data() + text.size(), n);
    return n;
  }
  std::string bulk() {
    const auto size = number(line());
    if (size < 0) return "(nil)";
    const auto text = c_.hear(static_cast<std::size_t>(size));
    c_.hear(2);
    return text;
  }
  std::vector<std::string> array() {
    std::vector<std::string> items;
    for (auto n = number(line()); n > 0; --n) items.push_back(bulk());
    return items;
  }
  std::string ask(const std::string& command) {
    c_.say(command + "\r\n");
    return line();
  }
  std::vector<std::string> ask_array(const std::string& command) {
    c_.say(command + "\r\n");
    return array();
  }
  std::string ask_bulk(const std::string& command) {
    c_.say(command + "\r\n");
    return bulk();
  }
  /// The next cursor; keys are added. Empty: an error.
  std::string scan(const std::string& cursor, const std::string& options, std::multiset<std::string>& keys) {
    c_.say("SCAN " + cursor + options + "\r\n");
    if (number(line()) != 2) return "";
    const auto next = bulk();
    for (auto& k : array()) keys.insert(k);
    return next;
  }

 private:
  client c_;
};

struct keyspace_commands : ::testing::Test {
  void start(std::size_t nodes) {
    local_cluster_options options;
    options.nodes = nodes;
    options.services = {"resp", "cache"};
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
  }
  reader at(std::size_t node) { return reader(client(cluster->at(node).addresses().resp)); }
  static void fill(reader& r, int count) {
    for (int i = 0; i < count; ++i) ASSERT_EQ(r.ask("SET k" + std::to_string(i) + " v"), "+OK");
  }

  std::optional<local_cluster> cluster;
};

TEST_F(keyspace_commands, every_node_shows_all_keys_of_the_cluster) {
  start(3);
  auto writer = at(0);
  fill(writer, 500);
  for (std::size_t node = 0; node < 3; ++node) {
    auto r = at(node);
    EXPECT_EQ(r.ask("DBSIZE"), ":500");
    EXPECT_EQ(r.ask_array("KEYS *").size(), 500u);
    auto some = r.ask_array("KEYS k1?");
    EXPECT_EQ(some.size(), 10u);
    EXPECT_TRUE(r.ask_bulk("RANDOMKEY").starts_with("k"));
    std::multiset<std::string> keys;
    std::string cursor = "0";
    int calls = 0;
    do {
      cursor = r.scan(cursor, " COUNT 50", keys);
      ++calls;
    } while (cursor != "0" && cursor != "" && calls < 1000);
    EXPECT_EQ(keys.size(), 500u) << "each once";
    EXPECT_LT(calls, 100);
  }
  auto r = at(1);
  std::multiset<std::string> keys;
  EXPECT_EQ(r.scan("0", " COUNT 100000 MATCH k4?? TYPE string", keys), "0");
  EXPECT_EQ(keys.size(), 100u);
  keys.clear();
  EXPECT_EQ(r.scan("0", " COUNT 100000 TYPE list", keys), "0");
  EXPECT_TRUE(keys.empty());
  EXPECT_EQ(r.ask("FLUSHALL ASYNC"), "+OK");
  EXPECT_EQ(at(2).ask("DBSIZE"), ":0");
  EXPECT_EQ(r.ask_bulk("RANDOMKEY"), "(nil)");
  EXPECT_EQ(r.ask_array("KEYS *").size(), 0u);
}

TEST_F(keyspace_commands, words_are_checked_as_redis_does) {
  start(1);
  auto r = at(0);
  EXPECT_EQ(r.ask("SCAN x"), "-ERR invalid cursor");
  EXPECT_EQ(r.ask("SCAN 18446744073709551616"), "-ERR invalid cursor");
  EXPECT_EQ(r.ask("SCAN 0 COUNT 0"), "-ERR syntax error");
  EXPECT_EQ(r.ask("SCAN 0 COUNT x"), "-ERR value is not an integer or out of range");
  EXPECT_EQ(r.ask("SCAN 0 MATCH"), "-ERR syntax error");
  EXPECT_EQ(r.ask("SCAN 0 foo bar"), "-ERR syntax error");
  EXPECT_EQ(r.ask("FLUSHDB x"), "-ERR syntax error");
  EXPECT_EQ(r.ask("FLUSHDB SYNC x"), "-ERR syntax error");
  std::multiset<std::string> keys;
  EXPECT_EQ(r.scan("18446744073709551615", "", keys), "0") << "a cursor that nobody gave";
  EXPECT_EQ(r.ask("LPUSH l x"), ":1");
  EXPECT_EQ(r.ask("GET l"), "-WRONGTYPE Operation against a key holding the wrong kind of value");
}

TEST_F(keyspace_commands, slots_can_be_asked_for_their_keys) {
  start(1);
  auto r = at(0);
  ASSERT_EQ(r.ask("SET {a}1 v"), "+OK");
  ASSERT_EQ(r.ask("SET {a}2 v"), "+OK");
  ASSERT_EQ(r.ask("SET b v"), "+OK");
  EXPECT_EQ(r.ask("CLUSTER KEYSLOT {a}1"), ":15495");
  EXPECT_EQ(r.ask("CLUSTER COUNTKEYSINSLOT 15495"), ":2");
  EXPECT_EQ(r.ask_array("CLUSTER GETKEYSINSLOT 15495 1").size(), 1u);
  EXPECT_EQ(r.ask_array("CLUSTER GETKEYSINSLOT 15495 9").size(), 2u);
  EXPECT_EQ(r.ask("CLUSTER COUNTKEYSINSLOT 16384"), "-ERR Invalid slot");
  EXPECT_EQ(r.ask("CLUSTER GETKEYSINSLOT 1 -1"), "-ERR Invalid number of keys");
}

// What is there from start to end is shown at least once, though the shards of a leaver go elsewhere under the scan.
TEST_F(keyspace_commands, a_scan_goes_on_while_shards_move) {
  start(3);
  const auto leaver = (cluster->leader() + 1) % 3;
  const auto other = (leaver + 1) % 3;
  auto r = at(other);
  fill(r, 1000);
  std::multiset<std::string> keys;
  std::string cursor = "0";
  int calls = 0;
  bool left = false;
  do {
    cursor = r.scan(cursor, " COUNT 20", keys);
    ASSERT_NE(cursor, "");
    if (++calls == 10) {
      ASSERT_TRUE(cluster->leave(leaver));
      left = true;
    }
  } while (cursor != "0" && calls < 10000);
  EXPECT_TRUE(left);
  const std::set<std::string> each(keys.begin(), keys.end());
  EXPECT_EQ(each.size(), 1000u);
  EXPECT_EQ(r.ask("DBSIZE"), ":1000");
}

TEST_F(keyspace_commands, many_keys_are_flushed_in_steps_while_others_are_served) {
  start(2);
  auto r = at(0);
  std::string all;
  for (int i = 0; i < 20000; ++i) all += "SET key:" + std::to_string(i) + " v\r\n";
  client filler(cluster->at(0).addresses().resp);
  filler.say(all);
  EXPECT_EQ(filler.hear(5 * 20000).size(), 5u * 20000);
  EXPECT_EQ(r.ask("DBSIZE"), ":20000");
  EXPECT_EQ(r.ask_array("KEYS key:1999?").size(), 10u);
  EXPECT_EQ(at(1).ask("FLUSHDB"), "+OK");
  EXPECT_EQ(r.ask("DBSIZE"), ":0");
}

TEST_F(keyspace_commands, cluster_commands_show_who_serves_what) {
  start(3);
  for (std::size_t node = 0; node < 3; ++node) {
    auto r = at(node);
    ASSERT_TRUE(cluster->wait_until([&](local_cluster& c) {
      for (const auto& m : c.at(node).view()->members) {
        if (!m.tags.contains("resp")) return false;
      }
      return true;
    })) << "the members' RESP addresses";
    const auto nodes = r.ask_bulk("CLUSTER NODES");
    EXPECT_EQ(std::count(nodes.begin(), nodes.end(), '\n'), 3);
    EXPECT_NE(nodes.find(r.ask_bulk("CLUSTER MYID") + " " + cluster->at(node).addresses().resp), std::string::npos);
    for (std::size_t other = 0; other < 3; ++other)
      EXPECT_NE(nodes.find(cluster->at(other).addresses().resp + "@"), std::string::npos) << nodes;
    const auto info = r.ask_bulk("CLUSTER INFO");
    EXPECT_NE(info.find("cluster_state:ok"), std::string::npos);
    EXPECT_NE(info.find("cluster_slots_assigned:16384"), std::string::npos);
    EXPECT_NE(info.find("cluster_known_nodes:3"), std::string::npos);
    EXPECT_EQ(r.ask("READONLY") + r.ask("READWRITE") + r.ask("ASKING"), "+OK+OK+OK");
    EXPECT_TRUE(r.ask("CLUSTER RESET").starts_with("-ERR CLUSTER RESET is not offered"));
    EXPECT_EQ(r.ask("CLUSTER REPLICAS nobody"), "-ERR Unknown node nobody");
  }
}

}  // namespace
}  // namespace troupe
