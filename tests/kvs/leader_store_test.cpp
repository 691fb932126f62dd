// What every leader store must do, asked of real servers that the test starts.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "gateways/kvs/etcd_store.hpp"
#include "gateways/kvs/redis_store.hpp"
#include "tests/kvs/real_servers.hpp"

namespace troupe::test {
namespace {

using namespace std::chrono_literals;

const std::string key = "troupe/test/leader";

time_point soon() { return std::chrono::steady_clock::now() + 2s; }

leader_entry entry_of(std::uint64_t version, std::uint64_t term) {
  leader_entry e;
  e.version = version;
  e.term = term;
  e.leader = "node one";
  e.leader_id = {7, term};
  e.lease = 3s;
  e.record = std::string("bytes\0with\nall\xff kinds", 20);
  return e;
}

class real_store : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    server = make_server(GetParam());
    if (!server) GTEST_SKIP() << "the server of " << GetParam() << " is not installed";
    server->start();
    store = server->client();
  }
  expected<void> set(std::uint64_t version, const leader_entry& next) {
    return store->compare_and_set(key, version, next, soon());
  }
  leader_entry stored() {
    const auto read = store->get(key, soon());
    return read && read->entry ? *read->entry : leader_entry{};
  }
  [[nodiscard]] static bool keeps() { return std::string(GetParam()) != "memcached"; }
  std::unique_ptr<store_server> server;
  std::unique_ptr<leader_store> store;
};

TEST_P(real_store, an_entry_is_read_back_as_it_was_set) {
  const auto nothing = store->get(key, soon());
  ASSERT_TRUE(nothing) << describe(nothing.error());
  EXPECT_FALSE(nothing->entry);
  auto first = entry_of(~std::uint64_t{0}, 1);
  first.floor_open = true;
  const auto done = set(0, first);
  ASSERT_TRUE(done) << describe(done.error());
  EXPECT_EQ(stored(), first);
  EXPECT_EQ(store->may_forget().empty(), keeps());
}

TEST_P(real_store, only_who_knows_the_version_sets_renews_and_releases) {
  ASSERT_TRUE(set(0, entry_of(10, 1)));
  const auto refused = [](const expected<void>& r) { return !r && r.error().code == errc::condition_failed; };
  EXPECT_TRUE(refused(set(0, entry_of(11, 2))));
  EXPECT_TRUE(refused(set(9, entry_of(11, 2))));
  EXPECT_TRUE(refused(store->renew(key, 9, 12, soon())));
  EXPECT_TRUE(refused(store->release(key, 9, 12, soon())));
  EXPECT_TRUE(refused(store->renew("troupe/other/leader", 10, 12, soon())));
  EXPECT_EQ(stored(), entry_of(10, 1));
  ASSERT_TRUE(store->renew(key, 10, 12, soon()));
  EXPECT_EQ(stored(), entry_of(12, 1));
  ASSERT_TRUE(store->release(key, 12, 13, soon()));
  EXPECT_TRUE(stored().released);
  ASSERT_TRUE(set(13, entry_of(14, 2)));
  EXPECT_EQ(stored(), entry_of(14, 2));
}

TEST_P(real_store, one_of_many_at_the_same_instant_wins) {
  constexpr int rounds = 20;
  std::atomic<int> won{0};
  for (std::uint64_t round = 1; round <= rounds; ++round) {
    std::vector<std::thread> rivals;
    for (std::uint64_t who = 1; who <= 4; ++who) {
      rivals.emplace_back([this, &won, round, who] {
        const auto own = server->client();
        const auto before = round == 1 ? 0 : 1000 * (round - 1);
        if (own->compare_and_set(key, before, entry_of(1000 * round, round * 10 + who), soon())) ++won;
      });
    }
    for (auto& r : rivals) r.join();
  }
  EXPECT_EQ(won, rounds);
}

TEST_P(real_store, a_killed_server_is_an_error_in_time_and_a_restart_is_seen) {
  ASSERT_TRUE(set(0, entry_of(10, 1)));
  const auto before = store->get(key, soon());
  server->kill();
  const auto asked = std::chrono::steady_clock::now();
  const auto lost = store->get(key, asked + 300ms);
  EXPECT_FALSE(lost);
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 2s);
  server->start();
  expected<leader_reading> after;
  const auto end = std::chrono::steady_clock::now() + patience;
  do after = store->get(key, soon());
  while (!after && std::chrono::steady_clock::now() < end);
  ASSERT_TRUE(after) << describe(after.error());
  ASSERT_EQ(after->entry.has_value(), keeps()) << "it was confirmed";
  if (keeps()) {
    EXPECT_EQ(*after->entry, entry_of(10, 1));
  }
  EXPECT_NE(after->run, before->run);
}

