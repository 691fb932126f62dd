#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "tests/cache/store_fixture.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

namespace troupe {
namespace {

using namespace std::chrono_literals;

std::string numbered(int i) {
  auto text = std::to_string(i);
  return std::string(16 - text.size(), '0') + text;
}

// As its manual lists them.
TEST(footprint, is_a_size_class_of_jemalloc) {
  std::vector<std::uint64_t> classes;
  for (std::uint64_t c = 32; c <= 128; c += 16) classes.push_back(c);
  for (std::uint64_t c = 128; c < 16384; c *= 2)
    for (int quarter = 1; quarter <= 4; ++quarter) classes.push_back(c + c / 4 * static_cast<std::uint64_t>(quarter));
  for (std::uint64_t c = 20480; c <= 40960; c += 4096) classes.push_back(c);  // pages: the rest is never touched
  for (std::uint64_t bytes = 1; bytes < 40000; ++bytes) {
    ASSERT_EQ(footprint_of(bytes), *std::lower_bound(classes.begin(), classes.end(), bytes + 8)) << bytes;
  }
}

TEST(footprint, less_eight_is_what_glibc_takes) {
  if (sanitized) GTEST_SKIP() << "a sanitizer has its own allocator";
  for (std::size_t bytes = 1; bytes < 5000; bytes += 3) {
    const auto asked = footprint_of(bytes) - 8;
    ASSERT_GE(asked, bytes);
    void* p = std::malloc(asked);
    // A chunk may be larger by what was left of a split one, never smaller.
    EXPECT_GE(malloc_usable_size(p), asked);
    EXPECT_LE(malloc_usable_size(p), asked + 16);
    std::free(p);
  }
}

TEST(shard_store_memory, counts_what_the_process_allocates) {
  if (sanitized) GTEST_SKIP() << "a sanitizer has its own allocator";
  store_fixture s;
  std::vector<std::string> keys;
  for (int i = 0; i < 20000; ++i) keys.push_back(numbered(i));
  const std::string value(64, 'v');
  const auto before = mallinfo2();
  for (const auto& key : keys) s.put(key, value);
  const auto after = mallinfo2();
  const auto allocated = static_cast<double>(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd);
  EXPECT_NEAR(static_cast<double>(s.store.bytes()), allocated, allocated * 0.02);
  EXPECT_EQ(s.store.bytes(), s.ledger.used());
}

TEST(shard_store_memory, an_entry_of_16_and_64_bytes_takes_at_most_150) {
  memory_ledger ledger(1 << 30);
  // Just after the table has doubled is the worst case: 6144 is 3/4 of 8192.
  for (const int keys : {100, 3906, 6144, 6145, 12000}) {
    store_fixture s;
    for (int i = 0; i < keys; ++i) s.put(numbered(i), std::string(64, 'v'));
    EXPECT_LE(s.store.bytes() / static_cast<std::uint64_t>(keys), 150u) << keys;
  }
}

TEST(shard_store_memory, gives_everything_back) {
  store_fixture s;
  random r(3);
  for (int i = 0; i < 2000; ++i)
    s.put(numbered(static_cast<int>(r.below(500))), std::string(r.below(300), 'v'), r.chance(0.3) ? 1s : 0s);
  EXPECT_EQ(s.store.bytes(), s.ledger.used());
  EXPECT_GT(s.ledger.used(), 0u);
  for (int i = 0; i < 500; ++i) s.erase(numbered(i));
  EXPECT_EQ(s.store.keys(), 0u);
  EXPECT_LE(s.ledger.used(), 80u + 64 * 8) << "at most the smallest table and a few references";
  s.put("a", "b");
  s.store.clear();
  EXPECT_EQ(s.ledger.used(), 0u);
}

TEST(shard_store_memory, a_moved_store_keeps_its_entries) {
  store_fixture s;
  s.put("a", "b", 5s);
  shard_store other(std::move(s.store));
  EXPECT_EQ(other.apply(s.command(cache_op::get, "a"), s.now).value, "b");
  EXPECT_EQ(other.bytes(), s.ledger.used());
}

TEST(shard_store_memory, evicts_the_least_recently_used) {
  store_fixture s(80 + 6 * 112);  // the smallest table and six entries
  for (int i = 0; i < 6; ++i) ASSERT_EQ(s.put(numbered(i), std::string(64, 'v')).code, errc::ok);
  EXPECT_EQ(s.store.evicted(), 0u);
  s.now += 1s;
  for (const int i : {0, 1, 3, 4, 5}) ASSERT_EQ(s.get(numbered(i)).code, errc::ok);
  ASSERT_EQ(s.put(numbered(6), std::string(64, 'v')).code, errc::ok);
  EXPECT_EQ(s.store.evicted(), 1u);
  EXPECT_EQ(s.get(numbered(2)).code, errc::not_found);
  for (const int i : {0, 1, 3, 4, 5, 6}) EXPECT_EQ(s.get(numbered(i)).code, errc::ok) << i;
}

TEST(shard_store_memory, prefers_old_entries_in_a_large_store) {
  store_fixture s(1 << 20);
  int written = 0;
  while (s.store.evicted() == 0) s.put(numbered(written++), std::string(64, 'v'));
  const int half = written / 2;
  s.now += 1s;
  for (int round = 0; round < 4; ++round)
    for (int i = 0; i < half; ++i) s.get(numbered(i));
  for (int i = 0; i < half / 2; ++i) s.put("new" + numbered(i).substr(3), std::string(64, 'v'));
  int hot = 0;
  int cold = 0;
  for (int i = 0; i < half; ++i) hot += s.get(numbered(i)).code == errc::ok;
  for (int i = half; i < written; ++i) cold += s.get(numbered(i)).code == errc::ok;
  EXPECT_GT(hot, half * 95 / 100);
  EXPECT_LT(cold, half * 60 / 100);
}

TEST(shard_store_memory, evicts_expired_entries_first) {
  store_fixture s(80 + 6 * 112 + 8);  // a reference too
  for (int i = 0; i < 5; ++i) s.put(numbered(i), std::string(64, 'v'));
  s.put(numbered(5), std::string(54, 'v'), 1s);
  s.now += 2s;
  s.put(numbered(6), std::string(64, 'v'));
  EXPECT_EQ(s.store.evicted(), 0u);
  EXPECT_EQ(s.store.expired(), 1u);
}

TEST(shard_store_memory, without_eviction_a_full_ledger_refuses_and_keeps_all) {
  store_fixture s(80 + 3 * 112, eviction_policy::none);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(s.put(numbered(i), std::string(64, 'v')).code, errc::ok);
  EXPECT_EQ(s.put(numbered(3), std::string(64, 'v')).code, errc::out_of_memory);
  EXPECT_EQ(s.put(numbered(1), std::string(640, 'w')).code, errc::out_of_memory) << "growing in place";
  EXPECT_EQ(s.get(numbered(1)).value, std::string(64, 'v'));
  EXPECT_EQ(s.put(numbered(1), std::string(60, 'w')).code, errc::ok) << "needs no room";
  EXPECT_EQ(s.erase(numbered(0)).code, errc::ok);
  EXPECT_EQ(s.put(numbered(3), std::string(64, 'v')).code, errc::ok);
  EXPECT_EQ(s.store.evict(1000, s.now), 0u);
}

TEST(shard_store_memory, a_value_beyond_the_limit_evicts_nothing) {
  store_fixture s(4096);
  s.put("a", "1");
  EXPECT_EQ(s.put("b", std::string(5000, 'v')).code, errc::out_of_memory);
  EXPECT_EQ(s.put("a", std::string(5000, 'v')).code, errc::out_of_memory);
  EXPECT_EQ(s.get("a").value, "1");
}

// The value in memory would be older than the one in the database.
TEST(shard_store_memory, a_committed_write_without_room_erases_the_old_value) {
  store_fixture s(80 + 112, eviction_policy::none);
  ASSERT_TRUE(s.store.apply_committed(0, numbered(1), std::string(64, 'v'), 1, 0s, s.now));
  EXPECT_FALSE(s.store.apply_committed(0, numbered(1), std::string(640, 'w'), 2, 0s, s.now));
  EXPECT_EQ(s.get(numbered(1)).code, errc::not_found);
}

}  // namespace
}  // namespace troupe
