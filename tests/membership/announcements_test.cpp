#include "runtime/membership/announcements.hpp"

#include <gtest/gtest.h>

namespace troupe::membership {
namespace {

using namespace std::chrono_literals;

const incarnation_id self{1, 1};
const incarnation_id other{2, 2};
const time_point start = time_point{} + 1h;

announcement event_named(std::string name) {
  announcement a;
  a.name = std::move(name);
  return a;
}

announcement heard(std::uint64_t time, std::uint64_t after = 0, incarnation_id origin = other) {
  announcement a = event_named("e" + std::to_string(time));
  a.origin = "other";
  a.id = {time, origin};
  a.after = after;
  return a;
}

std::vector<std::uint64_t> times_of(const std::vector<announcement>& all) {
  std::vector<std::uint64_t> times;
  for (const auto& a : all) times.push_back(a.id.time);
  return times;
}

using times = std::vector<std::uint64_t>;

std::uint64_t say(announcements& a, std::string name, time_point now = start) {
  const auto id = a.say(event_named(std::move(name)), "me", self, now);
  return id ? id->time : 0;
}

TEST(announcements, what_is_said_is_delivered_here_with_rising_times) {
  announcements a;
  EXPECT_EQ(say(a, "x"), 1U);
  EXPECT_EQ(say(a, "y"), 2U);
  const auto ready = a.take_ready();
  ASSERT_EQ(times_of(ready), (times{1, 2}));
  EXPECT_EQ(ready[1].after, 1U);
  EXPECT_EQ(ready[1].origin, "me");
  EXPECT_TRUE(a.take_ready().empty());
  EXPECT_TRUE(a.waits());
}

TEST(announcements, every_receipt_raises_the_clock) {
  announcements a;
  EXPECT_TRUE(a.hear(heard(41), start));
  EXPECT_EQ(a.clock(), 41U);
  EXPECT_EQ(say(a, "x"), 42U);
  EXPECT_TRUE(a.hear(heard(7), start)) << "older than the clock is no duplicate";
  EXPECT_EQ(a.clock(), 42U);
}

TEST(announcements, a_second_copy_is_never_delivered) {
  announcements a;
  EXPECT_TRUE(a.hear(heard(1), start));
  EXPECT_FALSE(a.hear(heard(1), start));
  EXPECT_TRUE(a.hear(heard(1, 0, {9, 9}), start)) << "another origin at the same time is another event";
  EXPECT_EQ(a.take_ready().size(), 2U);
  const auto own = say(a, "x");
  auto echo = event_named("x");
  echo.origin = "me";
  echo.id = {own, self};
  EXPECT_FALSE(a.hear(echo, start)) << "its own words coming back";
  EXPECT_EQ(a.counts().duplicates, 2U);
}

TEST(announcements, what_is_below_the_ring_is_dropped_as_it_could_be_a_copy) {
  announcements a;
  a.hear(heard(1), start);
  a.hear(heard(1 + announcements::ring_slots), start);
  EXPECT_FALSE(a.hear(heard(1), start));
  EXPECT_EQ(a.counts().dropped_old, 1U);
  EXPECT_TRUE(a.hear(heard(2), start));
}

TEST(announcements, times_beyond_belief_do_not_move_the_clock) {
  announcements a;
  for (const std::uint64_t t : {std::uint64_t{0}, announcement_time_max + 1, announcements::ahead_max + 1}) {
    EXPECT_FALSE(a.hear(heard(t), start)) << t;
  }
  EXPECT_EQ(a.clock(), 0U);
  EXPECT_EQ(a.counts().dropped_ahead, 3U);
}

TEST(announcements, more_than_a_slot_holds_are_dropped_and_counted) {
  announcements a;
  for (std::uint64_t o = 1; o <= announcements::slot_ids_max + 5; ++o) a.hear(heard(1, 0, {o, o}), start);
  EXPECT_EQ(a.take_ready().size(), announcements::slot_ids_max);
  EXPECT_GE(a.counts().dropped_full, 5U);
}

TEST(announcements, events_of_one_origin_wait_for_the_one_before_them) {
  announcements a;
  a.hear(heard(5, 4), start);
  a.hear(heard(4, 3), start);
  EXPECT_TRUE(a.take_ready().empty());
  a.hear(heard(9, 0, {9, 9}), start);
  EXPECT_EQ(times_of(a.take_ready()), (times{9})) << "others do not wait";
  a.hear(heard(3, 0), start);
  EXPECT_EQ(times_of(a.take_ready()), (times{3, 4, 5}));
  EXPECT_EQ(a.next_tick(), time_point::max());
}

TEST(announcements, one_that_stays_missing_holds_the_rest_up_for_order_wait_only) {
  announcements a;
  a.hear(heard(4, 3), start);
  a.hear(heard(5, 4), start + 10ms);
  EXPECT_EQ(a.next_tick(), start + announcements::order_wait);
  a.on_tick(start + announcements::order_wait - 1ms);
  EXPECT_TRUE(a.take_ready().empty());
  a.on_tick(start + announcements::order_wait);
  EXPECT_EQ(times_of(a.take_ready()), (times{4, 5}));
  a.hear(heard(3, 0), start + 5s);
  EXPECT_EQ(times_of(a.take_ready()), (times{3})) << "late, but once";
  EXPECT_EQ(a.counts().late, 1U);
}

TEST(announcements, the_room_for_those_that_wait_is_bounded) {
  announcements a;
  for (std::uint64_t t = 2; t < 2 + announcements::held_max + 3; ++t) a.hear(heard(2 * t, 2 * t - 1), start);
  EXPECT_GE(a.take_ready().size(), 3U);
}

TEST(announcements, a_joiner_hears_nothing_of_before_it_joined) {
  announcements a;
  a.join_at(100);
  EXPECT_FALSE(a.hear(heard(100), start));
  EXPECT_TRUE(a.hear(heard(101, 100), start));
  EXPECT_EQ(times_of(a.take_ready()), (times{101})) << "the one before is not waited for";
  EXPECT_EQ(say(a, "x"), 102U);
  a.join_at(1000);
  EXPECT_EQ(a.floor(), 100U) << "only the first table counts";
}

TEST(announcements, a_member_may_say_so_much_at_once_and_then_so_much_a_second) {
  announcements a;
  int said = 0;
  for (int i = 0; i < 200; ++i) said += say(a, "x") > 0 ? 1 : 0;
  EXPECT_EQ(said, static_cast<int>(announcements::said_at_once_max));
  EXPECT_EQ(a.say(event_named("x"), "me", self, start).error().code, errc::unavailable);
  EXPECT_GT(a.counts().refused_rate, 0U);
  said = 0;
  for (int i = 0; i < 200; ++i) said += say(a, "x", start + 1s) > 0 ? 1 : 0;
  EXPECT_EQ(said, static_cast<int>(announcements::said_per_second_max));
}

TEST(announcements, names_and_payloads_have_limits_with_words) {
  announcements a;
  const auto refused = [&a](announcement x) {
    const auto id = a.say(std::move(x), "me", self, start);
    return id ? errc::ok : id.error().code;
  };
  EXPECT_EQ(refused(event_named("")), errc::invalid_argument);
  EXPECT_EQ(refused(event_named("a b")), errc::invalid_argument);
  EXPECT_EQ(refused(event_named("a\n")), errc::invalid_argument);
  EXPECT_EQ(refused(event_named(std::string(announcement_name_max + 1, 'x'))), errc::invalid_argument);
  EXPECT_EQ(refused(event_named(std::string(announcement_name_max, 'x'))), errc::ok);
  auto large = event_named("x");
  large.payload.assign(announcement_payload_max + 1, '\0');
  EXPECT_EQ(refused(large), errc::too_large);
  large.payload.pop_back();
  EXPECT_EQ(refused(large), errc::ok) << "any bytes";
  auto q = event_named("q");
  q.kind = announcement_kind::query;
  EXPECT_EQ(refused(q), errc::invalid_argument) << "a query without a timeout";
  q.timeout = 2s;
  EXPECT_EQ(refused(q), errc::ok);
  q.payload.assign(announcement_payload_max, 'x');
  for (int i = 0; i < 4; ++i) q.tags["t" + std::to_string(i)].assign(200, 'v');
  EXPECT_EQ(refused(q), errc::too_large) << "all together";
}

TEST(announcements, each_is_offered_a_bounded_number_of_times_the_least_sent_first) {
  announcements a;
  say(a, "x");
  say(a, "y");
  std::vector<std::string> order;
  const auto take = [&order](const std::string& encoded) {
    order.push_back(encoded.find('y') != std::string::npos ? "y" : "x");
    return true;
  };
  a.offer(2, take);
  EXPECT_EQ(order, (std::vector<std::string>{"y", "x"}));
  say(a, "y2");
  order.clear();
  a.offer(2, take);
  EXPECT_EQ(order.size(), 3U);
  a.offer(2, take);
  EXPECT_FALSE(a.waits());
}

TEST(announcements, one_origin_cannot_take_the_queue_from_the_others) {
  announcements a;
  a.hear(heard(1, 0, {9, 9}), start);
  for (std::uint64_t t = 2; t < 300; ++t) a.hear(heard(t), start);
  std::size_t offered = 0;
  bool first_offered = false;
  a.offer(1, [&](const std::string& encoded) {
    ++offered;
    first_offered = first_offered || encoded.find("e1") != std::string::npos;
    return true;
  });
  EXPECT_EQ(offered, announcements::waiting_per_origin_max + 1);
  EXPECT_TRUE(first_offered);
}

TEST(announcements, a_comparison_finds_what_each_side_lacks) {
  announcements a, b;
  say(a, "x");
  b.hear(heard(1), start);
  b.hear(heard(2), start);
  EXPECT_TRUE(a.lacks(b.window(start)));
  EXPECT_TRUE(b.lacks(a.window(start)));
  EXPECT_EQ(a.missing_at(b.window(start), 0).size(), 1U);
  EXPECT_EQ(b.missing_at(a.window(start), 0).size(), 2U);
  EXPECT_EQ(b.missing_at(a.window(start), 1).size(), 1U) << "what is of before it joined is not sent";
  EXPECT_FALSE(a.lacks(a.window(start)));
}

TEST(announcements, the_window_forgets_by_age_and_by_number) {
  announcements a;
  for (std::uint64_t t = 1; t <= announcements::window_max + 10; ++t) a.hear(heard(t), start);
  EXPECT_EQ(a.window(start).size(), announcements::window_max);
  EXPECT_EQ(a.window(start).front().time, 11U);
  EXPECT_TRUE(a.window(start + announcements::window_age + 1s).empty());
}

}  // namespace
}  // namespace troupe::membership
