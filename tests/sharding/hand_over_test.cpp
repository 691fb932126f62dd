// Two machines that hand shards over, message by message: what the simulator's faults may not hit for long.
#include "runtime/sharding/hand_over.hpp"

#include <deque>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/simulated_stores.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t giver_pid = 1;
constexpr std::uint64_t taker_pid = 2;
constexpr std::uint64_t leader_pid = 3;

struct side {
  explicit side(std::uint64_t p, hand_over_limits limits) : pid(p), machine(stores, limits) {}

  void adopt(const shard_table& t, time_point now) {
    for (std::uint32_t s = 0; s < t.rows.size(); ++s) (void)stores.at(s).take_role(t.rows[s], pid);
    table = t;
    machine.on_table(table, pid, now, out);
  }
  cache_reply put(std::uint32_t shard, std::string_view key, std::string_view value, time_point now) {
    cache_command c;
    c.op = cache_op::put;
    c.key = key;
    c.value = value;
    return stores.at(shard).apply(c, now);
  }

  std::uint64_t pid;
  sim::simulated_stores stores{4};
  hand_over_output out;
  shard_table table;
  hand_over machine;
};

struct pair_fixture : ::testing::Test {
  pair_fixture() {
    limits.rate_max = 0;
    limits.slow_rate = UINT64_MAX;  // times are exact
  }

  void make(const std::string& value = "v", int keys = 50) {
    giver.emplace(giver_pid, limits);
    taker.emplace(taker_pid, limits);
    table.stamp = {1, 1};
    table.rows.assign(4, shard_row{giver_pid, {}, {}, 1, 1});
    adopt_both();
    for (int i = 0; i < keys; ++i) (void)giver->put(0, "key" + std::to_string(i), value, now);
    giver->machine.on_leader(leader_pid, now, giver->out);
  }
  void plan_move(std::uint32_t shard) {
    ++table.stamp.epoch;
    table.rows[shard].replicas = {taker_pid};
    table.rows[shard].heir = taker_pid;
    table.rows[shard].epoch = table.stamp.epoch;
  }
  void adopt_both() {
    giver->adopt(table, now);
    taker->adopt(table, now);
  }
  /// Carries `most` messages to and fro; those for the leader are kept.
  void carry(int most = 1000) {
    for (int i = 0; i < most; ++i) {
      if (!giver->out.messages.empty()) {
        const auto m = std::move(giver->out.messages.front());
        giver->out.messages.erase(giver->out.messages.begin());
        if (m.to == leader_pid)
          told.push_back(read_copy::from(m.bytes)->head);
        else
          taker->machine.on_message(giver_pid, m.bytes, taker_serves, now, taker->out);
      } else if (!taker->out.messages.empty()) {
        const auto m = std::move(taker->out.messages.front());
        taker->out.messages.erase(taker->out.messages.begin());
        giver->machine.on_message(taker_pid, m.bytes, true, now, giver->out);
      } else {
        return;
      }
    }
  }
  void tick(duration d) {
    now += d;
    giver->machine.on_tick(now, giver->out);
  }
  /// As the leader commits it.
  void commit_move(std::uint32_t shard) {
    ++table.stamp.epoch;
    table.rows[shard] = {taker_pid, {}, {}, table.stamp.epoch, table.rows[shard].created};
    adopt_both();
  }
  bool released(std::uint32_t shard) const { return giver->stores.at(shard).role() == held_shard::part::released; }

  hand_over_limits limits;
  std::optional<side> giver;
  std::optional<side> taker;
  shard_table table;
  std::deque<copy_message> told;
  bool taker_serves = true;
  time_point now{std::chrono::hours(1)};
};

TEST_F(pair_fixture, moves_a_shard_with_all_that_was_written_meanwhile) {
  limits.page_bytes = 256;
  make();
  plan_move(0);
  adopt_both();
  for (int i = 0; i < 20; ++i) {
    carry(1);
    (void)giver->put(0, "key" + std::to_string(i), "changed", now);
  }
  carry();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().kind, copy_kind::released);
  EXPECT_EQ(told.front().to, taker_pid);
  EXPECT_TRUE(released(0));
  const auto version = giver->stores.at(0).store().version();
  commit_move(0);
  EXPECT_EQ(giver->stores.at(0).store().keys(), 0U);
  EXPECT_EQ(taker->stores.at(0).store().keys(), 50U);
  EXPECT_GE(taker->stores.at(0).store().version(), version);
  EXPECT_EQ(giver->machine.counts().shards_given, 1U);
  EXPECT_EQ(giver->machine.shards_to_give(), 0U);
}

