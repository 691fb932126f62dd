#include "runtime/reminders/reminder_shard.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t begin_wall = 1'000'000;

struct reminder_shard_test : ::testing::Test {
  reminder_shard_test() { shard.on_tenure(1); }

  static reminder_limits few() {
    reminder_limits l;
    l.firing_max = 3;
    l.answer_max = 10s;
    l.retry_first = 1s;
    l.retry_max = 4s;
    l.write_retry = 500ms;
    return l;
  }
  void pass(duration d) {
    now += d;
    wall += static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
  }
  void set(const std::string& key, std::uint64_t version, std::uint64_t due, std::uint64_t period = 0) {
    shard.on_entry(key, {version, due, period});
  }
  reminder_output tick(bool leased = true) {
    reminder_output out;
    shard.on_tick(leased, now, wall, out);
    return out;
  }
  std::vector<std::string> fired(bool leased = true) {
    std::vector<std::string> some;
    for (auto& f : tick(leased).fired) {
      some.push_back(f.key);
      last[f.key] = f;
    }
    return some;
  }
  reminder_output answer(const std::string& key, bool handled = true) {
    reminder_output out;
    shard.on_answer(last[key].number, handled, now, out);
    return out;
  }

  reminder_ledger ledger{few()};
  reminder_shard shard{ledger};
  time_point now{std::chrono::hours(1)};
  std::uint64_t wall = begin_wall;
  std::map<std::string, reminder_output::firing> last;
  using keys = std::vector<std::string>;
};

TEST_F(reminder_shard_test, fires_in_the_order_of_their_times_and_not_before) {
  set("late", 1, wall + 5000);
  set("soon", 2, wall + 1000);
  EXPECT_EQ(fired(), keys{});
  EXPECT_EQ(shard.next_tick(now, wall), now + 1s);
  pass(999ms);
  EXPECT_EQ(fired(), keys{});
  pass(1ms);
  EXPECT_EQ(fired(), keys{"soon"});
  pass(1h);
  EXPECT_EQ(fired(), keys{"late"}) << "of the other one it is seen only now that nobody answered";
  pass(1s);
  EXPECT_EQ(fired(), keys{"soon"});
}

TEST_F(reminder_shard_test, what_was_handled_is_erased_by_its_version) {
  set("a", 7, wall);
  EXPECT_EQ(fired(), keys{"a"});
  EXPECT_EQ(last["a"].missed, 0U);
  const auto out = answer("a");
  ASSERT_EQ(out.writes.size(), 1U);
  EXPECT_EQ(out.writes[0].version, 7U);
  EXPECT_FALSE(out.writes[0].due);
  pass(1min);
  EXPECT_EQ(tick().writes.size(), 1U) << "nobody said what became of it";
  shard.on_gone("a", 8);
  EXPECT_EQ(shard.size(), 0U);
  EXPECT_EQ(ledger.armed(), 0U);
  EXPECT_EQ(ledger.firing(), 0U);
}

TEST_F(reminder_shard_test, a_periodic_one_moves_behind_what_nobody_was_there_for) {
  set("a", 1, wall - 3500, 1000);
  EXPECT_EQ(fired(), keys{"a"});
  EXPECT_EQ(last["a"].due, wall - 3500);
  EXPECT_EQ(last["a"].missed, 3U);
  pass(2s);  // the handler takes its time
  const auto out = answer("a");
  ASSERT_EQ(out.writes.size(), 1U);
  EXPECT_EQ(out.writes[0].due, begin_wall + 500);
  set("a", 2, begin_wall + 500, 1000);
  shard.on_written(out.writes[0].number, errc::ok, now);
  EXPECT_EQ(shard.size(), 1U);
  EXPECT_EQ(fired(), keys{"a"});
  EXPECT_EQ(last["a"].missed, 1U);
}

