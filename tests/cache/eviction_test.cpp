// What gives way when memory is full, by policy; and what OBJECT says of a key's use.
#include "runtime/cache/eviction.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/cache/procedure_fixture.hpp"
#include "tests/cache/store_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

// The smallest table, six entries, and references to those that expire.
constexpr std::uint64_t room_for_six = 80 + 6 * 112 + 64;

std::string numbered(int i) { return "key:" + std::to_string(1000000000 + i) + "xy"; }
const std::string value(64, 'v');
const std::string shorter(54, 'v');  // of what expires: as large with its time

struct evicting : ::testing::Test {
  void start(eviction_policy p) { s = std::make_unique<store_fixture>(room_for_six, p); }
  void put(int i, duration ttl = {}) {
    ASSERT_EQ(s->put(numbered(i), ttl == duration::zero() ? value : shorter, ttl).code, errc::ok) << i;
  }
  std::set<int> left() {
    std::set<int> found;
    for (int i = 0; i < 20; ++i) {
      if (s->store.peek(0, numbered(i), s->now)) found.insert(i);
    }
    return found;
  }
  std::unique_ptr<store_fixture> s;
};

TEST_F(evicting, least_recently_used_goes_by_time) {
  start(eviction_policy::lru);
  for (int i = 0; i < 6; ++i) put(i), s->now += 100ms;
  (void)s->get(numbered(0));
  put(6);
  EXPECT_EQ(left(), (std::set<int>{0, 2, 3, 4, 5, 6}));
}

TEST_F(evicting, least_frequently_used_goes_whatever_its_age) {
  start(eviction_policy::lfu);
  for (int i = 0; i < 6; ++i) put(i);
  for (int times = 0; times < 200; ++times) {
    for (const int i : {0, 1, 2, 4, 5}) (void)s->get(numbered(i));
  }
  (void)s->get(numbered(3));
  put(6);
  EXPECT_EQ(left(), (std::set<int>{0, 1, 2, 4, 5, 6}));
}

TEST_F(evicting, what_was_used_often_is_forgotten_minute_by_minute) {
  start(eviction_policy::lfu);
  for (int i = 0; i < 6; ++i) put(i);
  for (int times = 0; times < 500; ++times) (void)s->get(numbered(0));
  s->now += 60min;
  for (int i = 1; i < 6; ++i) {
    for (int times = 0; times < 20; ++times) (void)s->get(numbered(i));
  }
  put(6);
  EXPECT_EQ(left(), (std::set<int>{1, 2, 3, 4, 5, 6}));
}

TEST_F(evicting, volatile_policies_spare_what_does_not_expire) {
  for (const auto p : {eviction_policy::volatile_lru, eviction_policy::volatile_lfu, eviction_policy::volatile_random,
                       eviction_policy::volatile_ttl}) {
    start(p);
    for (int i = 0; i < 5; ++i) put(i), s->now += 100ms;
    put(5, 1h);
    put(6);
    EXPECT_EQ(left(), (std::set<int>{0, 1, 2, 3, 4, 6})) << name_of(p);
    EXPECT_EQ(s->put(numbered(7), value).code, errc::out_of_memory) << name_of(p);
  }
}

TEST_F(evicting, what_expires_first_goes_first) {
  start(eviction_policy::volatile_ttl);
  for (int i = 0; i < 6; ++i) put(i, i == 3 ? 5min : 1h);
  for (int i = 0; i < 6; ++i) (void)s->get(numbered(i));
  put(6, 2h);
  EXPECT_EQ(left(), (std::set<int>{0, 1, 2, 4, 5, 6}));
}

TEST_F(evicting, at_random_everything_may_go) {
  std::set<int> gone;
  start(eviction_policy::random);
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 6; ++i) put(i);
    put(6);
    for (int i = 0; i < 6; ++i) {
      if (!left().contains(i)) gone.insert(i);
    }
    (void)s->erase(numbered(6));
  }
  EXPECT_EQ(gone, (std::set<int>{0, 1, 2, 3, 4, 5}));
}

TEST_F(evicting, a_policy_may_change_while_there_are_entries) {
  start(eviction_policy::lru);
  for (int i = 0; i < 6; ++i) put(i, i % 2 == 0 ? 1h : 0s);
  for (const auto& n : eviction_names) {
    s->store.set_eviction(n.policy);
    const auto code = s->put(numbered(8), value).code;
    EXPECT_EQ(code, n.policy == eviction_policy::none ? errc::out_of_memory : errc::ok) << n.redis;
    for (int i = 0; i < 6; ++i) (void)s->put(numbered(i), i % 2 == 0 ? shorter : value, i % 2 == 0 ? 1h : 0s);
    (void)s->erase(numbered(8));
  }
}

