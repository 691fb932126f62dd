#include "actors/cache/parked_commands.hpp"

#include <deque>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t owner = 7;
constexpr std::uint64_t other_owner = 8;

/// Runs are recorded and finished by hand.
struct parked_commands_test : testing::Test {
  struct flight {
    parked_commands::command_ptr command;
    std::uint64_t route;
  };
  std::uint64_t route = owner;
  std::deque<flight> flights;
  bool refuses_at_once = false;
  std::vector<std::string> answered;  // "key code"
  int wakes = 0;
  time_point now{1h};
  parked_commands parked{2,
                         {.commands_max = 4, .bytes_max = 64 * 1024},
                         [this](std::uint32_t) { return route; },
                         [this](const parked_commands::command_ptr& c, std::uint64_t r) {
                           if (refuses_at_once) return parked.finished(c, owned_reply::failed(errc::not_owner));
                           flights.push_back({c, r});
                         }};

  parked_commands_test() {
    parked.on_first_parked([this] { ++wakes; });
  }

  void submit(const std::string& key, cache_op op = cache_op::put, const std::string& value = {}, duration left = 1s) {
    cache_command c;
    c.op = op;
    c.key = key;
    c.value = value;
    auto done = [this, key](owned_reply r) { answered.push_back(key + " " + std::string(name_of(r.code))); };
    parked.submit(std::make_shared<pending_command>(forwarded_command{owned_command(c), "default", now + left},
                                                    std::move(done), 1));
  }
  /// The earliest flight ends.
  void finish(errc code, std::string context = {}) {
    const auto f = flights.front();
    flights.pop_front();
    parked.finished(f.command, owned_reply::failed(code, std::move(context)));
  }
  void finish_last(errc code) {
    const auto f = flights.back();
    flights.pop_back();
    parked.finished(f.command, owned_reply::failed(code));
  }
  [[nodiscard]] std::string in_flight() const {
    std::string keys;
    for (const auto& f : flights) keys += f.command->command.key;
    return keys;
  }
  using lines = std::vector<std::string>;
};

TEST_F(parked_commands_test, hands_commands_of_one_route_over_without_waiting) {
  submit("a");
  submit("b");
  EXPECT_EQ(in_flight(), "ab");
  EXPECT_FALSE(parked.idle(1));
  EXPECT_TRUE(parked.idle(0));
  finish(errc::ok);
  finish(errc::not_found);
  EXPECT_EQ(answered, (lines{"a ok", "b not_found"}));
  EXPECT_TRUE(parked.idle(1));
  EXPECT_EQ(wakes, 0);
}

TEST_F(parked_commands_test, parks_what_was_surely_not_done_and_nothing_else) {
  for (const errc code : {errc::unavailable, errc::storage_failed, errc::out_of_memory, errc::too_large,
                          errc::outcome_unknown, errc::deadline_exceeded, errc::condition_failed}) {
    submit("k");
    finish(code);
    EXPECT_EQ(answered.back(), "k " + std::string(name_of(code)));
  }
  for (const errc code : {errc::not_owner, errc::peer_lost}) {
    submit("p");
    finish(code);
    EXPECT_EQ(parked.count(), 1u);
    EXPECT_FALSE(parked.retry(now));
    EXPECT_EQ(in_flight(), "p");
    finish(errc::ok);
    EXPECT_EQ(answered.back(), "p ok");
    EXPECT_FALSE(parked.retry(now));
  }
}

TEST_F(parked_commands_test, keeps_the_order_of_a_shard) {
  submit("a");
  submit("b");
  finish(errc::not_owner);
  submit("c");
  EXPECT_EQ(in_flight(), "b") << "c parks behind a";
  EXPECT_TRUE(parked.retry(now));
  EXPECT_EQ(in_flight(), "b") << "b is still under way";
  finish(errc::not_owner);
  EXPECT_EQ(parked.count(), 3u);
  EXPECT_TRUE(flights.empty()) << "b was refused a moment ago";
  EXPECT_FALSE(parked.retry(now));
  EXPECT_EQ(in_flight(), "abc");
  EXPECT_TRUE(answered.empty());
}

TEST_F(parked_commands_test, stops_at_the_first_that_is_refused_again) {
  submit("a");
  finish(errc::not_owner);
  submit("b");
  refuses_at_once = true;
  EXPECT_TRUE(parked.retry(now));
  EXPECT_EQ(parked.count(), 2u);
  refuses_at_once = false;
  EXPECT_FALSE(parked.retry(now));
  EXPECT_EQ(in_flight(), "ab");
}

