#include <set>
#include <thread>

#include <gtest/gtest.h>

#include <troupe/cache.hpp>

#include "actors/cache/cache_router.hpp"
#include "runtime/base/error.hpp"
#include "runtime/cache/procedures/words.hpp"
#include "tests/cache/host_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

/// Answers later, from another thread, or never.
struct slow_backing : backing_store {
  bool answers = true;
  std::vector<std::thread> threads;
  ~slow_backing() override {
    for (auto& t : threads) t.join();
  }
  void submit(const cache_command& c, time_point, reply_callback done) override {
    if (!answers) return;
    threads.emplace_back([value = std::string(c.key), done = std::move(done)] {
      owned_reply r;
      r.value = value;
      r.version = 3;
      done(std::move(r));
    });
  }
};

/// Values with versions, as a database keeps them. `before_put` may write in between.
struct table_backing : backing_store {
  std::map<std::string, std::pair<std::string, std::uint64_t>> rows;
  std::uint64_t versions = 0;
  std::function<void()> before_put;
  void submit(const cache_command& c, time_point, reply_callback done) override {
    const auto key = std::string(c.key);
    if (c.op == cache_op::put && before_put) std::exchange(before_put, nullptr)();
    const auto found = rows.find(key);
    const auto version = found == rows.end() ? 0 : found->second.second;
    if (c.op == cache_op::get) {
      if (version == 0) return done(owned_reply::failed(errc::not_found));
      owned_reply r;
      r.value = found->second.first;
      r.version = version;
      return done(std::move(r));
    }
    const bool holds = c.condition == write_condition::if_absent ? version == 0 : version == c.version;
    if (!holds) return done(owned_reply::failed(errc::condition_failed));
    rows[key] = {std::string(c.value), ++versions};
    done({});
  }
};

struct cache_handle : testing::Test, host_fixture {
  cache_handle() {
    own_everything();
    caches_by_name["kept"].backed = true;
    catalogue.emplace(caches_by_name);
    router = std::make_shared<cache_router>(host, *catalogue, 1000);
  }

  cache open(const std::string& name) { return {router, name}; }

  std::map<std::string, named_cache_config> caches_by_name;
  std::optional<cache_catalogue> catalogue;
  std::shared_ptr<cache_router> router;
};

TEST_F(cache_handle, gets_what_it_put) {
  auto c = open("default");
  const auto missing = c.get("k");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::not_found);
  const auto version = c.put("k", "v");
  ASSERT_TRUE(version);
  const auto got = c.get("k");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->bytes, "v");
  EXPECT_EQ(got->version, *version);
  EXPECT_FALSE(got->ttl);
  EXPECT_EQ(c.erase("k"), true);
  EXPECT_EQ(c.erase("k"), false);
}

TEST_F(cache_handle, passes_options_on) {
  auto c = open("default");
  put_options once;
  once.condition = write_condition::if_absent;
  once.ttl = 1h;
  ASSERT_TRUE(c.put("k", "v", once));
  const auto again = c.put("k", "w", once);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::condition_failed);
  const auto got = c.get("k");
  ASSERT_TRUE(got && got->ttl);
  EXPECT_LE(*got->ttl, 1h);
  put_options none;
  none.ttl = 0s;
  EXPECT_EQ(c.put("k", "w", none).error().code, errc::invalid_argument);
}

TEST_F(cache_handle, erases_a_version_and_no_other) {
  auto c = open("default");
  const auto first = c.put("k", "v");
  const auto second = c.put("k", "w");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(c.erase_version("k", *first).error().code, errc::condition_failed);
  EXPECT_EQ(c.erase_version("k", *second), true);
}

TEST_F(cache_handle, adds_to_numbers_and_says_why_it_cannot) {
  auto c = open("default");
  EXPECT_EQ(c.increment("n"), 1);
  EXPECT_EQ(c.increment("n", {-5, {}}), -4);
  EXPECT_EQ(c.get("n")->bytes, "-4");
  EXPECT_FALSE(c.get("n")->ttl);
  EXPECT_EQ(c.increment("n", {1, 1h}), -3) << "one that is there keeps its life";
  EXPECT_FALSE(c.get("n")->ttl);
  EXPECT_EQ(c.increment("fresh", {7, 1h}), 7);
  EXPECT_EQ(c.increment("fresh", {1, 9h}), 8);
  ASSERT_TRUE(c.get("fresh")->ttl);
  EXPECT_LE(*c.get("fresh")->ttl, 1h);
  ASSERT_TRUE(c.put("text", "abc"));
  EXPECT_EQ(c.increment("text").error().code, errc::invalid_argument);
  EXPECT_EQ(c.increment("text", {1, 1h}).error().code, errc::invalid_argument);
  ASSERT_TRUE(c.put("large", "9223372036854775807"));
  EXPECT_EQ(c.increment("large").error().code, errc::invalid_argument);
  EXPECT_EQ(c.get("large")->bytes, "9223372036854775807");
  EXPECT_EQ(c.increment("n", {1, 0s}).error().code, errc::invalid_argument);
  EXPECT_EQ(open("nobody").increment("n").error().code, errc::not_found);
  std::string words;
  pack_word(words, "list");
  pack_word(words, "element");
  auto push = command(cache_op::run, "list", words);
  push.procedure = procedure::rpush;
  ASSERT_EQ(run(push).code, errc::ok);
  EXPECT_EQ(c.increment("list").error().code, errc::wrong_type);
}

TEST_F(cache_handle, a_number_that_a_database_keeps_is_added_to_when_nobody_else_wrote_meanwhile) {
  table_backing backing;
  router->set_backing(&backing);
  auto c = open("kept");
  EXPECT_EQ(c.increment("n", {3, 1h}), 3);
  backing.before_put = [&] { backing.rows["n"] = {"100", ++backing.versions}; };
  EXPECT_EQ(c.increment("n"), 101);
  backing.rows["n"] = {"x", ++backing.versions};
  EXPECT_EQ(c.increment("n").error().code, errc::invalid_argument);
}

