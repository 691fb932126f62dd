// The cache alone: what an application gets of it in one process.
#include <troupe/local_cache.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr auto most = 20s;

local_cache must(local_cache_options o = {}) {
  o.log_level = "off";
  auto made = local_cache::start(std::move(o));
  if (!made) throw std::runtime_error(describe(made.error()));
  return std::move(*made);
}

const put_options if_absent{.ttl = {}, .condition = write_condition::if_absent};

put_options if_version(std::uint64_t v) { return {.ttl = {}, .condition = write_condition::if_version, .version = v}; }

bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

TEST(local_caches, values_are_put_got_compared_counted_and_scanned) {
  auto store = must();
  auto cache = *store.open();
  const auto first = cache.put("a", "1");
  ASSERT_TRUE(first) << describe(first.error());
  EXPECT_EQ(cache.get("a")->bytes, "1");
  EXPECT_EQ(cache.get("b").error().code, errc::not_found);
  EXPECT_EQ(cache.put("a", "2", if_absent).error().code, errc::condition_failed);
  EXPECT_EQ(cache.put("a", "2", if_version(*first + 1)).error().code, errc::condition_failed);
  EXPECT_GT(*cache.put("a", "2", if_version(*first)), *first);
  EXPECT_EQ(*cache.increment("n", {.by = 40, .ttl_if_new = {}}), 40);
  EXPECT_EQ(*cache.increment("n", {.by = 2, .ttl_if_new = {}}), 42);
  EXPECT_EQ(cache.increment("text").value(), 1);
  (void)cache.put("word", "x");
  EXPECT_EQ(cache.increment("word").error().code, errc::invalid_argument);
  EXPECT_EQ(cache.get_all({"a", "nobody", "n"})[2]->bytes, "42");

  std::set<std::string> seen;
  cache_scan page;
  do {
    const auto got = cache.scan(page);
    ASSERT_TRUE(got) << describe(got.error());
    seen.insert(got->keys.begin(), got->keys.end());
    page.next = got->next;
  } while (!page.next.empty());
  EXPECT_EQ(seen, (std::set<std::string>{"a", "n", "text", "word"}));
  EXPECT_EQ(store.measure().keys, 4U);
  EXPECT_TRUE(*cache.erase("a"));
  EXPECT_FALSE(*cache.erase("a"));
  EXPECT_TRUE(cache.drop());
  EXPECT_TRUE(eventually([&] { return store.measure().keys == 0; }));
}

TEST(local_caches, values_end_with_their_time_and_are_freed_unasked) {
  auto store = must();
  auto cache = *store.open();
  ASSERT_TRUE(cache.put("short", "x", {.ttl = 1ms}));
  ASSERT_TRUE(cache.put("long", "x", {.ttl = 1h}));
  EXPECT_TRUE(eventually([&] { return cache.get("short").error().code == errc::not_found; }));
  EXPECT_TRUE(eventually([&] { return store.measure().keys == 1 && store.measure().expired >= 1; }));
  EXPECT_LE(*cache.get("long")->ttl, 1h);
}