TEST(eviction_names, are_those_of_redis_and_of_the_configuration) {
  for (const auto& n : eviction_names) {
    EXPECT_EQ(eviction_named(n.redis), n.policy);
    EXPECT_EQ(eviction_named(n.configured), n.policy);
    EXPECT_EQ(name_of(n.policy), n.redis);
  }
  EXPECT_EQ(eviction_named("LRU"), std::nullopt);
  EXPECT_EQ(eviction_named(""), std::nullopt);
}

TEST(recency, holds_across_the_end_of_its_bits) {
  const time_point late(duration((std::int64_t{1} << 56) - 1));
  const auto used = recency::at(late);
  EXPECT_EQ(recency::age(used, late), 0U);
  EXPECT_EQ(recency::age(used, late - 1h), 0U) << "of a clock that was read before";
  EXPECT_EQ(std::chrono::round<std::chrono::seconds>(recency::idle(used, late + 1h)), 3600s);
  EXPECT_EQ(std::chrono::round<std::chrono::seconds>(recency::idle(recency::before(late, 24h), late)), 24h);
}

TEST(frequency, rises_more_and_more_slowly_and_falls_by_one_a_minute) {
  random dice(1);
  const time_point now(1000h);
  auto used = frequency::with(frequency::initial, now);
  std::uint32_t at_100 = 0;
  for (int i = 1; i <= 100'000; ++i) {
    used = frequency::after_access(used, now, dice);
    if (i == 100) at_100 = frequency::current(used, now);
  }
  EXPECT_GT(at_100, 7U);
  EXPECT_LT(at_100, 20U);
  EXPECT_GT(frequency::current(used, now), 120U);  // Redis: about 143
  EXPECT_LT(frequency::current(used, now), 170U);
  const auto before = frequency::current(used, now);
  EXPECT_EQ(frequency::current(used, now + 10min), before - 10);
  EXPECT_EQ(frequency::current(used, now + 24h), 0U);
  EXPECT_EQ(frequency::current(frequency::with(9, time_point(65535min)), time_point(65536min + 30s)), 8U)
      << "the minutes begin anew";
}

struct key_use : procedure_fixture {};

TEST_F(key_use, is_idle_time_unless_frequency_is_counted) {
  EXPECT_EQ(say("OBJECT IDLETIME k"), "nil");
  (void)say("SET k v");
  pass(90s);
  EXPECT_EQ(say("OBJECT IDLETIME k"), "90");
  EXPECT_EQ(say("EXISTS k"), "1");
  EXPECT_EQ(say("TTL k"), "-1");
  EXPECT_EQ(say("OBJECT IDLETIME k"), "90") << "looking is no use";
  (void)say("TOUCH k");
  EXPECT_EQ(say("OBJECT IDLETIME k"), "0");
  EXPECT_TRUE(say("OBJECT FREQ k").starts_with("ERR An LFU maxmemory policy is not selected, access frequency not"));
  shard.store().set_eviction(eviction_policy::volatile_lfu);
  EXPECT_TRUE(say("OBJECT IDLETIME k").starts_with("ERR An LFU maxmemory policy is selected, idle time not tracked."));
  (void)say("SET f v");
  EXPECT_EQ(say("OBJECT FREQ f"), "5");
  (void)say("GET f");
  EXPECT_EQ(say("OBJECT FREQ f"), "6");
  pass(3min);
  EXPECT_EQ(say("OBJECT FREQ f"), "3");
  EXPECT_EQ(say("OBJECT FREQ nosuch"), "nil");
}

TEST_F(key_use, is_restored_with_the_key) {
  (void)say("SET k v");
  const auto dumped = run("DUMP k");
  const auto bytes = dumped.substr(dumped.find("\r\n") + 2, dumped.size() - dumped.find("\r\n") - 4);
  EXPECT_EQ(say({"RESTORE", "idle", "0", bytes, "IDLETIME", "1000"}), "OK");
  EXPECT_EQ(say("OBJECT IDLETIME idle"), "1000");
  shard.store().set_eviction(eviction_policy::lfu);
  EXPECT_EQ(say({"RESTORE", "often", "0", bytes, "FREQ", "200"}), "OK");
  EXPECT_EQ(say("OBJECT FREQ often"), "200");
}

}  // namespace
}  // namespace troupe
