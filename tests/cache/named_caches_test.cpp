// What a shard store keeps apart by cache: limits of their own, and drops.
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "runtime/cache/cache_ledgers.hpp"
#include "tests/cache/store_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr cache_id small = 1;
constexpr cache_id large = 2;

struct named_caches : ::testing::Test {
  explicit named_caches(eviction_policy eviction = eviction_policy::lru)
      : store({&ledger, 42, eviction, nullptr, &caches}) {}

  cache_reply put(cache_id cache, std::string_view key, std::string_view value = "v", duration ttl = {}) {
    cache_command c;
    c.op = cache_op::put;
    c.cache = cache;
    c.key = key;
    c.value = value;
    c.ttl = ttl;
    return store.apply(c, now);
  }
  bool has(cache_id cache, std::string_view key) { return store.peek(cache, key, now).has_value(); }
  void fill(cache_id cache, int from, int to) {
    for (int i = from; i < to; ++i) {
      ASSERT_EQ(put(cache, "key" + std::to_string(i)).code, errc::ok);
      now += 20ms;
    }
  }
  int present(cache_id cache, int from, int to) {
    int n = 0;
    for (int i = from; i < to; ++i) n += has(cache, "key" + std::to_string(i)) ? 1 : 0;
    return n;
  }

  memory_ledger ledger{1 << 30};
  cache_ledgers caches{{{}, {16 * 1024, 100}, {}}};
  time_point now{std::chrono::hours(1)};
  shard_store store;
};

struct named_caches_without_eviction : named_caches {
  named_caches_without_eviction() : named_caches(eviction_policy::none) {}
};

TEST_F(named_caches, beyond_the_keys_of_a_cache_its_own_least_used_ones_give_way) {
  fill(large, 0, 500);
  fill(small, 0, 150);
  EXPECT_EQ(store.keys_of(small), 100u);
  EXPECT_EQ(store.keys_of(large), 500u);
  EXPECT_EQ(store.evicted_of(small), 50u);
  EXPECT_EQ(store.evicted_of(large), 0u);
  EXPECT_EQ(present(small, 140, 150), 10);
  EXPECT_GE(present(small, 0, 50), 0);
  EXPECT_LT(present(small, 0, 50), present(small, 100, 150));
}

TEST_F(named_caches, beyond_the_bytes_of_a_cache_its_own_give_way) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(put(small, std::to_string(i), std::string(1000, 'v')).code, errc::ok);
    EXPECT_LE(store.bytes_of(small), 16u * 1024);
  }
  EXPECT_TRUE(has(small, "99"));
  EXPECT_EQ(put(small, "99", std::string(8000, 'w')).code, errc::ok) << "a value may grow";
  EXPECT_LE(store.bytes_of(small), 16u * 1024);
  EXPECT_EQ(put(small, "huge", std::string(17 * 1024, 'v')).code, errc::out_of_memory);
  EXPECT_TRUE(has(small, "99")) << "what never fits drives nothing out";
}

TEST_F(named_caches_without_eviction, refuses_what_is_beyond_the_limit_of_its_cache) {
  fill(small, 0, 100);
  EXPECT_EQ(put(small, "one more").code, errc::out_of_memory);
  EXPECT_EQ(put(small, "key5", "another value").code, errc::ok) << "it is no new key";
  EXPECT_EQ(put(large, "one more").code, errc::ok);
}

TEST_F(named_caches, what_two_shards_hold_counts_together) {
  shard_store other({&ledger, 43, eviction_policy::none, nullptr, &caches});
  fill(small, 0, 60);
  cache_command c;
  c.op = cache_op::put;
  c.cache = small;
  for (int i = 0; i < 40; ++i) {
    const auto key = "other" + std::to_string(i);
    c.key = key;
    EXPECT_EQ(other.apply(c, now).code, errc::ok);
  }
  c.key = "beyond";
  EXPECT_EQ(other.apply(c, now).code, errc::out_of_memory);
  store.clear();
  EXPECT_EQ(other.apply(c, now).code, errc::ok) << "what is cleared is given back";
}

