// Watching an entry in real stores: what every store must do that can tell of changes.
#include <atomic>
#include <future>
#include <iostream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "gateways/kvs/etcd_store.hpp"
#include "gateways/kvs/redis_store.hpp"
#include "tests/kvs/real_servers.hpp"
#include "tests/kvs/silent_server.hpp"

namespace troupe::test {
namespace {

using namespace std::chrono_literals;

const std::string key = "troupe/test/leader";

time_point in(duration d) { return std::chrono::steady_clock::now() + d; }

leader_entry entry_of(std::uint64_t version) {
  leader_entry e;
  e.version = version;
  e.term = 1;
  e.leader = "one";
  e.leader_id = {7, 1};
  e.lease = 3s;
  return e;
}

std::string said(const expected<void>& result) {
  return result ? "changed" : std::string(name_of(result.error().code));
}

class watched_store : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    server = make_server(GetParam());
    if (!server) GTEST_SKIP() << "the server of " << GetParam() << " is not installed";
    server->start();
    store = server->client();
  }
  expected<void> watch(std::uint64_t version, duration limit = patience) {
    return store->watch(key, version, in(limit));
  }
  /// Beside the store's other calls, as a node does.
  std::future<expected<void>> begin_watch(std::uint64_t version) {
    return std::async(std::launch::async, [this, version] { return watch(version); });
  }
  [[nodiscard]] bool subscribed(std::uint64_t version) {
    const auto end = in(patience);
    expected<void> seen;
    do seen = watch(version, 200ms);
    while (said(seen) != "deadline_exceeded" && std::chrono::steady_clock::now() < end);
    return said(seen) == "deadline_exceeded";
  }
  std::unique_ptr<store_server> server;
  std::unique_ptr<leader_store> store;
};

TEST_P(watched_store, tells_when_the_entry_is_set_renewed_and_released) {
  const std::function<expected<void>()> changes[] = {
      [this] { return store->compare_and_set(key, 0, entry_of(1), in(2s)); },
      [this] { return store->renew(key, 1, 2, in(2s)); },
      [this] { return store->compare_and_set(key, 2, entry_of(3), in(2s)); },
      [this] { return store->release(key, 3, 4, in(2s)); },
  };
  std::uint64_t version = 0;
  for (const auto& change : changes) {
    if (version != 0) {
      ASSERT_TRUE(subscribed(version));
    }
    auto told = begin_watch(version);
    const auto begin = std::chrono::steady_clock::now();
    const auto done = change();
    ASSERT_TRUE(done) << describe(done.error());
    ASSERT_EQ(said(told.get()), "changed") << version;
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    std::cout << GetParam() << ": change " << ++version << " made and told in " << took.count() << " ms\n";
  }
}

TEST_P(watched_store, says_in_time_that_nothing_changed_and_forgets_nothing_between_two_calls) {
  ASSERT_TRUE(store->compare_and_set(key, 0, entry_of(1), in(2s)));
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(said(watch(1, 200ms)), "deadline_exceeded");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  }
  ASSERT_TRUE(store->renew(key, 1, 2, in(2s)));
  EXPECT_EQ(said(watch(1)), "changed") << "while nobody watched";
  EXPECT_EQ(said(watch(2, 200ms)), "deadline_exceeded");
  EXPECT_EQ(said(watch(0, 2s)), "changed") << "who knows of no entry is told that there is one";
  EXPECT_EQ(said(watch(2, 200ms)), "deadline_exceeded");
  store->end_watch();
  ASSERT_TRUE(store->renew(key, 2, 3, in(2s)));
  EXPECT_EQ(said(watch(2)), "changed") << "while there was no connection";
}

TEST_P(watched_store, is_not_told_of_other_keys) {
  ASSERT_TRUE(store->compare_and_set(key, 0, entry_of(1), in(2s)));
  ASSERT_TRUE(subscribed(1));
  ASSERT_TRUE(store->compare_and_set("troupe/other/leader", 0, entry_of(7), in(2s)));
  EXPECT_EQ(said(watch(1, 300ms)), "deadline_exceeded");
  EXPECT_EQ(said(store->watch("troupe/other/leader", 7, in(300ms))), "deadline_exceeded") << "but when it is asked for";
  EXPECT_EQ(said(store->watch("troupe/other/leader", 0, in(2s))), "changed");
}

