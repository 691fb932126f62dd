// Changes of caches on three real nodes: by the handle and over HTTP, through nodes that die.
#include <nlohmann/json.hpp>

#include <map>
#include <set>

#include "tests/node/application_cache.hpp"

namespace troupe {
namespace {

using nlohmann::json;

struct changes_of_caches : application_cache {
  changes_of_caches() {
    start([](config& c) {
      c.cache.replicas = 1;
      c.cache.shards = 16;
      (void)c.caches["users"];
      (void)c.caches["others"];
    });
  }
  /// Subscribes and waits until every later write is told.
  change_subscription subscribe(std::size_t node, const change_options& options = {}) {
    auto s = handle(node, "users").subscribe(options);
    EXPECT_TRUE(s) << describe(s.error());
    const auto first = s->next(20s);
    EXPECT_TRUE(first && first->kind == change_kind::opened);
    return std::move(*s);
  }
  /// The next change; a gap when nothing comes.
  static cache_change next(change_subscription& s) {
    auto c = s.next(20s);
    EXPECT_TRUE(c) << describe(c.error());
    return c ? std::move(*c) : cache_change{.kind = change_kind::gap, .key = {}, .value = {}, .cause = "none came"};
  }
  std::uint64_t put(std::size_t node, const std::string& key, const std::string& value, const put_options& o = {}) {
    const auto version = handle(node, "users").put(key, value, o);
    EXPECT_TRUE(version) << describe(version.error());
    return version.value_or(0);
  }
};

TEST_F(changes_of_caches, of_all_nodes_are_told_at_each_in_the_order_of_their_key) {
  auto s = subscribe(2, {.prefix = "k", .value_bytes_max = 3});
  std::map<std::string, std::vector<std::pair<std::uint64_t, std::string>>> written;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 40; ++i) {
      const auto key = "k" + std::to_string(i);
      const auto value = std::string(static_cast<std::size_t>(round) + 1, 'v');
      written[key].emplace_back(put(static_cast<std::size_t>(i + round) % 3, key, value), round < 3 ? value : "");
    }
    (void)put(0, "other", "x");
    (void)handle(0, "others").put("k1", "x");
  }
  std::map<std::string, std::vector<std::pair<std::uint64_t, std::string>>> heard;
  for (int i = 0; i < 160; ++i) {
    const auto c = next(s);
    ASSERT_EQ(c.kind, change_kind::put);
    EXPECT_EQ(c.shard, handle(0, "users").shard_of(c.key));
    heard[c.key].emplace_back(c.version, c.value.value_or(""));
  }
  EXPECT_EQ(heard, written);
  EXPECT_FALSE(s.try_next()) << "nothing is told twice, and nothing that was not asked for";
}

TEST_F(changes_of_caches, tell_of_every_kind_of_end) {
  auto s = subscribe(0);
  const auto version = put(1, "a", "1", {.ttl = 200ms});
  EXPECT_EQ(next(s).kind, change_kind::put);
  const auto expired = next(s);
  EXPECT_EQ(expired.kind, change_kind::expired);
  EXPECT_EQ(expired.version, version);
  (void)put(2, "b", "1");
  EXPECT_EQ(next(s).kind, change_kind::put);
  EXPECT_EQ(handle(1, "users").erase("b"), true);
  const auto erased = next(s);
  EXPECT_EQ(erased.kind, change_kind::erased);
  EXPECT_EQ(erased.key, "b");
  ASSERT_TRUE(handle(1, "users").drop());
  std::set<std::uint32_t> shards;
  for (int i = 0; i < 16; ++i) {
    const auto c = next(s);
    EXPECT_EQ(c.kind, change_kind::dropped);
    shards.insert(c.shard);
  }
  EXPECT_EQ(shards.size(), 16u);
}

TEST_F(changes_of_caches, after_a_primary_died_a_gap_is_told_and_then_everything_again) {
  auto s = subscribe(0);
  cluster->kill(1);
  ASSERT_TRUE(cluster->wait_until([](local_cluster& c) { return c.converged(); }));
  EXPECT_EQ(next(s).kind, change_kind::gap);
  for (int round = 0;; ++round) {  // several sources may have changed, each with its gap
    ASSERT_LT(round, 100);
    std::set<std::string> keys;
    for (int i = 0; i < 40; ++i) {
      const auto key = std::to_string(round) + ":" + std::to_string(i);
      (void)put(2, key, "v");
      keys.insert(key);
    }
    bool gap = false;
    while (!keys.empty() && !gap) {
      const auto c = next(s);
      gap = c.kind == change_kind::gap;
      if (!gap) keys.erase(c.key);
    }
    if (!gap) break;
  }
}

