#include "runtime/supervision/supervision.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using children = std::vector<supervision::child>;

/// Children that do what they are asked, and the rules that watch them.
class supervised_group : public ::testing::Test {
 protected:
  void begin(restart_strategy strategy, std::vector<child_restart> kinds = {4, child_restart::transient}) {
    options.strategy = strategy;
    rules.emplace(options, std::move(kinds), 1);
    turn([&](supervision::output& out) { rules->on_start(now, out); });
  }
  void turn(const std::function<void(supervision::output&)>& f) {
    supervision::output out;
    f(out);
    for (const auto c : out.start) {
      EXPECT_TRUE(up.insert(c).second) << "started twice";
      journal += "+" + std::to_string(c);
    }
    for (const auto c : out.end) journal += "?" + std::to_string(c);
    for (const auto c : out.kill) journal += "!" + std::to_string(c);
    if (out.ended) journal += ".";
    asked.insert(asked.end(), out.end.begin(), out.end.end());
    asked.insert(asked.end(), out.kill.begin(), out.kill.end());
    while (obeys && !asked.empty()) {
      const auto c = asked.front();
      asked.erase(asked.begin());
      down(c, false);
    }
  }
  void down(supervision::child c, bool failed) {
    if (up.erase(c) == 0) return;
    journal += "-" + std::to_string(c);
    std::erase(asked, c);
    turn([&](supervision::output& out) { rules->on_down(c, failed, now, out); });
  }
  void run_for(duration d) {
    for (const auto end = now + d; rules->next_tick() <= end;) {
      now = std::max(now, rules->next_tick());
      turn([&](supervision::output& out) { rules->on_tick(now, out); });
    }
    now += d;
  }
  std::string said() { return std::exchange(journal, {}); }

  supervisor_options options;
  std::optional<supervision> rules;
  time_point now{1h};
  std::set<supervision::child> up;
  children asked;
  bool obeys = true;
  std::string journal;
};

TEST_F(supervised_group, one_for_one_starts_only_the_failed_child_again) {
  begin(restart_strategy::one_for_one);
  EXPECT_EQ(said(), "+0+1+2+3");
  down(1, true);
  ASSERT_TRUE(rules->restart_at(1));
  EXPECT_GE(*rules->restart_at(1) - now, options.wait_first / 2);
  EXPECT_LT(*rules->restart_at(1) - now, options.wait_first);
  run_for(options.wait_first);
  EXPECT_EQ(said(), "-1+1");
}

TEST_F(supervised_group, all_for_one_ends_the_others_from_the_last_and_starts_all_in_order) {
  begin(restart_strategy::all_for_one);
  said();
  down(1, true);
  EXPECT_EQ(said(), "-1?3-3?2-2?0-0");
  run_for(options.wait_first);
  EXPECT_EQ(said(), "+0+1+2+3");
}

TEST_F(supervised_group, rest_for_one_restarts_the_failed_child_and_those_behind_it) {
  begin(restart_strategy::rest_for_one);
  said();
  down(2, true);
  run_for(options.wait_first);
  EXPECT_EQ(said(), "-2?3-3+2+3");
}

TEST_F(supervised_group, a_second_failure_before_the_restart_widens_the_group) {
  begin(restart_strategy::rest_for_one);
  said();
  down(2, true);
  down(1, true);
  EXPECT_EQ(said(), "-2?3-3-1");
  run_for(options.wait_first * 4);
  EXPECT_EQ(said(), "+1+2+3");
}

TEST_F(supervised_group, a_child_of_the_group_that_fails_while_it_is_asked_to_end_is_no_further_failure) {
  options.restarts_max = 1;
  begin(restart_strategy::all_for_one);
  obeys = false;
  down(0, true);
  down(3, true);  // was asked
  EXPECT_FALSE(rules->gave_up());
}

TEST_F(supervised_group, who_does_not_end_is_killed_and_the_group_waits_for_it) {
  begin(restart_strategy::all_for_one);
  said();
  obeys = false;
  down(0, true);
  EXPECT_EQ(said(), "-0?3");
  run_for(options.stop_max - 1ms);
  EXPECT_EQ(said(), "");
  run_for(1ms);
  EXPECT_EQ(said(), "!3");
  asked.clear();
  obeys = true;
  down(3, true);
  EXPECT_EQ(said(), "-3?2-2?1-1+0+1+2+3") << "its time had come meanwhile";
}