TEST_P(watched_store, nothing_is_missed_between_a_reading_and_the_watch) {
  ASSERT_TRUE(store->compare_and_set(key, 0, entry_of(1), in(2s)));
  constexpr std::uint64_t last = 60;
  std::atomic<bool> failed{false};
  std::thread writer([&] {
    const auto own = server->client();
    for (std::uint64_t v = 1; v < last && !failed; ++v) failed = failed || !own->renew(key, v, v + 1, in(5s));
  });
  std::uint64_t seen = 0;
  int told = 0;
  while (seen != last && !failed) {
    const auto read = store->get(key, in(5s));
    if (!read || !read->entry) break;
    seen = read->entry->version;
    if (seen == last) break;
    if (++told % 3 == 0) store->end_watch();  // subscribes anew amid the changes
    if (said(watch(seen)) != "changed") break;
  }
  writer.join();
  EXPECT_FALSE(failed);
  EXPECT_EQ(seen, last) << "told " << told << " times";
  EXPECT_TRUE(subscribed(last));
}

TEST_P(watched_store, fails_when_the_server_is_killed_and_works_when_it_is_back) {
  ASSERT_TRUE(store->compare_and_set(key, 0, entry_of(1), in(2s)));
  ASSERT_TRUE(subscribed(1));
  auto told = begin_watch(1);
  const auto begin = std::chrono::steady_clock::now();
  server->kill();
  EXPECT_EQ(said(told.get()), "unavailable");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience / 2);
  const auto asked = std::chrono::steady_clock::now();
  EXPECT_NE(said(watch(1, 300ms)), "changed");
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 2s);
  server->start();
  ASSERT_TRUE(subscribed(1)) << "the server kept it";
  const auto writer = server->client();
  ASSERT_TRUE(writer->renew(key, 1, 2, in(2s)));
  EXPECT_EQ(said(watch(1)), "changed");
}

TEST_P(watched_store, what_is_no_entry_is_called_corrupt) {
  ASSERT_TRUE(store->compare_and_set(key, 0, entry_of(1), in(2s)));
  server->spoil(key);
  EXPECT_EQ(said(watch(1, 2s)), "corrupt");
}

class watched_store_with_password : public watched_store {};

TEST_P(watched_store_with_password, a_wrong_one_is_access_denied) {
  server->demand("right");
  EXPECT_EQ(said(server->client("wrong")->watch(key, 1, in(2s))), "access_denied");
  EXPECT_EQ(said(server->client("right")->watch(key, 0, in(1s))), "deadline_exceeded");
}

INSTANTIATE_TEST_SUITE_P(kind, watched_store_with_password, ::testing::Values("postgres", "etcd"),
                         [](const auto& kind) { return std::string(kind.param); });
