#include <random>
#include <set>

#include <gtest/gtest.h>

#include "runtime/base/replay_window.hpp"

namespace troupe {
namespace {

TEST(replay_window, takes_each_number_once) {
  replay_window w;
  EXPECT_TRUE(w.take(1, 10));
  EXPECT_FALSE(w.take(1, 10));
  EXPECT_TRUE(w.take(1, 9)) << "late, but not seen";
  EXPECT_FALSE(w.take(1, 9));
  EXPECT_TRUE(w.take(2, 10)) << "of another sender";
}

TEST(replay_window, takes_what_is_older_than_the_window_for_seen) {
  replay_window w;
  EXPECT_TRUE(w.take(1, 5000));
  EXPECT_TRUE(w.take(1, 5000 - replay_window::width + 1));
  EXPECT_FALSE(w.take(1, 5000 - replay_window::width));
  EXPECT_FALSE(w.take(1, 0));
  EXPECT_TRUE(w.take(1, UINT32_MAX)) << "a jump over everything";
  EXPECT_TRUE(w.take(1, UINT32_MAX - 1));
  EXPECT_FALSE(w.take(1, 5000));
}

TEST(replay_window, agrees_with_a_set_of_all_numbers) {
  std::mt19937 rng(7);
  for (int round = 0; round < 20; ++round) {
    replay_window w;
    std::set<std::uint32_t> seen;
    std::uint32_t base = rng() % 3000;
    for (int i = 0; i < 3000; ++i) {
      base += rng() % 3 == 0 ? rng() % 400 : 0;
      const std::uint32_t number = base + rng() % 1500;
      const bool old = !seen.empty() && number < *seen.rbegin() && *seen.rbegin() - number >= replay_window::width;
      const bool fresh = !old && !seen.contains(number);
      ASSERT_EQ(w.take(3, number), fresh) << number;
      if (fresh) seen.insert(number);
    }
  }
}

TEST(replay_window, forgets_the_sender_that_was_silent_for_the_longest) {
  replay_window w(3);
  for (std::uint64_t sender : {1, 2, 3}) EXPECT_TRUE(w.take(sender, 1));
  EXPECT_FALSE(w.take(1, 1));  // heard again
  EXPECT_TRUE(w.take(4, 1));
  EXPECT_EQ(w.senders(), 3u);
  EXPECT_FALSE(w.take(1, 1));
  EXPECT_FALSE(w.take(3, 1));
  EXPECT_TRUE(w.take(2, 1)) << "forgotten, so that it seems fresh";
}

}  // namespace
}  // namespace troupe