TEST_F(cache_handle, batches_answer_each_key_by_itself_in_order) {
  auto c = open("default");
  put_options once;
  once.condition = write_condition::if_absent;
  put_options bad;
  bad.ttl = -1s;
  const auto put = c.put_all({{"a", "1", {}}, {"b", "2", bad}, {"a", "3", once}, {"c", "4", {}}});
  ASSERT_EQ(put.size(), 4u);
  EXPECT_TRUE(put[0]);
  EXPECT_EQ(put[1].error().code, errc::invalid_argument);
  EXPECT_EQ(put[2].error().code, errc::condition_failed);
  EXPECT_TRUE(put[3]);
  const auto got = c.get_all({"c", "b", "a"});
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0]->bytes, "4");
  EXPECT_EQ(got[1].error().code, errc::not_found);
  EXPECT_EQ(got[2]->version, *put[0]);
  const auto erased = c.erase_all({"a", "b"});
  ASSERT_EQ(erased.size(), 2u);
  EXPECT_EQ(erased[0], true);
  EXPECT_EQ(erased[1], false);
  EXPECT_TRUE(c.get_all({}).empty());
  EXPECT_EQ(open("nobody").get_all({"a"}).at(0).error().code, errc::not_found);
  const auto many = c.get_all(std::vector<std::string>(cache::batch_max + 1, "a"));
  EXPECT_EQ(many.size(), cache::batch_max + 1);
  EXPECT_EQ(many.back().error().code, errc::too_large);
}

TEST_F(cache_handle, values_beyond_what_a_batch_may_hold_are_answered_without_them) {
  auto large = std::make_shared<cache_router>(host, *catalogue, cache::batch_bytes_max);
  cache c(large, "default");
  ASSERT_TRUE(c.put("half", std::string(cache::batch_bytes_max / 2 + 1, 'v')));
  ASSERT_TRUE(c.put("small", "v"));
  const auto got = c.get_all({"half", "small", "half"});
  EXPECT_TRUE(got[0]);
  EXPECT_TRUE(got[1]);
  ASSERT_FALSE(got[2]);
  EXPECT_EQ(got[2].error().code, errc::too_large);
}

TEST_F(cache_handle, pages_show_every_key_once) {
  auto c = open("default");
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(c.put("user:" + std::to_string(i), "v"));
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(c.put("other:" + std::to_string(i), "v"));
  cache_scan scan;
  scan.pattern = "user:*";
  scan.count = 37;
  std::multiset<std::string> keys;
  int pages = 0;
  do {
    const auto page = c.scan(scan);
    ASSERT_TRUE(page) << describe(page.error());
    keys.insert(page->keys.begin(), page->keys.end());
    scan.next = page->next;
    ASSERT_LT(++pages, 1000);
  } while (!scan.next.empty());
  EXPECT_EQ(keys.size(), 500u);
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 500u);
  EXPECT_GT(pages, 10);
  scan.next = "made up";
  EXPECT_EQ(c.scan(scan).error().code, errc::invalid_argument);
  scan.next = "18446744073709551615";
  EXPECT_EQ(c.scan(scan).error().code, errc::invalid_argument);
  scan.next = "";
  scan.count = 0;
  EXPECT_EQ(c.scan(scan).error().code, errc::invalid_argument);
  scan.count = 1;
  EXPECT_EQ(open("kept").scan(scan).error().code, errc::not_implemented);
  EXPECT_EQ(open("nobody").scan(scan).error().code, errc::not_found);
}

TEST_F(cache_handle, says_that_a_cache_is_not_declared) {
  auto c = open("nobody");
  EXPECT_EQ(c.get("k").error().code, errc::not_found);
  EXPECT_EQ(c.get("k").error().context, "no cache is named nobody");
  EXPECT_EQ(c.put("k", "v").error().code, errc::not_found);
}

TEST_F(cache_handle, waits_for_an_answer_from_another_thread) {
  slow_backing backing;
  router->set_backing(&backing);
  auto c = open("kept");
  const auto got = c.get("k");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->bytes, "k");
  EXPECT_EQ(c.put("k", "v"), std::uint64_t{3});
}

TEST_F(cache_handle, calls_back_once_without_blocking) {
  auto c = open("default");
  int calls = 0;
  c.put("k", "v", {}, [&](expected<std::uint64_t> r) { calls += r.has_value(); });
  c.get("k", [&](expected<cache_value> r) { calls += r.has_value() && r->bytes == "v"; });
  c.erase("k", [&](expected<bool> r) { calls += r == true; });
  c.get("k", [&](expected<cache_value> r) { calls += !r && r.error().code == errc::not_found; });
  open("nobody").get("k", [&](expected<cache_value> r) { calls += !r.has_value(); });
  EXPECT_EQ(calls, 5);
}

TEST_F(cache_handle, a_passed_deadline_does_nothing) {
  auto c = open("default");
  EXPECT_EQ(c.put("k", "v", {}, 0s).error().code, errc::deadline_exceeded);
  EXPECT_EQ(c.get("k").error().code, errc::not_found);
  EXPECT_TRUE(c.put("k", "v", {}, duration::max()));
}

TEST_F(cache_handle, gives_up_when_no_answer_comes) {
  slow_backing backing;
  backing.answers = false;
  router->set_backing(&backing);
  auto c = open("kept");
  EXPECT_EQ(c.put("k", "v", {}, 1ms).error().code, errc::outcome_unknown);
}

}  // namespace
}  // namespace troupe