TEST_F(reminder_shard_test, what_fails_comes_again_later_and_later) {
  set("a", 1, wall);
  EXPECT_EQ(fired(), keys{"a"});
  for (const auto wait : {1s, 2s, 4s, 4s}) {
    EXPECT_TRUE(answer("a", false).writes.empty());
    EXPECT_EQ(shard.next_tick(now, wall), now + wait);
    pass(wait - 1ms);
    EXPECT_EQ(fired(), keys{});
    pass(1ms);
    EXPECT_EQ(fired(), keys{"a"});
  }
  EXPECT_EQ(last["a"].attempt, 5U);
  pass(10s);
  EXPECT_EQ(fired(), keys{}) << "nobody answered";
  pass(4s);
  EXPECT_EQ(fired(), keys{"a"});
}

TEST_F(reminder_shard_test, a_late_answer_counts_for_nothing) {
  set("a", 1, wall);
  EXPECT_EQ(fired(), keys{"a"});
  const auto first = last["a"].number;
  pass(10s);
  (void)tick();
  reminder_output out;
  shard.on_answer(first, true, now, out);
  EXPECT_TRUE(out.writes.empty());
  pass(1s);
  EXPECT_EQ(fired(), keys{"a"});
}

TEST_F(reminder_shard_test, nothing_fires_without_the_lease) {
  set("a", 1, wall);
  EXPECT_EQ(fired(false), keys{});
  EXPECT_EQ(fired(), keys{"a"});
}

TEST_F(reminder_shard_test, another_tenure_knows_nothing_of_the_one_before) {
  set("a", 1, wall);
  set("b", 2, wall + 1000);
  shard.on_whole();
  EXPECT_EQ(fired(), keys{"a"});
  shard.on_tenure(0);
  EXPECT_EQ(shard.size(), 0U);
  EXPECT_EQ(ledger.firing(), 0U);
  set("a", 1, wall);
  EXPECT_EQ(shard.size(), 0U) << "it does not serve the shard";
  shard.on_tenure(2);
  EXPECT_FALSE(shard.whole());
  set("a", 1, wall);
  EXPECT_TRUE(answer("a").writes.empty()) << "of the firing before";
  EXPECT_EQ(fired(), keys{"a"});
}

TEST_F(reminder_shard_test, who_is_set_anew_while_it_fires_fires_at_its_new_time) {
  set("a", 1, wall);
  EXPECT_EQ(fired(), keys{"a"});
  set("a", 2, wall + 1000);
  EXPECT_EQ(ledger.firing(), 0U);
  EXPECT_TRUE(answer("a").writes.empty());
  set("a", 1, wall);  // a page of the scan that was behind
  EXPECT_EQ(fired(), keys{});
  pass(1s);
  EXPECT_EQ(fired(), keys{"a"});
  EXPECT_EQ(last["a"].version, 2U);
}

TEST_F(reminder_shard_test, who_is_forgotten_does_not_fire) {
  set("a", 5, wall + 1000);
  shard.on_gone("a", 4);
  EXPECT_TRUE(shard.has("a")) << "that was before it was set";
  shard.on_gone("a", 6);
  set("b", 7, wall + 1000);
  shard.on_entry("c", {9, wall + 1000, 0, false, 1});
  shard.on_all_gone(0, 8);
  pass(1min);
  EXPECT_EQ(fired(), keys{"c"}) << "of another cache";
}

TEST_F(reminder_shard_test, a_million_due_at_once_come_a_few_at_a_time) {
  for (int i = 0; i < 10; ++i) set("k" + std::to_string(i), static_cast<std::uint64_t>(i) + 1, wall);
  EXPECT_EQ(fired(), (keys{"k0", "k1", "k2"}));
  EXPECT_EQ(fired(), keys{});
  EXPECT_EQ(shard.next_tick(now, wall), now + reminder_shard::crowded_tick);
  (void)answer("k1");
  EXPECT_EQ(fired(), keys{"k3"});
  reminder_shard other(ledger);
  other.on_tenure(1);
  other.on_entry("x", {1, wall});
  reminder_output out;
  other.on_tick(true, now, wall, out);
  EXPECT_TRUE(out.fired.empty()) << "shards share the bound";
}

