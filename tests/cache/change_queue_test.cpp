#include "actors/cache/change_queue.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

cache_change numbered(std::uint64_t version) {
  cache_change c;
  c.key = "k";
  c.version = version;
  return c;
}

// A reader that had taken everything was not told apart from one that had been woken and did not come yet.
TEST(change_queue, a_reader_that_waits_is_woken_by_what_comes_after_it_took_everything) {
  change_queue q(change_options{}, [] {});
  const auto began = std::chrono::steady_clock::now();
  std::thread reader([&] {
    for (std::uint64_t v = 1; v <= 200; ++v) {
      const auto c = q.next(20s);
      ASSERT_TRUE(c);
      EXPECT_EQ(c->version, v);
    }
  });
  for (std::uint64_t v = 1; v <= 200; ++v) {
    if (q.push(numbered(v))) q.wake();
  }
  reader.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

TEST(change_queue, wakes_once_until_its_reader_found_nothing) {
  int woken = 0;
  change_options o;
  o.wake = [&] { ++woken; };
  change_queue q(o, [] {});
  EXPECT_TRUE(q.push(numbered(1)));
  EXPECT_FALSE(q.push(numbered(2)));
  EXPECT_EQ(q.try_next()->version, 1u);
  EXPECT_EQ(q.try_next()->version, 2u);
  EXPECT_FALSE(q.push(numbered(3))) << "it has not seen the end yet";
  EXPECT_EQ(q.try_next()->version, 3u);
  EXPECT_FALSE(q.try_next());
  EXPECT_TRUE(q.push(numbered(4)));
  q.wake();
  EXPECT_EQ(woken, 1);
}

TEST(change_queue, ends_with_the_node_after_what_waits_and_says_so_once_it_is_closed) {
  int left = 0;
  change_queue q(change_options{}, [&] { ++left; });
  (void)q.push(numbered(1));
  q.end();
  EXPECT_FALSE(q.push(numbered(2)));
  EXPECT_EQ(q.next(1s)->version, 1u);
  EXPECT_EQ(q.next(1s).error().code, errc::unavailable);
  q.close();
  q.close();
  EXPECT_EQ(left, 1);
}

}  // namespace
}  // namespace troupe
