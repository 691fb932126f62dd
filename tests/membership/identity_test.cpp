// Names over time: members that flap, and those that an operator declares gone.
#include "runtime/membership/flap_history.hpp"
#include "tests/membership/fixture.hpp"

namespace troupe::membership {
namespace {

time_point at_time(duration d) { return time_point{} + 1h + d; }

TEST(flap_history, a_penalty_halves_with_time) {
  const flap_rules rules;
  flap_history f;
  EXPECT_FALSE(f.note_return(rules, at_time(0s)));
  EXPECT_EQ(f.flaps(), 1U);
  f.decay(rules, at_time(5min));
  EXPECT_DOUBLE_EQ(f.penalty, 0.5);
  f.decay(rules, at_time(4min));
  EXPECT_DOUBLE_EQ(f.penalty, 0.5) << "time does not go back";
  f.decay(rules, at_time(2h));
  EXPECT_EQ(f.flaps(), 0U);
}

TEST(flap_history, the_third_return_within_minutes_begins_a_quarantine_that_ends) {
  const flap_rules rules;
  flap_history f;
  EXPECT_FALSE(f.note_return(rules, at_time(0min)));
  EXPECT_FALSE(f.note_return(rules, at_time(1min)));
  EXPECT_TRUE(f.note_return(rules, at_time(2min)));
  EXPECT_TRUE(f.quarantined());
  const auto first_end = f.quarantined_until;
  EXPECT_NEAR(std::chrono::duration<double>(first_end - at_time(2min)).count(), 417, 5);
  EXPECT_FALSE(f.release(at_time(5min)));
  EXPECT_TRUE(f.note_return(rules, at_time(5min)));
  EXPECT_GT(f.quarantined_until, first_end);
  EXPECT_TRUE(f.release(f.quarantined_until));
  EXPECT_FALSE(f.quarantined());
  for (int i = 0; i < 1000; ++i) (void)f.note_return(rules, at_time(1h));
  EXPECT_EQ(f.quarantined_until, at_time(1h) + rules.quarantine_max) << "bounded";
}

TEST(flap_history, returns_hours_apart_are_no_flapping) {
  const flap_rules rules;
  flap_history f;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(f.note_return(rules, at_time(i * 1h)));
}

class identity : public cluster {
 protected:
  expected<void> force_leave(const std::string& at_node, const std::string& name) {
    expected<void> result;
    act(at_node, [&](swim& m, output& out) { result = m.force_leave(name, now_, out); });
    return result;
  }
};

TEST_F(identity, a_member_that_crashes_and_returns_thrice_within_minutes_is_in_quarantine_for_a_while) {
  start_all({"a", "b", "c"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(at("a").find("c")->flapping.quarantined());
    kill("c");
    tick(20s);
    start("c");
    tick(5s);
  }
  const auto& flapping = at("a").find("c")->flapping;
  EXPECT_TRUE(flapping.quarantined());
  EXPECT_EQ(flapping.flaps(), 3U);
  expect_state("a", "c", member_state::alive);
  EXPECT_EQ(count("a", event_kind::member_quarantined), 1U);
  EXPECT_EQ(at("a").counts().quarantines, 1U);
  const auto version = at("a").version();
  tick(10min);
  EXPECT_FALSE(at("a").find("c")->flapping.quarantined());
  EXPECT_EQ(count("a", event_kind::member_released), 1U);
  EXPECT_GT(at("a").version(), version);
  tick(30min);
  EXPECT_EQ(at("a").find("c")->flapping.flaps(), 0U);
}

TEST_F(identity, a_member_wrongly_thought_failed_that_returns_counts_as_well) {
  start_all({"a", "b", "c"});
  freeze("c");
  tick(15s);
  thaw("c");
  tick(10s);
  EXPECT_EQ(at("a").find("c")->flapping.flaps(), 1U);
  EXPECT_EQ(at("a").counts().returns, 1U);
}

TEST_F(identity, departures_and_refuted_suspicions_are_no_flapping) {
  start_all({"a", "b", "c"});
  for (int i = 0; i < 5; ++i) {
    act("c", [this](swim& m, output& out) {
      m.depart(now_, out);
      m.leave(now_, out);
    });
    tick(3s);
    start("c");
    tick(3s);
  }
  EXPECT_EQ(at("a").find("c")->flapping.flaps(), 0U);
  freeze("b");
  tick(3500ms);
  thaw("b");
  tick(5s);
  EXPECT_EQ(at("a").find("b")->flapping.flaps(), 0U);
}

TEST_F(identity, a_failed_member_is_declared_departed_by_an_operator_and_all_know) {
  start_all({"a", "b", "c"});
  kill("c");
  tick(20s);
  expect_state("a", "c", member_state::failed);
  EXPECT_TRUE(force_leave("a", "c"));
  expect_state("a", "c", member_state::failed);
  EXPECT_TRUE(force_leave("a", "c")) << "already under way";
  tick(2s);
  expect_state("a", "c", member_state::departed);
  expect_state("b", "c", member_state::departed);
  EXPECT_EQ(count("b", event_kind::member_departed), 1U);
  EXPECT_EQ(at("a").counts().forced_departures, 1U);
  EXPECT_TRUE(force_leave("a", "c")) << "done already";
  start("c");
  tick(2s);
  expect_state("a", "c", member_state::alive);
}

TEST_F(identity, a_live_member_is_not_forced_out) {
  start_all({"a", "b", "c"});
  EXPECT_EQ(force_leave("a", "b").error().code, errc::condition_failed);
  EXPECT_EQ(force_leave("a", "a").error().code, errc::condition_failed);
  EXPECT_EQ(force_leave("a", "nobody").error().code, errc::not_found);
  freeze("c");
  tick(15s);
  expect_state("a", "c", member_state::failed);
  thaw("c");  // it is back, and nobody has noticed yet
  EXPECT_TRUE(force_leave("a", "c"));
  tick(5s);
  expect_state("a", "c", member_state::alive);
  EXPECT_EQ(count("a", event_kind::force_leave_refused), 1U);
  EXPECT_EQ(count("c", event_kind::expelled), 0U);
}

TEST_F(identity, a_forced_out_member_that_lived_behind_a_split_is_expelled_and_may_restart) {
  start_all({"a", "b", "c"});
  freeze("c");
  tick(15s);
  EXPECT_TRUE(force_leave("b", "c"));
  tick(2s);
  expect_state("a", "c", member_state::departed);
  thaw("c");
  tick(30s);
  expect_state("a", "c", member_state::departed);
  EXPECT_EQ(count("c", event_kind::expelled), 1U);
  start("c");
  tick(2s);
  expect_state("a", "c", member_state::alive);
}

}  // namespace
}  // namespace troupe::membership
