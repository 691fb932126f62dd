#include "runtime/durability/restoration.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t created = 5;

struct restoration_fixture : ::testing::Test {
  /// `new_pid` found what `old_pid` had held.
  void shows(std::uint64_t new_pid, std::uint64_t old_pid, std::uint64_t sequence, bool whole = true) {
    (void)machine.on_holdings(new_pid, {{}, {{0, created, old_pid, 1, sequence, whole}}});
  }
  restoration::verdict judge() {
    return machine.judge(
        0, row, [this](std::uint64_t pid) { return pid != dead; }, now);
  }

  restoration machine{30s};
  shard_row row{1, {2, 3}, {2}, 8, created, 0};  // 3 was no copy in sync
  time_point now{1h};
  std::uint64_t dead = 0;
};

TEST_F(restoration_fixture, waits_for_all_of_the_last_in_sync_set_and_takes_who_goes_furthest) {
  EXPECT_TRUE(judge().waits);
  shows(11, 1, 40);
  EXPECT_TRUE(judge().waits);
  EXPECT_EQ(judge().until, now + 30s);
  shows(12, 2, 41);
  EXPECT_FALSE(judge().waits);
  EXPECT_EQ(judge().primary, 12U);
}

TEST_F(restoration_fixture, never_takes_a_copy_that_was_not_in_sync_however_far_it_goes) {
  shows(13, 3, 1000);
  now += 31s;
  EXPECT_EQ(judge().primary, 0U);
  EXPECT_TRUE(judge().waits) << "the wait begins when the shard is found lost";
  now += 30s;
  EXPECT_FALSE(judge().waits);
  EXPECT_EQ(judge().primary, 0U) << "it begins empty";
}

TEST_F(restoration_fixture, takes_who_is_there_when_the_wait_is_over) {
  shows(11, 1, 40);
  EXPECT_TRUE(judge().waits);
  now += 30s;
  EXPECT_EQ(judge().primary, 11U);
}

TEST_F(restoration_fixture, a_copy_that_was_being_made_holds_nothing_and_is_not_waited_for) {
  shows(11, 1, 40);
  shows(12, 2, 90, false);
  EXPECT_EQ(judge().primary, 11U);
}

TEST_F(restoration_fixture, who_ended_again_is_neither_taken_nor_counted) {
  shows(11, 1, 41);
  shows(12, 2, 40);
  dead = 11;
  EXPECT_TRUE(judge().waits);
  now += 30s;
  EXPECT_EQ(judge().primary, 12U);
}

TEST_F(restoration_fixture, data_of_an_earlier_creation_counts_for_nothing) {
  (void)machine.on_holdings(11, {{}, {{0, created - 1, 1, 1, 99, true}}});
  shows(12, 2, 3);
  EXPECT_EQ(judge().primary, 12U);
}

}  // namespace
}  // namespace troupe