TEST_P(real_store, what_is_no_entry_is_called_corrupt_and_left_alone) {
  ASSERT_TRUE(set(0, entry_of(10, 1)));
  server->spoil(key);
  const auto read = store->get(key, soon());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::corrupt) << describe(read.error());
  EXPECT_FALSE(set(0, entry_of(11, 2)));
}

INSTANTIATE_TEST_SUITE_P(kind, real_store, ::testing::Values("redis", "postgres", "etcd", "memcached"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(redis_store, says_that_it_may_forget_without_its_append_only_file) {
  redis_server server(false);
  server.start();
  const auto store = server.client({});
  ASSERT_TRUE(store->get(key, soon()));
  EXPECT_NE(store->may_forget().find("appendonly"), std::string::npos);
}

TEST(redis_store, a_wrong_password_is_access_denied) {
  redis_server server(true, "right");
  server.start();
  const auto wrong = server.client("wrong")->get(key, soon());
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, errc::access_denied) << describe(wrong.error());
  const auto none = server.client({})->get(key, soon());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::access_denied) << describe(none.error());
  EXPECT_TRUE(server.client("right")->get(key, soon()));
}

class store_with_password : public real_store {};

TEST_P(store_with_password, refuses_a_wrong_one_and_none) {
  server->demand("right");
  const auto refused = [this](const std::string& password) {
    const auto read = server->client(password)->get(key, soon());
    return !read && read.error().code == errc::access_denied ? "" : read ? "let in" : describe(read.error());
  };
  EXPECT_EQ(refused("wrong"), "");
  EXPECT_EQ(refused({}), "");
  const auto read = server->client("right")->get(key, soon());
  EXPECT_TRUE(read) << describe(read.error());
}

INSTANTIATE_TEST_SUITE_P(kind, store_with_password, ::testing::Values("postgres", "etcd"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(redis_store, goes_to_the_next_address_when_one_is_down) {
  redis_server down;
  redis_server up;
  up.start();
  redis_store store({down.address(), up.address()}, "");
  EXPECT_TRUE(store.get(key, soon()));
  EXPECT_NE(store.may_forget().find("replica"), std::string::npos) << "a replica may be behind";
}

TEST(redis_store, leaves_a_replica_for_the_server_that_takes_writes) {
  redis_server primary;
  primary.start();
  redis_server replica;
  replica.start();
  (void)run_tool("redis-cli", {"-u", "redis://" + replica.address(), "replicaof", "127.0.0.1",
                               primary.address().substr(primary.address().find(':') + 1)});
  redis_store store({replica.address(), primary.address()}, "");
  const auto end = std::chrono::steady_clock::now() + patience;
  expected<void> done;
  do done = store.compare_and_set(key, 0, entry_of(10, 1), soon());
  while (!done && std::chrono::steady_clock::now() < end);
  EXPECT_TRUE(done) << describe(done.error());
  EXPECT_TRUE(primary.client({})->get(key, soon())->entry);
}

TEST(etcd_store, goes_to_the_next_address_when_one_is_down) {
  const auto up = make_server("etcd");
  if (!up) GTEST_SKIP() << "etcd is not installed";
  up->start();
  const redis_server down;
  etcd_store store({down.address(), up->address()}, "");
  EXPECT_TRUE(store.get(key, soon()));
  EXPECT_TRUE(store.may_forget().empty());
}

TEST(store_clients, say_of_every_address_why_it_cannot_be_reached_and_say_it_again_during_the_pause) {
  const redis_server one;
  const redis_server two;
  redis_store redis({one.address(), two.address()}, "");
  const auto first = redis.get(key, soon());
  const auto second = redis.get(key, soon());
  ASSERT_FALSE(first);
  ASSERT_FALSE(second);
  EXPECT_NE(first.error().context.find(one.address()), std::string::npos);
  EXPECT_NE(first.error().context.find(two.address()), std::string::npos);
  EXPECT_EQ(first.error().context, second.error().context) << "or the fault would change all the time";
}

}  // namespace
}  // namespace troupe::test