TEST_F(changes_of_caches, a_reader_that_is_too_slow_gets_a_gap_and_goes_on) {
  auto s = subscribe(1, {.changes_max = 4});
  auto quick = subscribe(1);
  for (int i = 0; i < 50; ++i) (void)put(0, "k" + std::to_string(i), "v");
  for (int i = 0; i < 50; ++i) EXPECT_EQ(next(quick).kind, change_kind::put) << "others lose nothing by it";
  for (int i = 0; i < 4; ++i) EXPECT_EQ(next(s).kind, change_kind::put);
  const auto gap = next(s);
  EXPECT_EQ(gap.kind, change_kind::gap);
  EXPECT_EQ(gap.cause, "slow_subscriber");
  (void)put(0, "after", "v");
  EXPECT_EQ(next(s).key, "after");
}

TEST_F(changes_of_caches, end_with_their_handle_and_wake_their_reader) {
  std::atomic<int> woken{0};
  {
    auto s = subscribe(0, {.wake = [&] { ++woken; }});
    EXPECT_EQ(metric(0, "troupe_cache_changes_subscribers"), 1);
    const int before = woken;
    EXPECT_FALSE(s.try_next());
    (void)put(1, "a", "1");
    EXPECT_TRUE(cluster->wait_until([&](local_cluster&) { return woken > before; }));
    EXPECT_EQ(s.try_next()->key, "a");
  }
  const int last = woken;
  (void)put(1, "a", "2");
  EXPECT_EQ(metric(0, "troupe_cache_changes_subscribers"), 0);
  EXPECT_EQ(woken, last);
  EXPECT_EQ(handle(0, "users").subscribe({.value_bytes_max = 2 << 20}).error().code, errc::invalid_argument);
  EXPECT_EQ(handle(0, "users").subscribe({.changes_max = 1}).error().code, errc::invalid_argument);
  auto left = subscribe(2);
  cluster->kill(2);
  EXPECT_EQ(left.next(20s).error().code, errc::unavailable);
}

TEST_F(changes_of_caches, are_server_sent_events_over_http) {
  raw_client c(cluster->at(1).addresses().http);
  const auto head = c.call("GET /v1/cache/users/changes?prefix=k&values=10 HTTP/1.1\r\nHost: test\r\n\r\n", true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("content-type"), "text/event-stream");
  const auto event = [&c] {
    std::pair<std::string, json> e;
    while (auto line = c.line()) {
      if (line->starts_with("event: ")) e.first = line->substr(7);
      if (line->starts_with("data: ")) e.second = json::parse(line->substr(6));
      if (line->empty() && !e.first.empty()) break;
    }
    return e;
  };
  EXPECT_EQ(event().first, "open");
  const auto version = put(0, "k1", "value");
  (void)put(0, "other", "value");
  (void)put(2, "k\xff", "v");
  auto e = event();
  EXPECT_EQ(e.first, "put");
  EXPECT_EQ(e.second["key"], "k1");
  EXPECT_EQ(e.second["value"], "value");
  EXPECT_EQ(e.second["version"], version);
  EXPECT_EQ(event().second["key_base64"], "a/8=");
  EXPECT_EQ(http(0, "DELETE", "/v1/cache/users/k1").status, 204);
  e = event();
  EXPECT_EQ(e.first, "erased");
  EXPECT_FALSE(e.second.contains("value"));
}

TEST_F(changes_of_caches, over_http_refuse_what_makes_no_sense_and_leave_the_key_of_their_name) {
  EXPECT_EQ(http(0, "GET", "/v1/cache/nobody/changes").status, 404);
  EXPECT_EQ(http(0, "GET", "/v1/cache/us%zz/changes").status, 400);
  EXPECT_EQ(http(0, "GET", "/v1/cache/users/changes?odd=1").status, 400);
  EXPECT_EQ(http(0, "GET", "/v1/cache/users/changes?values=x").status, 400);
  EXPECT_EQ(http(0, "GET", "/v1/cache/users/changes?values=1048577").status, 400);
  EXPECT_EQ(http(0, "GET", "/v1/cache/users/changes?prefix=" + std::string(1025, 'p')).status, 400);
  EXPECT_EQ(http(0, "PUT", "/v1/cache/users/changes", "v").status, 204) << "a key as any other";
  EXPECT_EQ(http(0, "GET", "/v1/cache/users/%63hanges").body, "v");
  EXPECT_EQ(http(0, "DELETE", "/v1/cache/users/changes").status, 204);
}

}  // namespace
}  // namespace troupe