TEST_F(pair_fixture, tells_the_leader_until_the_row_changes_and_a_new_leader_at_once) {
  make();
  plan_move(0);
  adopt_both();
  carry();
  ASSERT_EQ(told.size(), 1U);
  tick(limits.tell_again);
  carry();
  EXPECT_EQ(told.size(), 2U);
  giver->machine.on_leader(giver_pid, now, giver->out);
  ASSERT_EQ(giver->out.words.size(), 1U) << "it leads itself now";
  EXPECT_EQ(giver->out.words.front().from, giver_pid);
  commit_move(0);
  tick(limits.tell_again);
  carry();
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(pair_fixture, repeats_a_page_that_nobody_answers) {
  make();
  plan_move(0);
  adopt_both();
  giver->out.messages.clear();  // lost on the way
  tick(limits.silence - 1ms);
  EXPECT_TRUE(giver->out.messages.empty());
  tick(1ms);
  carry();
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(pair_fixture, a_large_page_has_more_time) {
  limits.slow_rate = mib;
  make(std::string(3 << 20, 'x'), 1);
  plan_move(0);
  adopt_both();
  giver->out.messages.clear();
  tick(limits.silence + 2s);
  EXPECT_TRUE(giver->out.messages.empty());
  tick(2s);
  EXPECT_EQ(giver->out.messages.size(), 1U);
}

TEST_F(pair_fixture, a_page_that_comes_twice_is_taken_once_and_answered_again) {
  make();
  plan_move(0);
  adopt_both();
  const auto page = giver->out.messages.front().bytes;
  taker->machine.on_message(giver_pid, page, true, now, taker->out);
  taker->machine.on_message(giver_pid, page, true, now, taker->out);
  ASSERT_EQ(taker->out.messages.size(), 2U);
  for (const auto& m : taker->out.messages) EXPECT_EQ(read_copy::from(m.bytes)->head.outcome, page_outcome::taken);
  giver->out.messages.clear();
  carry();
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(pair_fixture, waits_for_a_taker_whose_table_is_older_or_that_has_no_lease) {
  make();
  plan_move(0);
  giver->adopt(table, now);
  carry();
  EXPECT_TRUE(told.empty());
  taker->adopt(table, now);
  taker_serves = false;
  tick(limits.again);
  carry();
  EXPECT_TRUE(told.empty());
  taker_serves = true;
  tick(limits.again);
  carry();
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(pair_fixture, serves_again_when_the_taker_falls_silent_after_the_release) {
  make();
  plan_move(0);
  adopt_both();
  while (!released(0)) carry(1);
  giver->out.messages.clear();
  taker->out.messages.clear();
  tick(limits.patience - 1ms);
  EXPECT_TRUE(released(0));
  tick(1ms);
  EXPECT_FALSE(released(0));
  EXPECT_TRUE(giver->stores.at(0).is_primary());
  (void)giver->put(0, "key1", "after", now);
  tick(limits.silence);
  carry();
  ASSERT_EQ(told.size(), 1U) << "another attempt";
  commit_move(0);
  cache_command get;
  get.key = "key1";
  EXPECT_EQ(taker->stores.at(0).apply(get, now).value, "after");
}

TEST_F(pair_fixture, has_work_beside_the_store_end_before_the_release) {
  for (const bool in_sync : {false, true}) {
    told.clear();
    make();
    bool calm = false;
    int asked = 0, stirred = 0;
    giver->stores.work.calm = [&](std::uint32_t) { return ++asked, calm; };
    giver->stores.work.stir = [&](std::uint32_t) { ++stirred; };
    plan_move(0);
    if (in_sync) table.rows[0].in_sync = {taker_pid};
    adopt_both();
    for (int i = 0; i < 100; ++i) {
      carry();
      now += 10ms;
      giver->machine.on_tick(now, giver->out);
    }
    EXPECT_TRUE(giver->stores.at(0).is_primary()) << "it serves on as long as there is work";
    EXPECT_GT(asked, 10);
    EXPECT_TRUE(told.empty());
    calm = true;
    now += 10ms;
    giver->machine.on_tick(now, giver->out);
    carry();
    EXPECT_FALSE(giver->stores.at(0).is_primary());
    EXPECT_FALSE(told.empty());
    EXPECT_EQ(stirred, 0);
  }
}

TEST_F(pair_fixture, cuts_work_beside_the_store_that_does_not_end) {
  make();
  giver->stores.work.calm = [](std::uint32_t) { return false; };
  plan_move(0);
  adopt_both();
  carry();
  now += limits.calm_max - 1ms;
  giver->machine.on_tick(now, giver->out);
  carry();
  EXPECT_TRUE(giver->stores.at(0).is_primary());
  now += 3ms;
  giver->machine.on_tick(now, giver->out);
  carry();
  EXPECT_FALSE(giver->stores.at(0).is_primary());
  EXPECT_FALSE(told.empty());
}

TEST_F(pair_fixture, lets_work_go_on_when_the_shard_stays) {
  make();
  int stirred = 0;
  giver->stores.work.calm = [](std::uint32_t) { return false; };
  giver->stores.work.stir = [&](std::uint32_t) { ++stirred; };
  plan_move(0);
  adopt_both();
  carry();
  table.rows[0] = shard_row{giver_pid, {}, {}, ++table.stamp.epoch, 1};
  adopt_both();
  EXPECT_EQ(stirred, 1);
}

TEST_F(pair_fixture, an_answer_to_an_attempt_that_was_given_up_means_nothing) {
  make();
  plan_move(0);
  adopt_both();
  while (!released(0)) carry(1);
  giver->out.messages.clear();
  const auto late = taker->out.messages;
  tick(limits.patience);
  ASSERT_FALSE(released(0));
  for (const auto& m : late) giver->machine.on_message(taker_pid, m.bytes, true, now, giver->out);
  EXPECT_FALSE(released(0));
  EXPECT_TRUE(told.empty());
}

TEST_F(pair_fixture, a_taker_without_room_is_asked_again_later) {
  make(std::string(60'000, 'x'), 1000);  // nearly all that its memory holds
  ++table.stamp.epoch;
  table.rows[1] = {taker_pid, {}, {}, table.stamp.epoch, table.stamp.epoch};
  plan_move(0);
  adopt_both();
  for (int i = 0; i < 400; ++i) (void)taker->put(1, "own" + std::to_string(i), std::string(60'000, 'y'), now);
  carry();
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(giver->machine.counts().refused_for_room, 1U);
  EXPECT_TRUE(giver->stores.at(0).is_primary());
  EXPECT_GE(giver->machine.next_tick(), now + limits.full_pause);
}

TEST_F(pair_fixture, a_plan_that_changes_ends_the_copy_and_the_release) {
  make();
  plan_move(0);
  adopt_both();
  carry();
  ASSERT_TRUE(released(0));
  ++table.stamp.epoch;
  table.rows[0] = {giver_pid, {}, {}, table.stamp.epoch, 1};
  adopt_both();
  EXPECT_TRUE(giver->stores.at(0).is_primary());
  EXPECT_EQ(taker->stores.at(0).store().keys(), 0U);
  EXPECT_EQ(giver->machine.shards_to_give(), 0U);
}

TEST_F(pair_fixture, gives_only_so_many_shards_at_once) {
  limits.at_once = 2;
  make();
  for (std::uint32_t s = 0; s < 4; ++s) plan_move(s);
  adopt_both();
  EXPECT_EQ(giver->out.messages.size(), 2U);
  carry();
  EXPECT_EQ(told.size(), 4U);
}

TEST_F(pair_fixture, sends_no_more_bytes_a_second_than_it_may) {
  limits.rate_max = 64 * kib;
  limits.page_bytes = 4 * kib;
  make(std::string(1000, 'x'), 300);
  plan_move(0);
  adopt_both();
  const auto began = now;
  while (told.empty() && now - began < 60s) {
    carry();
    const auto next = giver->machine.next_tick();
    tick(std::max<duration>(next - now, 1ms));
  }
  const auto seconds = std::chrono::duration<double>(now - began).count();
  EXPECT_GT(seconds, 300'000.0 / (64 * kib) * 0.9);
  EXPECT_LT(seconds, 300'000.0 / (64 * kib) * 1.5);
}

TEST_F(pair_fixture, a_shard_that_is_written_faster_than_it_is_sent_is_released_all_the_same) {
  limits.page_bytes = 1000;
  limits.rest_bytes = 0;
  make();
  plan_move(0);
  adopt_both();
  for (int i = 0; told.empty() && i < 10'000; ++i) {
    if (!released(0)) (void)giver->put(0, "key" + std::to_string(i % 50), std::to_string(i), now);
    carry(1);
  }
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(pair_fixture, what_is_no_message_is_counted_and_dropped) {
  make();
  taker->machine.on_message(giver_pid, "\xff\xff", true, now, taker->out);
  EXPECT_EQ(taker->machine.counts().malformed, 1U);
  EXPECT_TRUE(taker->out.messages.empty());
}

TEST_F(pair_fixture, a_page_of_somebody_who_is_not_the_primary_is_refused) {
  make();
  plan_move(0);
  adopt_both();
  const auto page = giver->out.messages.front().bytes;
  taker->machine.on_message(7, page, true, now, taker->out);
  ASSERT_EQ(taker->out.messages.size(), 1U);
  EXPECT_EQ(read_copy::from(taker->out.messages.front().bytes)->head.outcome, page_outcome::refused);
}

}  // namespace
}  // namespace troupe
