// What keeps a sick observer from doing harm: its health score, NACKs, the second look before many
// accusations, and failures that take two accusers.
#include "tests/membership/fixture.hpp"

#include "runtime/membership/accusation_limit.hpp"
#include "runtime/membership/health_score.hpp"

namespace troupe::membership {
namespace {

TEST(health_score, stays_within_its_bounds_and_stretches) {
  health_score h(8);
  EXPECT_EQ(h.stretch(1s), 1s);
  h.lower();
  EXPECT_EQ(h.value(), 0U);
  h.raise(3);
  EXPECT_EQ(h.stretch(500ms), 2s);
  h.raise(1000);
  EXPECT_EQ(h.value(), 7U);
  h.lower();
  EXPECT_EQ(h.value(), 6U);
  health_score none(1);
  none.raise(5);
  EXPECT_EQ(none.value(), 0U);
}

TEST(accusation_limit, allows_so_many_within_a_minute) {
  accusation_limit limit(2);
  const time_point t = time_point{} + 1h;
  EXPECT_TRUE(limit.allows(t));
  limit.note(t);
  limit.note(t + 10s);
  EXPECT_FALSE(limit.allows(t + 59s));
  EXPECT_TRUE(limit.allows(t + 60s));
  limit.note(t + 59s);  // made after a second look: counts as well
  EXPECT_FALSE(limit.allows(t + 60s));
  EXPECT_TRUE(limit.allows(t + 70s));
  EXPECT_FALSE(accusation_limit(0).allows(t));
}

class lifeguard : public cluster {
 protected:
  static std::vector<std::string> names(int n) {
    std::vector<std::string> all;
    for (int i = 0; i < n; ++i) all.push_back("m" + std::to_string(i));
    return all;
  }
  void tell_suspect(const std::string& by, const std::string& to, const std::string& subject) {
    packet p;
    p.updates.push_back(news_of(subject, member_state::suspect, at(subject).self().incarnation));
    p.updates.back().by = by;
    forge(by, to, p);
  }
  void tell_failed(const std::string& by, const std::string& to, const std::string& subject) {
    packet p;
    p.updates.push_back(news_of(subject, member_state::failed, at(subject).self().incarnation));
    forge(by, to, p);
  }
};

TEST_F(lifeguard, helpers_that_hear_the_asker_but_not_the_target_say_nack_and_its_health_is_not_doubted) {
  start_all({"a", "b", "c", "d"});
  kill("d");
  while (at("a").counts().probes_failed == 0) tick(10ms);
  EXPECT_EQ(at("a").counts().nacks_in, 2U);
  EXPECT_EQ(at("a").counts().nacks_missing, 0U);
  EXPECT_EQ(at("a").health(), 0U);
  EXPECT_GE(at("b").counts().nacks_out + at("c").counts().nacks_out, 2U);
}

TEST_F(lifeguard, missing_nacks_raise_the_score_which_makes_probes_rare_and_answers_lower_it_again) {
  start_all(names(5));
  for (int i = 1; i < 5; ++i) freeze("m" + std::to_string(i));
  auto& m = at("m0");
  while (m.counts().probes_failed == 0) tick(10ms);
  EXPECT_EQ(m.counts().nacks_missing, 3U);
  EXPECT_GE(m.health(), 3U);
  tick(30s);
  EXPECT_EQ(m.health(), 7U);
  const auto before = m.counts().probes;
  tick(16s);
  EXPECT_LE(m.counts().probes - before, 3U) << "one in eight seconds";
  for (int i = 1; i < 5; ++i) thaw("m" + std::to_string(i));
  tick(60s);
  EXPECT_EQ(m.health(), 0U);
}

TEST_F(lifeguard, without_anybody_to_ask_a_missed_answer_raises_the_score) {
  start_all({"a", "b"});
  kill("b");
  while (at("a").counts().probes_failed == 0) tick(10ms);
  EXPECT_EQ(at("a").health(), 1U);
}

TEST_F(lifeguard, having_to_refute_raises_the_score) {
  start_all({"a", "b", "c"});
  tell_suspect("a", "c", "c");
  EXPECT_EQ(at("c").health(), 1U);
  tick(5s);
  EXPECT_EQ(at("c").health(), 0U);
}

TEST_F(lifeguard, can_be_switched_off_for_comparison) {
  settings_.lifeguard = false;
  start_all({"a", "b", "c", "d"});
  freeze("d");
  while (at("a").counts().probes_failed == 0) tick(10ms);
  tick(1s);
  EXPECT_EQ(at("a").counts().nacks_in + at("b").counts().nacks_out, 0U);
  EXPECT_EQ(at("a").health(), 0U);
  EXPECT_EQ(count("a", event_kind::member_failed), 0U);
  tick(5s);
  EXPECT_EQ(count("a", event_kind::member_failed), 1U) << "its suspicion is short from the start";
}

TEST_F(lifeguard, nacks_that_nobody_awaits_and_replayed_ones_change_nothing) {
  start_all({"a", "b", "c"});
  packet nack;
  nack.kind = packet_kind::nack;
  nack.sequence = 77;
  forge("b", "a", nack);
  EXPECT_EQ(at("a").counts().nacks_in, 0U);
}

TEST_F(lifeguard, among_five_one_members_word_fails_nobody_and_two_are_believed) {
  start_all(names(5));
  freeze("m4");
  tell_failed("m1", "m0", "m4");
  expect_state("m0", "m4", member_state::suspect);
  EXPECT_EQ(at("m0").counts().failures_unconfirmed, 1U);
  tell_failed("m1", "m0", "m4");
  expect_state("m0", "m4", member_state::suspect);
  tell_failed("m2", "m0", "m4");
  expect_state("m0", "m4", member_state::failed);
}

TEST_F(lifeguard, among_four_one_members_word_is_enough_when_the_suspect_had_the_time_to_answer) {
  start_all(names(4));
  freeze("m3");
  tell_failed("m1", "m0", "m3");
  expect_state("m0", "m3", member_state::suspect);
  tell_failed("m1", "m0", "m3");
  expect_state("m0", "m3", member_state::suspect);
  tick(600ms);
  tell_failed("m1", "m0", "m3");
  expect_state("m0", "m3", member_state::failed);
}

TEST_F(lifeguard, among_three_one_that_hears_nobody_doubts_itself_before_it_fails_the_others) {
  start_all({"a", "b", "c"});
  freeze("b");
  freeze("c");
  tick(11s);
  EXPECT_EQ(count("a", event_kind::member_failed), 0U) << "a healthy observer would have given them up";
  tick(30s);
  EXPECT_EQ(count("a", event_kind::member_failed), 2U);
}

TEST_F(lifeguard, a_lie_about_a_live_member_is_refuted_and_not_passed_on_as_a_failure) {
  start_all(names(6));
  for (int i = 0; i < 10; ++i) {
    tell_failed("m1", "m0", "m4");
    tick(1s);
  }
  for (const auto& n : names(6)) EXPECT_EQ(count(n, event_kind::member_failed), 0U) << n;
}

TEST_F(lifeguard, who_only_passes_a_suspicion_on_is_no_accuser) {
  start_all(names(6));
  freeze("m5");
  tell_suspect("m1", "m0", "m5");
  packet table;
  table.kind = packet_kind::state;
  table.updates.push_back(news_of("m5", member_state::suspect, at("m5").self().incarnation));
  table.updates.back().by = "m1";
  forge("m2", "m0", table);
  tell_failed("m1", "m0", "m5");
  expect_state("m0", "m5", member_state::suspect);
}

TEST_F(lifeguard, who_hears_of_a_suspicion_looks_himself_at_once_and_confirms_it_only_when_nobody_answers) {
  start_all(names(5));
  const auto probes = at("m1").counts().probes;
  tell_suspect("m0", "m1", "m4");
  EXPECT_EQ(at("m1").counts().probes, probes + 1);
  tick(200ms);
  expect_state("m1", "m4", member_state::alive);  // it answered

  kill("m4");
  tell_suspect("m0", "m1", "m4");
  tick(settings_.probe_timeout + 400ms);
  EXPECT_GE(at("m1").counts().probes_failed, 1U);
  tick(suspicion_min(settings_, 5) + 500ms);
  expect_state("m1", "m4", member_state::failed);
}

TEST_F(lifeguard, a_small_remnant_and_a_lone_survivor_still_judge) {
  for (const int dead : {3, 4}) {
    SCOPED_TRACE(dead);
    const auto all = names(5);
    start_all(all);
    for (int i = 0; i < dead; ++i) kill("m" + std::to_string(i));
    tick(180s);
    for (int i = 0; i < dead; ++i) expect_state("m4", "m" + std::to_string(i), member_state::failed);
    EXPECT_EQ(at("m4").live_count(), static_cast<std::size_t>(5 - dead));
  }
}

TEST_F(lifeguard, beyond_the_bound_of_a_minute_an_observer_that_nobody_answers_doubts_itself_instead) {
  settings_.accusations_per_minute_max = 2;
  settings_.health_max = 2;  // or it would hardly probe
  start_all(names(12));
  for (int i = 1; i < 12; ++i) freeze("m" + std::to_string(i));
  tick(55s);
  EXPECT_EQ(count("m0", event_kind::member_suspect), 2U);
  EXPECT_GE(at("m0").counts().accusations_doubted, 3U);
  EXPECT_EQ(at("m0").health(), 1U);
}

TEST_F(lifeguard, beyond_the_bound_an_observer_whose_helpers_answer_accuses_after_a_second_look) {
  settings_.accusations_per_minute_max = 1;
  start_all(names(9));
  for (int i = 5; i < 9; ++i) kill("m" + std::to_string(i));
  tick(60s);
  std::uint64_t doubted = 0;
  for (int i = 0; i < 5; ++i) doubted += at("m" + std::to_string(i)).counts().accusations_doubted;
  EXPECT_GE(doubted, 1U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(at("m" + std::to_string(i)).live_count(), 5U) << i;
}

TEST_F(lifeguard, own_false_suspicions_are_counted) {
  start_all({"a", "b", "c"});
  freeze("c");
  while (count("a", event_kind::member_suspect) == 0) tick(10ms);
  tick(2s);
  thaw("c");
  tick(3s);
  EXPECT_GE(at("a").counts().suspicions_false + at("b").counts().suspicions_false, 1U);
  EXPECT_EQ(at("a").counts().suspicions_refuted, 1U);
}

}  // namespace
}  // namespace troupe::membership
