#include "runtime/base/random.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(random, the_same_seed_gives_the_same_run) {
  random a(7), b(7), c(8);
  EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(a.next(), c.next());
}

TEST(random, below_is_uniform_enough_and_never_reaches_the_bound) {
  random rng(1);
  std::array<int, 10> seen{};
  for (int i = 0; i < 100'000; ++i) ++seen.at(rng.below(10));
  for (const int count : seen) EXPECT_NEAR(count, 10'000, 500);
}

TEST(random, shuffle_keeps_all_elements) {
  random rng(3);
  std::vector<int> items{1, 2, 3, 4, 5};
  rng.shuffle(items);
  std::sort(items.begin(), items.end());
  EXPECT_EQ(items, (std::vector{1, 2, 3, 4, 5}));
}

TEST(random, between_an_empty_range_is_its_start) {
  random rng(3);
  EXPECT_EQ(rng.between(duration(5), duration(5)), duration(5));
}

}  // namespace
}  // namespace troupe