TEST_F(reminder_shard_test, a_write_that_was_not_done_is_done_again) {
  set("a", 1, wall);
  EXPECT_EQ(fired(), keys{"a"});
  auto out = answer("a");
  for (const auto code : {errc::unavailable, errc::outcome_unknown, errc::storage_failed}) {
    ASSERT_EQ(out.writes.size(), 1U);
    shard.on_written(out.writes[0].number, code, now);
    EXPECT_TRUE(tick().writes.empty());
    pass(500ms);
    out = tick();
    EXPECT_TRUE(out.fired.empty()) << "it was handled";
  }
  ASSERT_EQ(out.writes.size(), 1U);
  shard.on_written(out.writes[0].number, errc::condition_failed, now);
  EXPECT_EQ(shard.size(), 0U) << "the store tells what it has instead";
}

TEST_F(reminder_shard_test, a_remembered_grain_is_woken_once_in_a_tenure) {
  shard.on_entry("one", {1, 0, 0, true});
  EXPECT_EQ(fired(), keys{"one"});
  EXPECT_TRUE(last["one"].wakes);
  (void)answer("one", false);
  pass(1s);
  EXPECT_EQ(fired(), keys{"one"});
  EXPECT_TRUE(answer("one").writes.empty());
  pass(1h);
  EXPECT_EQ(fired(), keys{});
  EXPECT_EQ(shard.size(), 1U);
  EXPECT_EQ(ledger.firing(), 0U);
}

// A simulation found that one which was cut when its node had stood still slept on.
TEST_F(reminder_shard_test, a_remembered_grain_that_ended_against_its_will_is_woken_again) {
  shard.on_entry("one", {1, 0, 0, true});
  set("reminder", 2, wall + 1);
  EXPECT_EQ(fired(), keys{"one"});
  shard.on_ended("one", now);
  EXPECT_EQ(fired(), keys{}) << "it is being woken";
  (void)answer("one");
  shard.on_ended("one", now);
  shard.on_ended("reminder", now);
  shard.on_ended("nobody", now);
  EXPECT_EQ(fired(), keys{});
  EXPECT_EQ(shard.next_tick(now, wall - 1), now + 2ms) << "that is the reminder's";
  pass(1s);
  EXPECT_EQ(fired(), (keys{"one", "reminder"}));
  shard.on_gone("one", 1);
  shard.on_ended("one", now);
  EXPECT_EQ(shard.size(), 1U);
}

TEST_F(reminder_shard_test, a_wall_clock_that_is_set_moves_when_they_fire_and_how_often_not) {
  set("a", 1, wall + 3'600'000, 1000);
  pass(1s);
  EXPECT_EQ(fired(), keys{});
  wall += 3'600'000;
  EXPECT_EQ(fired(), keys{"a"}) << "set forward";
  EXPECT_EQ(last["a"].missed, 1U);
  const auto out = answer("a");
  ASSERT_EQ(out.writes.size(), 1U);
  set("a", 2, *out.writes[0].due, 1000);
  wall -= 3'600'000;
  pass(10s);
  EXPECT_EQ(fired(), keys{}) << "set back: no tick comes twice";
}

TEST_F(reminder_shard_test, tells_which_a_grain_has) {
  for (const auto* key : {"@a/{1}@", "@a/{1}@x", "@a/{1}@y", "@a/{10}@x", "@a/{2}@x"}) set(key, 1, wall + 1000);
  EXPECT_EQ(shard.keys_of("@a/{1}@"), (keys{"@a/{1}@x", "@a/{1}@y"}));
  EXPECT_EQ(shard.keys_of("@a/{3}@"), keys{});
}

}  // namespace
}  // namespace troupe