TEST_F(named_caches, bytes_are_those_of_what_is_there_whatever_was_done) {
  random dice(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto cache = static_cast<cache_id>(dice.below(3));
    const auto key = std::to_string(dice.below(300));
    switch (dice.below(8)) {
      case 0: (void)store.apply(store_fixture::command(cache_op::erase, key, cache), now); break;
      case 1: (void)put(cache, key, std::string(dice.below(400), 'v'), 1s); break;
      case 2: now += 10ms; break;
      case 3: (void)store.expire(now, 64); break;
      case 4:
        if (dice.below(200) == 0) store.drop(cache, store.next_version());
        break;
      case 5: store.free_dropped(16); break;
      default: (void)put(cache, key, std::string(dice.below(400), 'v')); break;
    }
  }
  store.free_dropped(1 << 20);
  now += 1h;
  while (store.expire(now, 1 << 20) > 0) {
  }
  std::map<cache_id, std::uint64_t> keys;
  std::uint64_t cursor = 0;
  do {
    cursor = store.scan(cursor, 64, now, [&](const shard_store::entry_view& e) { ++keys[e.cache]; });
  } while (cursor != 0);
  for (cache_id c = 0; c < 3; ++c) EXPECT_EQ(store.keys_of(c), keys[c]);
  EXPECT_EQ(store.dropped(), 0u);
  for (cache_id c = 0; c < 3; ++c) store.clear(c);
  for (cache_id c = 0; c < 3; ++c) EXPECT_EQ(store.bytes_of(c), 0u);
  store.clear();
  EXPECT_EQ(ledger.used(), 0u);
  EXPECT_TRUE(caches.has_room(small, 16 * 1024, 100));
}

TEST_F(named_caches, a_drop_takes_all_values_of_the_cache_at_once_and_frees_them_later) {
  fill(small, 0, 100);
  fill(large, 0, 100);
  const auto bytes = ledger.used();
  store.drop(small, store.next_version());
  EXPECT_EQ(present(small, 0, 100), 0);
  EXPECT_EQ(present(large, 0, 100), 100);
  EXPECT_EQ(store.keys(), 100u);
  EXPECT_EQ(store.keys_of(small), 0u);
  EXPECT_EQ(store.dropped(), 100u);
  EXPECT_EQ(ledger.used(), bytes);
  int seen = 0;
  std::uint64_t cursor = 0;
  do {
    cursor =
        store.scan(cursor, 16, now, [&](const shard_store::entry_view& e) { seen += e.cache == large ? 1 : 1000; });
  } while (cursor != 0);
  EXPECT_EQ(seen, 100);
  for (int i = 0; i < 100 && store.dropped() > 0; ++i) store.free_dropped(16);
  EXPECT_EQ(store.dropped(), 0u);
  EXPECT_LT(ledger.used(), bytes);
  EXPECT_EQ(present(large, 0, 100), 100);
}

TEST_F(named_caches, a_key_may_be_written_again_while_its_dropped_value_is_not_freed) {
  fill(small, 0, 50);
  store.drop(small, store.next_version());
  fill(small, 0, 100);  // as many as the cache may have
  EXPECT_EQ(present(small, 0, 100), 100);
  EXPECT_EQ(store.keys_of(small), 100u);
  EXPECT_EQ(store.apply(store_fixture::command(cache_op::erase, "key7", small), now).code, errc::ok);
  EXPECT_FALSE(has(small, "key7"));
  while (store.dropped() > 0) store.free_dropped(7);
  EXPECT_EQ(present(small, 0, 100), 99);
}

TEST_F(named_caches, what_was_dropped_gives_way_first_when_memory_is_short) {
  memory_ledger tight(64 * 1024);
  shard_store s({&tight, 1, eviction_policy::none});
  cache_command c;
  c.op = cache_op::put;
  const std::string value(1000, 'v');
  c.value = value;
  int stored = 0;
  for (;; ++stored) {
    const auto key = std::to_string(stored);
    c.key = key;
    if (s.apply(c, now).code != errc::ok) break;
  }
  s.drop(0, s.next_version());
  for (int i = 0; i < stored; ++i) {
    const auto key = "new" + std::to_string(i);
    c.key = key;
    EXPECT_EQ(s.apply(c, now).code, errc::ok);
  }
  EXPECT_EQ(s.evicted(), 0u);
}

TEST_F(named_caches, a_drop_is_of_versions_in_whatever_order_it_arrives) {
  EXPECT_TRUE(store.apply_committed(small, "old", "v", 5, 0s, now));
  EXPECT_TRUE(store.apply_committed(small, "new", "v", 9, 0s, now));
  store.drop(small, 7);
  EXPECT_FALSE(has(small, "old"));
  EXPECT_TRUE(has(small, "new"));
  EXPECT_EQ(store.keys_of(small), 1u);
  EXPECT_FALSE(store.apply_committed(small, "late", "v", 6, 0s, now)) << "it was written before the drop";
  EXPECT_TRUE(store.copy_entry({small, "late", "v", 6, 0s}, now)) << "a copy has it as it should be: not at all";
  EXPECT_FALSE(has(small, "late"));
  store.drop(small, 6);
  EXPECT_EQ(store.floor_of(small), 7u);
  EXPECT_TRUE(has(small, "new"));
}

}  // namespace
}  // namespace troupe
