#include "runtime/membership/broadcast_queue.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace troupe::membership {
namespace {

std::vector<std::string> take(broadcast_queue& q, std::size_t count, std::uint32_t limit = 100) {
  std::vector<std::string> taken;
  q.offer(limit, [&](const std::string& encoded) {
    if (taken.size() == count) return false;
    taken.push_back(encoded);
    return true;
  });
  return taken;
}

TEST(broadcast_queue, offers_the_least_sent_and_of_those_the_newest_first) {
  broadcast_queue q;
  q.push("a", "a1");
  q.push("b", "b1");
  q.push("c", "c1");
  EXPECT_EQ(take(q, 2), (std::vector<std::string>{"c1", "b1"}));
  EXPECT_EQ(take(q, 2), (std::vector<std::string>{"a1", "c1"}));
  q.push("d", "d1");
  EXPECT_EQ(take(q, 1), (std::vector<std::string>{"d1"}));
}

TEST(broadcast_queue, drops_what_was_sent_often_enough) {
  broadcast_queue q;
  q.push("a", "a1");
  EXPECT_EQ(take(q, 5, 2).size(), 1U);
  EXPECT_EQ(take(q, 5, 2).size(), 1U);
  EXPECT_TRUE(q.empty());
}

TEST(broadcast_queue, newer_news_of_a_member_replaces_all_of_the_old) {
  broadcast_queue q;
  q.push("a", "suspect by x");
  q.add("a", "y", "suspect by y");
  q.push("ab", "another member");
  EXPECT_EQ(q.size(), 3U);
  q.push("a", "alive");
  EXPECT_EQ(take(q, 5), (std::vector<std::string>{"alive", "another member"}));
  q.erase("a");
  EXPECT_EQ(take(q, 5), (std::vector<std::string>{"another member"}));
}

TEST(broadcast_queue, one_who_confirms_twice_waits_once) {
  broadcast_queue q;
  q.add("a", "y", "first");
  q.add("a", "y", "second");
  EXPECT_EQ(q.size(), 1U);
}

}  // namespace
}  // namespace troupe::membership