TEST_F(parked_commands_test, a_new_owner_waits_for_the_old_one_s_answers) {
  submit("a");
  route = other_owner;
  submit("b");
  EXPECT_EQ(in_flight(), "a");
  finish(errc::ok);
  ASSERT_EQ(in_flight(), "b") << "at once: nobody refused";
  EXPECT_EQ(flights.front().route, other_owner);
}

TEST_F(parked_commands_test, a_refused_command_goes_before_later_ones_to_the_new_owner) {
  submit("k", cache_op::put, "1");
  route = other_owner;
  submit("k", cache_op::put, "2");
  finish(errc::not_owner);
  EXPECT_FALSE(parked.retry(now));
  ASSERT_EQ(flights.size(), 2u);
  EXPECT_EQ(flights[0].command->command.value, "1");
  EXPECT_EQ(flights[1].command->command.value, "2");
}

TEST_F(parked_commands_test, does_no_command_after_a_later_one_of_its_key) {
  submit("k");
  submit("x");
  submit("k", cache_op::get);
  finish(errc::not_owner);
  finish(errc::not_owner);
  EXPECT_EQ(parked.count(), 2u);
  finish(errc::ok);
  EXPECT_EQ(answered, (lines{"k unavailable", "k ok"}));
  EXPECT_FALSE(parked.retry(now));
  EXPECT_EQ(in_flight(), "x");
}

TEST_F(parked_commands_test, an_overtaken_command_is_not_tried_again_when_its_refusal_comes_late) {
  submit("k");
  submit("k");
  finish_last(errc::ok);
  finish(errc::peer_lost);
  EXPECT_EQ(answered, (lines{"k ok", "k unavailable"}));
  EXPECT_TRUE(parked.idle(1));
}

TEST_F(parked_commands_test, reads_may_follow_reads) {
  submit("k", cache_op::get);
  submit("k", cache_op::get);
  finish_last(errc::ok);
  finish(errc::peer_lost);
  EXPECT_EQ(parked.count(), 1u);
}

TEST_F(parked_commands_test, answers_at_the_deadline) {
  submit("refused", cache_op::put, {}, 1s);
  submit("under-way", cache_op::put, {}, 9s);
  finish(errc::not_owner, "the reason");
  submit("behind", cache_op::put, {}, 1s);
  EXPECT_TRUE(parked.retry(now + 999ms));
  EXPECT_TRUE(answered.empty());
  EXPECT_FALSE(parked.retry(now + 1s));
  EXPECT_EQ(answered, (lines{"refused unavailable", "behind deadline_exceeded"}));
}

TEST_F(parked_commands_test, refuses_what_does_not_fit) {
  submit("first");
  finish(errc::not_owner);
  for (int i = 0; i < 4; ++i) submit("k" + std::to_string(i));
  EXPECT_EQ(answered, lines{"k3 unavailable"});
  EXPECT_EQ(parked.refused(), 1u);
  EXPECT_EQ(parked.count(), 4u);
  EXPECT_FALSE(parked.retry(now));
  EXPECT_EQ(parked.bytes(), 0u);
  while (!flights.empty()) finish(errc::ok);
  answered.clear();
  submit("a");
  submit("large", cache_op::put, std::string(64 * 1024, 'v'));
  finish(errc::not_owner);
  finish(errc::not_owner);
  EXPECT_EQ(answered, lines{"large unavailable"});
}

TEST_F(parked_commands_test, wakes_once_for_all_that_parks) {
  submit("a");
  submit("b");
  finish(errc::not_owner);
  finish(errc::not_owner);
  EXPECT_EQ(wakes, 1);
  EXPECT_FALSE(parked.retry(now));
  EXPECT_EQ(wakes, 1);
  finish(errc::peer_lost);
  EXPECT_EQ(wakes, 2);
  parked.on_first_parked([this] { wakes += 10; });
  EXPECT_EQ(wakes, 12) << "whoever comes anew learns of what is parked";
}

TEST_F(parked_commands_test, answers_everything_when_the_node_stops) {
  submit("a");
  submit("b");
  finish(errc::not_owner);
  parked.close();
  EXPECT_EQ(answered, lines{"a unavailable"});
  finish(errc::not_owner);
  EXPECT_EQ(answered.back(), "b unavailable");
  EXPECT_TRUE(parked.idle(1));
}

}  // namespace
}  // namespace troupe
