// One node's part in a singleton, on virtual time.
#include "runtime/singleton/singleton_machine.hpp"

#include <ostream>

#include <gtest/gtest.h>

namespace troupe {

// For messages of failed tests.
inline void PrintTo(singleton_machine::phase p, std::ostream* out) { *out << name_of(p); }

namespace {

using namespace std::chrono_literals;
using phase = singleton_machine::phase;
using holder = singleton_machine::holder;
using action = singleton_action;
using actions = std::vector<singleton_action>;

struct singleton : ::testing::Test {
  time_point now = time_point{} + 1h;
  singleton_machine m{singleton_times::of(4s), random(1)};  // a margin of 1 s

  void hold(duration for_so_long) { m.on_hold(now + for_so_long, now); }
  void run_for(duration d) {
    now += d;
    m.on_tick(now);
  }
  /// Claimed, held for 4 s from now, started.
  void start() {
    m.begin(now);
    hold(4s);
    m.on_fetched(now);
    EXPECT_EQ(m.take(), (actions{action::claim, action::fetch, action::start}));
    EXPECT_EQ(m.at(), phase::running);
  }
};

TEST_F(singleton, runs_where_the_role_is_held_after_it_asked_for_the_state) {
  start();
  EXPECT_TRUE(m.serves(now));
  run_for(2900ms);
  EXPECT_TRUE(m.serves(now));
  hold(4s);
  run_for(2900ms);
  EXPECT_TRUE(m.serves(now)) << "renewed";
  EXPECT_TRUE(m.take().empty());
}

TEST_F(singleton, starts_without_the_state_when_nobody_gives_it_in_time) {
  m.begin(now);
  hold(4s);
  run_for(900ms);
  EXPECT_EQ(m.at(), phase::fetching);
  hold(4s);
  run_for(100ms);
  EXPECT_EQ(m.at(), phase::running);
  m.on_fetched(now);
  EXPECT_EQ(m.take(), (actions{action::claim, action::fetch, action::start})) << "what comes late changes nothing";
}

TEST_F(singleton, ends_in_order_before_its_hold_does) {
  start();
  EXPECT_EQ(m.next_tick(), now + 3s);
  run_for(3s);
  EXPECT_FALSE(m.serves(now));
  EXPECT_EQ(m.take(), (actions{action::ask})) << "its state is worth as much as before: the hold goes on for a while";
  EXPECT_EQ(m.next_tick(), now + 500ms);
  m.on_state(now);
  EXPECT_EQ(m.take(), (actions{action::end}));
  hold(4s);
  EXPECT_EQ(m.at(), phase::ending) << "a late renewal changes nothing";
  m.on_ended(now);
  EXPECT_EQ(m.take(), (actions{action::drop, action::claim}));
  EXPECT_EQ(m.at(), phase::waiting);
}

TEST_F(singleton, is_told_to_end_and_then_killed_when_it_gives_no_state_and_does_not_end) {
  start();
  run_for(3s);
  run_for(500ms);
  EXPECT_EQ(m.take(), (actions{action::ask, action::end}));
  run_for(500ms);
  EXPECT_EQ(m.take(), (actions{action::kill})) << "when its hold ends";
  EXPECT_EQ(m.next_tick(), time_point::max());
  run_for(1h);
  EXPECT_TRUE(m.take().empty()) << "nothing is started beside it";
  m.on_ended(now);
  EXPECT_EQ(m.take(), (actions{action::drop, action::claim}));
}

TEST_F(singleton, ends_at_once_when_its_hold_was_lost) {
  start();
  m.on_hold(time_point::min(), now);
  EXPECT_EQ(m.take(), (actions{action::end})) << "its state may be of the past";
  m.on_ended(now);
  EXPECT_EQ(m.take(), (actions{action::drop, action::claim}));
}

TEST_F(singleton, that_stood_still_for_longer_than_its_hold_ends_at_once) {
  start();
  run_for(1h);
  EXPECT_FALSE(m.serves(now));
  EXPECT_EQ(m.take(), (actions{action::end}));
}

TEST_F(singleton, never_starts_under_a_hold_that_is_about_to_end) {
  m.begin(now);
  hold(900ms);
  EXPECT_EQ(m.at(), phase::waiting);
  EXPECT_EQ(m.take(), (actions{action::claim, action::drop}));
  run_for(100ms);
  hold(4s);
  now += 3500ms;
  m.on_fetched(now);
  EXPECT_EQ(m.at(), phase::waiting);
  EXPECT_EQ(m.take(), (actions{action::claim, action::fetch, action::drop, action::claim}));
}

TEST_F(singleton, is_started_again_after_a_pause_when_it_ended_by_itself) {
  start();
  m.on_ended(now);
  EXPECT_EQ(m.at(), phase::pausing);
  EXPECT_TRUE(m.take().empty());
  run_for(100ms);
  EXPECT_EQ(m.take(), (actions{action::start}));
  m.on_ended(now);
  run_for(3s);
  EXPECT_EQ(m.take(), (actions{action::drop, action::claim})) << "the hold ran out meanwhile";
}

TEST_F(singleton, that_fails_again_and_again_is_left_to_another_node) {
  start();
  for (std::uint32_t i = 1; i < singleton_machine::local_tries; ++i) {
    m.on_ended(now);
    hold(4s);
    run_for(2s);
    EXPECT_EQ(m.take(), (actions{action::start})) << i;
  }
  hold(4s);
  m.on_ended(now);
  EXPECT_EQ(m.take(), (actions{action::drop}));
  EXPECT_GT(m.next_tick(), now) << "others first";
  run_for(2s);
  EXPECT_EQ(m.take(), (actions{action::claim}));
}

TEST_F(singleton, that_ran_for_long_is_started_again_soon) {
  start();
  for (int i = 0; i < 10; ++i) {
    for (int j = 0; j < 20; ++j) {
      hold(4s);
      run_for(2s);
    }
    m.on_ended(now);
    EXPECT_LE(m.next_tick(), now + singleton_machine::restart_first);
    run_for(100ms);
    EXPECT_EQ(m.take(), (actions{action::start}));
  }
}

TEST_F(singleton, hands_its_state_over_when_its_node_leaves) {
  start();
  m.leave(now);
  EXPECT_EQ(m.take(), (actions{action::ask}));
  EXPECT_FALSE(m.serves(now));
  m.on_state(now);
  EXPECT_EQ(m.take(), (actions{action::end}));
  m.on_ended(now);
  EXPECT_EQ(m.take(), (actions{action::drop}));
  EXPECT_EQ(m.at(), phase::left);
  m.leave(now);
  hold(4s);
  run_for(1h);
  EXPECT_TRUE(m.take().empty());
}

TEST_F(singleton, leaves_without_the_state_when_the_instance_does_not_give_it_in_time) {
  start();
  m.leave(now);
  hold(4s);
  run_for(2s);
  EXPECT_EQ(m.take(), (actions{action::ask, action::end}));
}

TEST_F(singleton, leaves_at_once_where_it_does_not_run) {
  m.begin(now);
  m.leave(now);
  EXPECT_EQ(m.take(), (actions{action::claim, action::drop}));
  EXPECT_EQ(m.at(), phase::left);
  singleton_machine idle(singleton_times::of(4s), random(1));
  idle.leave(now);
  idle.begin(now);
  EXPECT_TRUE(idle.take().empty());
}

TEST_F(singleton, claims_again_when_it_was_refused) {
  m.begin(now);
  (void)m.take();
  m.on_refused(now);
  EXPECT_TRUE(m.take().empty());
  run_for(1s);
  EXPECT_EQ(m.take(), (actions{action::claim}));
}

TEST_F(singleton, is_left_to_others_by_the_leader_until_nobody_wants_it) {
  m.on_lead(true, now);
  m.begin(now);
  EXPECT_TRUE(m.take().empty());
  EXPECT_EQ(m.next_tick(), now + 500ms);
  run_for(400ms);
  m.on_holder(holder::elsewhere, now);
  run_for(1h);
  EXPECT_TRUE(m.take().empty());
  EXPECT_EQ(m.next_tick(), time_point::max());
  m.on_holder(holder::nobody, now);
  run_for(400ms);
  EXPECT_TRUE(m.take().empty());
  run_for(100ms);
  EXPECT_EQ(m.take(), (actions{action::claim}));
}

TEST_F(singleton, of_a_node_that_comes_to_lead_waits_no_more_but_runs_on) {
  m.begin(now);
  m.on_holder(holder::elsewhere, now);
  (void)m.take();
  m.on_lead(true, now);
  EXPECT_EQ(m.take(), (actions{action::drop}));
  m.on_lead(false, now);
  EXPECT_EQ(m.take(), (actions{action::claim})) << "it leads no more";
  hold(4s);
  m.on_holder(holder::here, now);
  m.on_fetched(now);
  (void)m.take();
  m.on_lead(true, now);
  EXPECT_EQ(m.at(), phase::running);
  EXPECT_TRUE(m.take().empty());
}

}  // namespace
}  // namespace troupe
