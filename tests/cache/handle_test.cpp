#include <thread>

#include <gtest/gtest.h>

#include <troupe/cache.hpp>

#include "actors/cache/cache_router.hpp"
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
