// Work beside a shard's store: when it may be done, and that a move waits for it.
#include "actors/cache/shard_tenures.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "actors/cache/host_contents.hpp"
#include "tests/cache/host_fixture.hpp"

namespace troupe {
namespace {

TEST(shard_tenures, have_a_number_for_each_time_and_let_nobody_in_after_their_end) {
  shard_tenures t(2);
  EXPECT_EQ(t.now(0), 0U);
  EXPECT_FALSE(t.enter(0, 0)) << "no tenure is none";
  t.begin(0);
  const auto first = t.now(0);
  EXPECT_TRUE(t.enter(0, first));
  EXPECT_TRUE(t.busy(0));
  EXPECT_FALSE(t.busy(1));
  t.end(0);
  EXPECT_TRUE(t.busy(0)) << "what had begun";
  EXPECT_FALSE(t.enter(0, first));
  t.leave(0);
  EXPECT_FALSE(t.busy(0));
  t.begin(0);
  EXPECT_NE(t.now(0), first);
  EXPECT_FALSE(t.enter(0, first));
  EXPECT_FALSE(t.busy(0));
}

TEST(shard_tenures, who_ends_one_and_sees_nobody_busy_is_sure) {
  shard_tenures t(1);
  std::atomic<std::uint64_t> over{0};
  std::atomic<bool> stop{false}, wrong{false};
  std::thread worker([&] {
    while (!stop) {
      const auto tenure = t.now(0);
      if (!t.enter(0, tenure)) continue;
      if (tenure <= over) wrong = true;
      t.leave(0);
    }
  });
  for (int i = 0; i < 20'000; ++i) {
    t.begin(0);
    const auto tenure = t.now(0);
    t.end(0);
    while (t.busy(0)) {
    }
    over = tenure;
  }
  stop = true;
  worker.join();
  EXPECT_FALSE(wrong);
}

TEST(shard_tenures, follow_the_table_and_releases) {
  host_fixture f(4);
  int told = 0;
  f.host.on_tenures([&] { ++told; });
  auto& t = f.host.tenures();
  (void)f.own_everything();
  EXPECT_EQ(told, 1);
  const auto first = t.now(2);
  EXPECT_NE(first, 0U);
  f.table.rows[2].replicas = {f.other};
  f.table.rows[2].epoch = f.table.stamp.epoch + 1;
  (void)f.adopt();
  EXPECT_EQ(t.now(2), first) << "a copy elsewhere changes nothing here";
  const auto epoch = f.table.rows[2].epoch;
  ASSERT_TRUE(f.host.release(2, epoch));
  EXPECT_EQ(t.now(2), 0U);
  EXPECT_EQ(told, 3);
  f.host.reopen(2, epoch);
  EXPECT_NE(t.now(2), 0U);
  EXPECT_NE(t.now(2), first);
  f.table.rows[2] = {f.other, {}, {}, f.table.stamp.epoch + 1, 1};
  (void)f.adopt();
  EXPECT_EQ(t.now(2), 0U);
  const auto third = t.now(3);
  f.table.rows[3] = {f.me, {}, {}, f.table.stamp.epoch + 1, f.table.stamp.epoch + 1};
  (void)f.adopt();
  EXPECT_NE(t.now(3), third) << "made anew";
}

TEST(shard_tenures, a_hand_over_asks_for_work_to_end_and_waits_for_it) {
  host_fixture f(4);
  (void)f.own_everything();
  cache_catalogue caches({}, 0);
  host_contents contents(f.host, caches);
  struct work final : shard_work {
    bool calm(std::uint32_t shard) override { return asked = shard, is_calm; }
    void stir(std::uint32_t shard) override { stirred = shard; }
    std::uint32_t asked = 99, stirred = 99;
    bool is_calm = false;
  } w;
  EXPECT_TRUE(contents.calm(1, 1)) << "nobody works";
  contents.set_work(&w);
  EXPECT_FALSE(contents.calm(1, 1));
  EXPECT_EQ(w.asked, 1U);
  contents.stir(1, 1);
  EXPECT_EQ(w.stirred, 1U);
  const auto tenure = f.host.tenures().now(1);
  ASSERT_TRUE(f.host.tenures().enter(1, tenure));
  ASSERT_TRUE(contents.release(1, f.table.rows[1].epoch));
  EXPECT_FALSE(contents.drained(1));
  f.host.tenures().leave(1);
  EXPECT_TRUE(contents.drained(1));
}

}  // namespace
}  // namespace troupe