INSTANTIATE_TEST_SUITE_P(kind, watched_store, ::testing::Values("redis", "postgres", "etcd"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(memcached_store, cannot_tell_of_changes) {
  const auto server = make_server("memcached");
  if (!server) GTEST_SKIP() << "memcached is not installed";
  EXPECT_EQ(said(server->client()->watch(key, 1, in(1s))), "not_implemented");
}

TEST(redis_store, watches_at_the_server_that_takes_writes) {
  redis_server primary;
  primary.start();
  redis_server replica;
  replica.start();
  (void)run_tool("redis-cli", {"-u", "redis://" + replica.address(), "replicaof", "127.0.0.1",
                               primary.address().substr(primary.address().find(':') + 1)});
  redis_store store({replica.address(), primary.address()}, "");
  ASSERT_EQ(said(store.watch(key, 0, in(1s))), "deadline_exceeded");
  (void)run_tool("redis-cli", {"-u", "redis://" + replica.address(), "replicaof", "no", "one"});
  ASSERT_TRUE(primary.client({})->compare_and_set(key, 0, entry_of(1), in(2s)));
  EXPECT_EQ(said(store.watch(key, 0, in(patience))), "changed");
}

TEST(redis_store, a_user_that_may_not_publish_writes_all_the_same) {
  redis_server server;
  server.start();
  (void)run_tool("redis-cli", {"-u", "redis://" + server.address(), "acl", "setuser", "default", "resetchannels"});
  const auto store = server.client({});
  ASSERT_TRUE(store->compare_and_set(key, 0, entry_of(1), in(2s)));
  ASSERT_TRUE(store->renew(key, 1, 2, in(2s)));
  EXPECT_EQ(store->get(key, in(2s))->entry->version, 2U);
  EXPECT_EQ(said(store->watch(key, 2, in(2s))), "access_denied");
}

// --- what the gateway of etcd may say of a watch

class etcd_answers : public ::testing::Test {
 protected:
  /// What a watch says when the gateway's answer to it is `lines`.
  static std::string told(const std::string& lines, std::uint64_t version = 5, duration limit = 500ms) {
    silent_server server({http_answer(R"({"header":{"revision":"8"},"kvs":[{"value":"NQ=="}]})"), http_stream(lines)});
    etcd_store store({server.address()}, "");
    return said(store.watch(key, version, in(limit)));
  }
  static constexpr const char* created = "{\"result\":{\"header\":{},\"created\":true}}\n";
};

TEST_F(etcd_answers, a_created_watch_and_a_sign_of_life_tell_nothing) {
  EXPECT_EQ(told(created), "deadline_exceeded");
  EXPECT_EQ(told(std::string(created) + "{\"result\":{\"header\":{\"revision\":\"9\"}}}\n"), "deadline_exceeded");
}

TEST_F(etcd_answers, the_last_of_several_events_counts_and_a_deleted_entry_is_none) {
  const std::string put = R"({"kv":{"key":"a","value":"Ng=="}})", same = R"({"kv":{"key":"a","value":"NQ=="}})";
  EXPECT_EQ(told("{\"result\":{\"events\":[" + same + "," + put + "]}}\n"), "changed");
  EXPECT_EQ(told("{\"result\":{\"events\":[" + put + "," + same + "]}}\n"), "deadline_exceeded");
  EXPECT_EQ(told("{\"result\":{\"events\":[{\"type\":\"DELETE\",\"kv\":{\"key\":\"a\"}}]}}\n"), "changed");
}

TEST_F(etcd_answers, a_cancelled_or_compacted_watch_is_over) {
  EXPECT_EQ(told("{\"result\":{\"canceled\":true,\"compact_revision\":\"12\"}}\n"), "unavailable");
  EXPECT_EQ(told("{\"result\":{\"created\":true,\"canceled\":true,\"cancel_reason\":\"permission denied\"}}\n"),
            "access_denied");
  EXPECT_EQ(told("{\"error\":{\"grpc_code\":14,\"message\":\"no leader\"}}\n"), "unavailable");
}

TEST_F(etcd_answers, rubbish_ends_the_watch) {
  for (const std::string rubbish : {"rubbish\n", "[]\n", "{}\n", "{\"result\":7}\n", "{\"result\":\"\n"}) {
    EXPECT_EQ(told(rubbish), "unavailable") << rubbish;
  }
  EXPECT_EQ(told("{\"result\":{\"events\":[{\"kv\":{\"value\":\"eA==\"}}]}}\n"), "corrupt");
  EXPECT_EQ(told(std::string(etcd_connection::line_bytes_max + 1, 'x'), 5, 5s), "unavailable");
}

TEST_F(etcd_answers, an_event_that_is_cut_at_any_byte_tells_nothing_yet) {
  const std::string whole = R"({"result":{"events":[{"kv":{"value":"Ng=="}}]}})";
  for (std::size_t n = 0; n < whole.size(); n += 7) EXPECT_EQ(told(whole.substr(0, n), 5, 60ms), "deadline_exceeded");
}

}  // namespace
}  // namespace troupe::test
