// What waits for one subscriber: bounds, the three rules, and gaps at their places.
#include "runtime/topics/subscriber_queue.hpp"

#include <string>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using queue = subscriber_queue<int>;

/// Everything that can be taken now: numbers, and gaps as "[2]" or "[2+]".
std::string drain(queue& q, bool handle = true) {
  std::string all;
  while (const auto n = q.take()) {
    if (n->gap) all += "[" + std::to_string(n->gap->missed) + (n->gap->exact ? "]" : "+]");
    if (!n->item) continue;
    all += std::to_string(*n->item);
    if (handle) q.on_handled(1);
  }
  return all;
}

TEST(subscriber_queue, gives_in_order_and_no_more_than_the_window_at_a_time) {
  queue q({.items_max = 10, .window = 2});
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(q.offer(i, 1), queue::answer::taken);
  EXPECT_EQ(drain(q, false), "12");
  EXPECT_EQ(q.size(), 5u);
  q.on_handled(1);
  EXPECT_EQ(drain(q, false), "3");
  q.on_handled(1);
  q.on_handled(1);
  EXPECT_EQ(drain(q), "45");
}

TEST(subscriber_queue, drops_the_oldest_and_tells_where) {
  queue q({.items_max = 3, .window = 1, .rule = queue_rule::drop_oldest});
  for (int i = 1; i <= 3; ++i) (void)q.offer(i, 1);
  ASSERT_EQ(drain(q, false), "1");
  for (int i = 4; i <= 6; ++i) EXPECT_EQ(q.offer(i, 1), queue::answer::dropped);
  q.on_handled(1);
  EXPECT_EQ(drain(q), "[3]56");
}

TEST(subscriber_queue, drops_the_newest_and_tells_where) {
  queue q({.items_max = 3, .window = 1, .rule = queue_rule::drop_newest});
  for (int i = 1; i <= 5; ++i) (void)q.offer(i, 1);
  EXPECT_EQ(drain(q, false), "1");
  q.on_handled(1);
  EXPECT_EQ(q.offer(6, 1), queue::answer::taken);
  EXPECT_EQ(drain(q), "23[2]6");
}

TEST(subscriber_queue, ends_when_that_is_the_rule) {
  queue q({.items_max = 2, .rule = queue_rule::end});
  EXPECT_EQ(q.offer(1, 1), queue::answer::taken);
  EXPECT_EQ(q.offer(2, 1), queue::answer::taken);
  EXPECT_EQ(q.offer(3, 1), queue::answer::ended);
}

TEST(subscriber_queue, has_a_bound_in_bytes_that_one_item_may_exceed) {
  queue q({.items_max = 100, .bytes_max = 10, .window = 1});
  EXPECT_EQ(q.offer(1, 50), queue::answer::taken);
  EXPECT_EQ(q.offer(2, 1), queue::answer::dropped) << "the first";
  EXPECT_EQ(q.bytes(), 1u);
  EXPECT_EQ(drain(q), "[1]2");
}

TEST(subscriber_queue, that_is_full_of_what_the_subscriber_has_drops_the_new_one) {
  queue q({.items_max = 2, .window = 2});
  (void)q.offer(1, 1);
  (void)q.offer(2, 1);
  ASSERT_EQ(drain(q, false), "12");
  EXPECT_EQ(q.offer(3, 1), queue::answer::dropped);
  q.on_handled(1);
  q.on_handled(1);
  EXPECT_EQ(drain(q), "[1]");
}

TEST(subscriber_queue, tells_gaps_from_elsewhere_in_their_place_and_as_one) {
  queue q({.items_max = 10});
  (void)q.offer(1, 1);
  q.miss({2, true});
  q.miss({0, false});
  (void)q.offer(2, 1);
  q.miss({1, true});
  EXPECT_EQ(drain(q), "1[2+]2[1]");
  EXPECT_FALSE(q.take());
}

}  // namespace
}  // namespace troupe
