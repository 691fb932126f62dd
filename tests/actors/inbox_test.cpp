#include "actors/inbox.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(inbox, asks_for_one_wake_a_batch_and_keeps_the_order) {
  inbox<int> in(10);
  EXPECT_EQ(in.push(1), inbox<int>::push_result::queued_first);
  EXPECT_EQ(in.push(2), inbox<int>::push_result::queued);
  EXPECT_EQ(in.take(), (std::vector{1, 2}));
  EXPECT_EQ(in.push(3), inbox<int>::push_result::queued_first);
}

TEST(inbox, refuses_what_is_beyond_its_bound) {
  inbox<int> in(2);
  (void)in.push(1);
  (void)in.push(2);
  EXPECT_EQ(in.push(3), inbox<int>::push_result::full);
  EXPECT_EQ(in.take().size(), 2u);
}

TEST(inbox, loses_nothing_between_two_threads) {
  inbox<int> in(100'000);
  std::thread producer([&] {
    for (int i = 0; i < 10'000; ++i) (void)in.push(i);
  });
  std::vector<int> seen;
  while (seen.size() < 10'000) {
    for (const int i : in.take()) seen.push_back(i);
  }
  producer.join();
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(seen[static_cast<std::size_t>(i)], i);
}

}  // namespace
}  // namespace troupe
