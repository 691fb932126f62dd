#include "runtime/base/backoff.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

TEST(backoff, doubles_up_to_its_bound_and_starts_again_after_a_success) {
  random rng(1);
  backoff wait(100ms, 1s);
  duration bound = 100ms;
  for (int i = 0; i < 200; ++i) {
    const duration d = wait.next(rng);
    EXPECT_GE(d, bound / 2);
    EXPECT_LE(d, bound);
    bound = std::min<duration>(bound * 2, 1s);
  }
  wait.reset();
  EXPECT_LE(wait.next(rng), 100ms);
}

}  // namespace
}  // namespace troupe
