#include "runtime/cluster/beat_watch.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

class beat_watch_test : public ::testing::Test {
 protected:
  /// `count` messages of `name`, a beat apart, the first now.
  void beats(const std::string& name, int count) {
    for (int i = 0; i < count; ++i) {
      watch.on_message(name, now);
      now += 500ms;
    }
  }

  beat_watch watch{500ms};
  time_point now{1h};
};

TEST_F(beat_watch_test, a_steady_member_that_stops_is_named_once) {
  beats("a", 6);
  const auto last = now - 500ms;
  EXPECT_EQ(watch.next_tick(), last + watch.silence_max());
  EXPECT_TRUE(watch.take_silent(last + watch.silence_max() - 1ms).empty());
  EXPECT_EQ(watch.take_silent(last + watch.silence_max()), std::vector<std::string>{"a"});
  EXPECT_TRUE(watch.take_silent(now + 1min).empty());
  EXPECT_EQ(watch.next_tick(), time_point::max());
}

TEST_F(beat_watch_test, one_that_spoke_now_and_then_is_not_missed) {
  for (int i = 0; i < 10; ++i) {
    watch.on_message("a", now);
    now += 800ms;
  }
  EXPECT_TRUE(watch.take_silent(now + 400ms).empty());
  EXPECT_TRUE(watch.take_silent(now + 10s).empty());
}

TEST_F(beat_watch_test, a_few_messages_are_no_beat) {
  beats("a", static_cast<int>(beat_watch::steady_after));
  EXPECT_TRUE(watch.take_silent(watch.next_tick()).empty()) << "the first one only begins the row";
}

TEST_F(beat_watch_test, a_message_in_time_puts_it_off) {
  beats("a", 6);
  now += 500ms;  // one is missing
  watch.on_message("a", now);
  EXPECT_TRUE(watch.take_silent(now + watch.silence_max() - 1ms).empty());
}

TEST_F(beat_watch_test, only_those_are_named_that_are_silent) {
  for (int i = 0; i < 6; ++i) {
    watch.on_message("a", now);
    watch.on_message("b", now);
    now += 500ms;
  }
  const auto due = now - 500ms + watch.silence_max();
  beats("b", 1);
  EXPECT_EQ(watch.take_silent(due), std::vector<std::string>{"a"});
  EXPECT_NE(watch.next_tick(), time_point::max());
}

TEST_F(beat_watch_test, who_stood_still_itself_names_nobody) {
  beats("a", 6);
  EXPECT_TRUE(watch.take_silent(now + 5s).empty());
  beats("a", 6);
  EXPECT_EQ(watch.take_silent(watch.next_tick()), std::vector<std::string>{"a"}) << "and counts anew";
}

TEST_F(beat_watch_test, the_next_look_is_never_after_a_silence) {
  beats("a", 6);
  const auto due = now - 500ms + watch.silence_max();
  for (int i = 0; i < 4; ++i) {
    watch.on_message("b", now);
    now += 100ms;
    EXPECT_LE(watch.next_tick(), due);
  }
}

}  // namespace
}  // namespace troupe
