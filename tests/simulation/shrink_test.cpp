#include "runtime/simulation/shrink.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

fault_plan pauses(std::size_t count) {
  fault_plan plan;
  for (std::size_t i = 0; i < count; ++i)
    plan.push_back({planned_fault::kind::pause, std::chrono::seconds(i), 4s, {0}, 0, {}});
  return plan;
}

bool has(const fault_plan& plan, duration at) {
  return std::any_of(plan.begin(), plan.end(), [at](const planned_fault& f) { return f.at == at; });
}

TEST(shrink, leaves_the_faults_that_matter) {
  const auto short_one = shrink(
      pauses(20), [](const fault_plan& p) { return has(p, 3s) && has(p, 17s); }, 1000);
  ASSERT_EQ(short_one.plan.size(), 2u);
  EXPECT_TRUE(has(short_one.plan, 3s) && has(short_one.plan, 17s));
  EXPECT_LT(short_one.trials, 100u);
}

TEST(shrink, finds_that_no_fault_is_needed) {
  const auto short_one = shrink(
      pauses(20), [](const fault_plan&) { return true; }, 1000);
  EXPECT_TRUE(short_one.plan.empty());
  EXPECT_EQ(short_one.trials, 1u);
}

TEST(shrink, makes_what_is_left_as_short_as_it_may_be) {
  const auto enough = [](const fault_plan& p) { return p.size() == 1 && p.front().lasts >= 300ms; };
  const auto short_one = shrink(pauses(1), enough, 1000);
  EXPECT_LE(short_one.plan.front().lasts, 600ms);
  EXPECT_GE(short_one.plan.front().lasts, 300ms);
}

TEST(shrink, ends_at_its_trials_with_a_plan_that_fails) {
  std::size_t trials = 0;
  const auto fails = [&](const fault_plan& p) {
    ++trials;
    return has(p, 3s) && has(p, 17s);
  };
  const auto short_one = shrink(pauses(20), fails, 5);
  EXPECT_EQ(trials, 5u);
  EXPECT_TRUE(has(short_one.plan, 3s) && has(short_one.plan, 17s));
}

}  // namespace
}  // namespace troupe