TEST_F(supervised_group, kinds_decide_who_is_started_again) {
  begin(restart_strategy::one_for_one, {child_restart::permanent, child_restart::transient, child_restart::temporary});
  said();
  down(0, false);
  down(1, false);
  down(2, true);
  run_for(1min);
  EXPECT_EQ(said(), "-0-1-2+0");
}

TEST_F(supervised_group, a_temporary_child_does_not_come_back_with_its_group) {
  begin(restart_strategy::all_for_one, {child_restart::transient, child_restart::temporary, child_restart::transient});
  said();
  down(0, true);
  run_for(1s);
  EXPECT_EQ(said(), "-0?2-2?1-1+0+2");
}

TEST_F(supervised_group, waits_grow_and_begin_anew_for_one_that_was_stable) {
  begin(restart_strategy::one_for_one);
  duration longest{};
  for (int i = 0; i < 6; ++i) {
    down(0, true);
    longest = *rules->restart_at(0) - now;
    run_for(options.wait_most);
  }
  EXPECT_GE(longest, options.wait_first * 16);
  run_for(options.stable_after);
  down(0, true);
  EXPECT_LT(*rules->restart_at(0) - now, options.wait_first);
}

TEST_F(supervised_group, beyond_the_budget_it_ends_all_and_itself) {
  options.restarts_max = 3;
  begin(restart_strategy::one_for_one);
  for (int i = 0; i < 3; ++i) {
    down(0, true);
    run_for(1s);
  }
  said();
  EXPECT_FALSE(rules->gave_up());
  down(0, true);
  EXPECT_TRUE(rules->gave_up());
  EXPECT_EQ(said(), "-0?3-3?2-2?1-1.");
  EXPECT_EQ(rules->next_tick(), time_point::max());
}

TEST_F(supervised_group, old_restarts_leave_the_budget) {
  options.restarts_max = 2;
  begin(restart_strategy::one_for_one);
  for (int i = 0; i < 10; ++i) {
    down(0, true);
    run_for(options.restarts_within / 2);
  }
  EXPECT_FALSE(rules->gave_up());
  EXPECT_EQ(rules->restarts(), 10U);
}

TEST_F(supervised_group, a_stop_ends_from_the_last_and_restarts_nobody) {
  begin(restart_strategy::all_for_one);
  said();
  down(2, true);
  said();
  turn([&](supervision::output& out) { rules->stop(now, out); });
  EXPECT_EQ(said(), ".");
  run_for(1h);
  EXPECT_EQ(said(), "");
}

TEST_F(supervised_group, a_stop_ends_those_that_run_one_after_the_other) {
  begin(restart_strategy::one_for_one);
  down(2, true);
  said();
  turn([&](supervision::output& out) { rules->stop(now, out); });
  EXPECT_EQ(said(), "?3-3?1-1?0-0.");
}

/// Whatever fails whenever: who is to run runs in the end, and none runs twice (turn() sees that).
TEST_F(supervised_group, after_any_failures_all_run_again) {
  options.restarts_max = supervisor_options::no_limit;
  for (const auto strategy :
       {restart_strategy::one_for_one, restart_strategy::all_for_one, restart_strategy::rest_for_one}) {
    up.clear();
    asked.clear();
    begin(strategy);
    random rng(static_cast<std::uint64_t>(strategy) + 1);
    for (int i = 0; i < 2000; ++i) {
      obeys = rng.chance(0.8);
      if (rng.chance(0.5)) down(rng.below(4), true);
      run_for(duration(static_cast<duration::rep>(rng.below(3'000'000'000))));
    }
    obeys = true;
    for (const auto c : std::exchange(asked, {})) down(c, false);
    run_for(1min);
    for (const auto c : std::exchange(asked, {})) down(c, false);
    run_for(1min);
    EXPECT_EQ(up.size(), 4U);
  }
}

}  // namespace
}  // namespace troupe