TEST(local_caches, beyond_its_memory_what_was_used_longest_ago_gives_way_or_writes_are_refused) {
  const std::string value(10'000, 'x');
  auto store = must({.memory_max = 1 << 20});
  auto cache = *store.open();
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(cache.put(std::to_string(i), value));
  EXPECT_GT(store.measure().evicted, 0U);
  EXPECT_LE(store.measure().bytes, 1U << 20);
  EXPECT_TRUE(cache.get("499"));

  auto full = must({.memory_max = 1 << 20, .eviction = "none"});
  auto keeps = *full.open();
  errc code = errc::ok;
  for (int i = 0; i < 500 && code == errc::ok; ++i) {
    if (auto put = keeps.put(std::to_string(i), value); !put) code = put.error().code;
  }
  EXPECT_EQ(code, errc::out_of_memory);
  auto small = must({.value_max = 1024});
  EXPECT_EQ(small.open()->put("k", value).error().code, errc::too_large);
}

TEST(local_caches, a_loader_runs_once_for_all_who_ask) {
  auto store = must({.caches = {{"users", {.negative_ttl = 1h}}}});
  std::atomic<int> loads{0};
  std::atomic<bool> go{false};
  ASSERT_TRUE(store.set_loader("users", [&](const std::string& key, time_point, load_callback done) {
    ++loads;
    while (!go) std::this_thread::yield();
    if (key == "nobody") return done(std::nullopt);
    done(loaded_value{"loaded " + key});
  }));
  auto users = *store.open("users");
  std::atomic<int> answered{0};
  for (int i = 0; i < 10; ++i) {
    users.get("alice", [&](expected<cache_value> v) { answered += v && v->bytes == "loaded alice" ? 1 : 100; });
  }
  EXPECT_TRUE(eventually([&] { return loads == 1; }));
  go = true;
  EXPECT_TRUE(eventually([&] { return answered == 10; })) << answered;
  EXPECT_EQ(users.get("nobody").error().code, errc::not_found);
  EXPECT_EQ(users.get("nobody").error().code, errc::not_found);
  EXPECT_EQ(loads, 2) << "that there is none is remembered";
  EXPECT_EQ(store.set_loader("none", [](const auto&, auto, auto) {}).error().code, errc::not_found);
  EXPECT_EQ(store.set_loader("users", [](const auto&, auto, auto) {}).error().code, errc::invalid_argument);
}

TEST(local_caches, changes_are_told) {
  auto store = must();
  auto cache = *store.open();
  auto changes = cache.subscribe();
  ASSERT_TRUE(changes) << describe(changes.error());
  EXPECT_EQ(changes->next(most)->kind, change_kind::opened);
  ASSERT_TRUE(cache.put("a", "1"));
  const auto told = changes->next(most);
  ASSERT_TRUE(told) << describe(told.error());
  EXPECT_EQ(told->kind, change_kind::put);
  EXPECT_EQ(told->key, "a");
}

TEST(local_caches, a_durable_cache_is_there_again_and_others_are_not) {
  const temporary_directory home;
  const local_cache_options o{.caches = {{"kept", {.durable = true, .fsync = "always"}}}, .data_dir = home.path()};
  std::uint64_t version = 0;
  for (int life = 1; life <= 3; ++life) {
    auto store = must(o);
    auto kept = *store.open("kept");
    if (life > 1) {
      const auto before = kept.get("k");
      ASSERT_TRUE(before) << describe(before.error());
      EXPECT_EQ(before->bytes, "life " + std::to_string(life - 1));
      EXPECT_EQ(before->version, version);
      EXPECT_EQ(*kept.get("count").transform([](const auto& v) { return v.bytes; }), std::to_string(life - 1));
    }
    EXPECT_EQ(store.open()->get("k").error().code, errc::not_found);
    ASSERT_TRUE(store.open()->put("k", "x"));
    const auto put = kept.put("k", "life " + std::to_string(life));
    ASSERT_TRUE(put) << describe(put.error());
    EXPECT_GT(*put, version);
    version = *put;
    EXPECT_EQ(*kept.increment("count"), life);
    EXPECT_EQ(local_cache::start(o).error().code, errc::storage_failed) << "somebody has the directory";
  }
}

TEST(local_caches, a_damaged_log_and_another_number_of_shards_are_refused) {
  const temporary_directory home;
  local_cache_options o{.caches = {{"kept", {.durable = true}}}, .data_dir = home.path(), .log_level = "off"};
  {
    auto store = must(o);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(store.open("kept")->put(std::to_string(i), "value"));
  }
  o.shards = 8;
  EXPECT_EQ(local_cache::start(o).error().code, errc::bad_config);
  o.shards = 16;
  must(o).stop();  // the next life has a segment of its own: what is before it was whole
  std::set<std::filesystem::path> segments;
  for (const auto& file : std::filesystem::directory_iterator(home.path() + "/durable")) segments.insert(file.path());
  ASSERT_GE(segments.size(), 2U);
  std::fstream bytes(*segments.begin(), std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(200);
  bytes.write("damage", 6);
  bytes.close();
  EXPECT_EQ(local_cache::start(o).error().code, errc::storage_failed);
}

TEST(local_caches, bad_options_are_refused) {
  const auto code = [](local_cache_options o) {
    o.log_level = "off";
    auto made = local_cache::start(std::move(o));
    return made ? errc::ok : made.error().code;
  };
  EXPECT_EQ(code({.eviction = "whim"}), errc::bad_config);
  EXPECT_EQ(code({.shards = 0}), errc::bad_config);
  EXPECT_EQ(code({.caches = {{"no good", {}}}}), errc::bad_config);
  EXPECT_EQ(code({.caches = {{"x", {.backed = true}}}}), errc::bad_config);
  EXPECT_EQ(code({.caches = {{"x", {.durable = true}}}}), errc::bad_config) << "no directory";
  EXPECT_EQ(code({.caches = {{"x", {.durable = true}}}, .data_dir = "/proc/no/such"}), errc::storage_failed);
  auto store = must();
  EXPECT_EQ(store.open("nobody").error().code, errc::not_found);
}

TEST(local_caches, two_know_nothing_of_each_other_and_after_the_end_a_handle_says_so) {
  auto a = must();
  auto b = must();
  ASSERT_TRUE(a.open()->put("k", "a"));
  EXPECT_FALSE(b.open()->get("k"));
  auto cache = *a.open();
  auto changes = cache.subscribe();
  ASSERT_TRUE(changes);
  a.stop();
  a.stop();
  EXPECT_EQ(cache.get("k").error().code, errc::unavailable);
  EXPECT_EQ(cache.put("k", "b").error().code, errc::unavailable);
  EXPECT_TRUE(eventually([&] { return changes->next(1s).error().code == errc::unavailable; }));
  EXPECT_TRUE(b.open()->put("k", "b"));
  EXPECT_NE(b.metrics().find("troupe_cache_keys_count 1"), std::string::npos);
}

}  // namespace
}  // namespace troupe
