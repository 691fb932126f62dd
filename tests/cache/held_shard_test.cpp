#include "runtime/cache/held_shard.hpp"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using part = held_shard::part;

constexpr std::uint64_t me = 5;
constexpr std::uint64_t other = 9;
constexpr std::uint64_t no_limit = UINT64_MAX;

shard_row owned_by(std::uint64_t pid, std::uint64_t epoch, std::vector<std::uint64_t> replicas = {}) {
  return {pid, std::move(replicas), {}, epoch, 1};
}

struct held_fixture : ::testing::Test {
  cache_reply put(std::string_view key, std::string_view value) {
    cache_command c;
    c.op = cache_op::put;
    c.key = key;
    c.value = value;
    return shard.apply(c, now);
  }
  cache_reply run(cache_op op, std::string_view key) {
    cache_command c;
    c.op = op;
    c.key = key;
    return shard.apply(c, now);
  }
  /// What the noted keys are now; "-" for those that have no value.
  std::map<std::string, std::string> changes() {
    std::map<std::string, std::string> found;
    EXPECT_TRUE(shard.read_changes(
        no_limit, now, [&](const shard_store::entry_view& e) { found[std::string(e.key)] = e.value; },
        [&](cache_id, std::string_view key, std::uint64_t) { found[std::string(key)] = "-"; },
        [](cache_id, std::uint64_t) {}));
    return found;
  }

  memory_ledger ledger{1 << 20};
  held_shard shard{store_settings{&ledger, 1, eviction_policy::none}};
  time_point now{std::chrono::hours(1)};
};

TEST_F(held_fixture, shows_every_entry_page_by_page) {
  (void)shard.take_role(owned_by(me, 1), me);
  for (int i = 0; i < 500; ++i) (void)put("key" + std::to_string(i), std::string(100, 'v'));
  std::map<std::string, int> seen;
  std::uint64_t cursor = 0;
  int pages = 0;
  do {
    std::uint64_t bytes = 0;
    cursor = shard.read(cursor, 4096, now, [&](const shard_store::entry_view& e) {
      ++seen[std::string(e.key)];
      bytes += e.value.size();
    });
    EXPECT_LE(bytes, 8192U);
    ++pages;
  } while (cursor != 0);
  EXPECT_EQ(seen.size(), 500U);
  for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key;
  EXPECT_GT(pages, 10);
}

TEST_F(held_fixture, notes_what_is_written_while_somebody_watches) {
  (void)shard.take_role(owned_by(me, 1), me);
  (void)put("before", "1");
  (void)put("erased", "1");
  EXPECT_EQ(shard.changed_bytes(), 0U);
  shard.watch();
  (void)put("a", "1");
  (void)put("a", "2");
  (void)run(cache_op::erase, "erased");
  (void)run(cache_op::get, "before");
  (void)run(cache_op::erase, "never was");
  EXPECT_GT(shard.changed_bytes(), 0U);
  EXPECT_EQ(changes(), (std::map<std::string, std::string>{{"a", "2"}, {"erased", "-"}}));
  EXPECT_TRUE(changes().empty());
  shard.unwatch();
  (void)put("b", "1");
  EXPECT_TRUE(changes().empty());
}

TEST_F(held_fixture, a_released_shard_waits_for_a_row_of_another_epoch) {
  (void)shard.take_role(owned_by(me, 1, {other}), me);
  (void)put("k", "v");
  EXPECT_FALSE(shard.release(2)) << "of an epoch that is not there";
  EXPECT_TRUE(shard.release(1));
  EXPECT_FALSE(shard.is_primary());
  const auto same = shard.take_role(owned_by(me, 1, {other}), me);
  EXPECT_EQ(shard.role(), part::released);
  EXPECT_FALSE(same.gained || same.lost);

  (void)shard.take_role(owned_by(me, 2), me);
  EXPECT_TRUE(shard.is_primary()) << "the leader decided that it stays";
  EXPECT_EQ(run(cache_op::get, "k").value, "v");
}

TEST_F(held_fixture, a_released_shard_is_lost_with_the_row_that_says_so) {
  (void)shard.take_role(owned_by(me, 1, {other}), me);
  (void)put("k", "v");
  ASSERT_TRUE(shard.release(1));
  const auto change = shard.take_role(owned_by(other, 2), me);
  EXPECT_TRUE(change.lost);
  EXPECT_EQ(shard.store().keys(), 0U);
}

TEST_F(held_fixture, a_release_is_taken_back_under_its_own_epoch_only) {
  (void)shard.take_role(owned_by(me, 3, {other}), me);
  ASSERT_TRUE(shard.release(3));
  shard.reopen(2);
  EXPECT_EQ(shard.role(), part::released);
  shard.reopen(3);
  EXPECT_TRUE(shard.is_primary());
}

TEST_F(held_fixture, a_copy_begins_empty_and_keeps_the_newest_version_of_each_key) {
  (void)shard.take_role(owned_by(other, 4, {me}), me);
  EXPECT_FALSE(shard.begin_copy(3));
  ASSERT_TRUE(shard.begin_copy(4));
  EXPECT_TRUE(shard.copy({0, "k", "new", 8, 0s}, now));
  EXPECT_TRUE(shard.copy({0, "k", "old", 7, 0s}, now)) << "an older one is no want of room";
  const auto change = shard.take_role(owned_by(me, 5), me);
  EXPECT_TRUE(change.gained);
  EXPECT_FALSE(change.empty);
  EXPECT_EQ(run(cache_op::get, "k").value, "new");
  ASSERT_FALSE(shard.begin_copy(5)) << "a primary takes no copy";
}

TEST_F(held_fixture, a_copy_without_room_says_so) {
  (void)shard.take_role(owned_by(other, 4, {me}), me);
  ASSERT_TRUE(shard.begin_copy(4));
  EXPECT_FALSE(shard.copy({0, "k", std::string(2 << 20, 'x'), 8, 0s}, now));
}

}  // namespace
}  // namespace troupe
