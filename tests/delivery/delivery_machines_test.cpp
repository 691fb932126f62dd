// Both ends of a reliable delivery on virtual time, and a network between them that does what the test says.
#include <deque>
#include <functional>
#include <optional>

#include <gtest/gtest.h>

#include "runtime/delivery/delivery_receiver.hpp"
#include "runtime/delivery/delivery_sender.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

struct delivery : testing::Test {
  delivery() { limits.piece_bytes = 4; }

  void open() {
    if (!sender) sender.emplace(incarnation_id{1, 1}, limits, random(1));
    if (!receiver) receiver.emplace(incarnation_id{2, ++lives * 1000});
    delivery_sender::output out;
    sender->on_route(now, out);
    send(out);
  }
  expected<std::uint64_t> offer(const std::string& text) {
    delivery_sender::output out;
    auto number = sender->offer(text, now, out);
    send(out);
    return number;
  }
  void send(const delivery_sender::output& out) {
    for (const auto& f : out.frames) to_receiver.push_back(*decode_delivery_frame(encode(f)));
    for (const auto& [n, how] : out.confirmed)
      confirmed += std::to_string(n) + (how == errc::ok ? "" : std::string(name_of(how))) + " ";
  }
  void say(const delivery_receiver::output& out) {
    for (const auto& a : out.acks) to_sender.push_back(*decode_delivery_ack(encode(a)));
    for (const auto& m : out.messages) {
      got += m.content + " ";
      in_hand.push_back({m.producer, m.number});
    }
  }
  void handle_all() {
    while (!in_hand.empty()) {
      const auto [producer, number] = in_hand.front();
      in_hand.pop_front();
      delivery_receiver::output out;
      receiver->on_handled(producer, number, answer, out);
      say(out);
    }
  }
  /// Until nothing is on the way.
  void run() {
    for (int turns = 0; turns < 10'000 && !(to_receiver.empty() && to_sender.empty()); ++turns) {
      if (!to_receiver.empty()) {
        const auto f = to_receiver.front();
        to_receiver.pop_front();
        delivery_receiver::output out;
        if (receiver) receiver->on_frame(f, out);
        say(out);
        if (handles) handle_all();
      }
      if (!to_sender.empty()) {
        const auto a = to_sender.front();
        to_sender.pop_front();
        delivery_sender::output out;
        sender->on_ack(a, now, out);
        send(out);
      }
    }
  }
  void tick() {
    ASSERT_NE(sender->next_tick(), time_point::max());
    now = std::max(now, sender->next_tick());
    delivery_sender::output out;
    sender->on_tick(now, out);
    send(out);
  }

  delivery_limits limits;
  std::optional<delivery_sender> sender;
  std::optional<delivery_receiver> receiver;
  std::deque<delivery_frame> to_receiver;
  std::deque<delivery_ack> to_sender;
  std::deque<std::pair<incarnation_id, std::uint64_t>> in_hand;
  std::string got, confirmed;
  bool handles = true;
  errc answer = errc::ok;
  std::uint64_t lives = 0;
  time_point now = time_point{} + 1h;
};

TEST_F(delivery, carries_messages_in_order_and_confirms_them) {
  open();
  EXPECT_EQ(*offer("one"), 1u);
  EXPECT_EQ(*offer("number two"), 4u) << "three pieces";
  EXPECT_EQ(*offer(""), 5u);
  run();
  EXPECT_EQ(got, "one number two  ");
  EXPECT_EQ(confirmed, "1 4 5 ");
  EXPECT_EQ(sender->waiting(), 0u);
  EXPECT_EQ(sender->waiting_bytes(), 0u);
  EXPECT_EQ(sender->next_tick(), time_point::max()) << "nothing to do";
  EXPECT_EQ(receiver->unhandled(), 0u);
}

TEST_F(delivery, keeps_messages_until_there_is_a_receiver) {
  sender.emplace(incarnation_id{1, 1}, limits, random(1));
  ASSERT_TRUE(offer("a"));
  run();
  EXPECT_TRUE(to_receiver.empty());
  open();
  run();
  EXPECT_EQ(got, "a ");
}

TEST_F(delivery, sends_again_what_was_lost) {
  open();
  run();
  ASSERT_TRUE(offer("first"));
  ASSERT_TRUE(offer("b"));
  to_receiver.erase(to_receiver.begin());  // the first piece
  run();
  EXPECT_EQ(got, "");
  tick();
  run();
  EXPECT_EQ(got, "first b ");
  EXPECT_EQ(receiver->counts().early, 2u);
}

TEST_F(delivery, asks_when_the_answer_was_lost_and_nothing_is_handled_twice) {
  open();
  run();
  ASSERT_TRUE(offer("a"));
  const auto f = to_receiver.front();
  run();
  ASSERT_EQ(confirmed, "1 ");
  to_receiver.push_back(f);  // a repetition
  run();
  EXPECT_EQ(got, "a ");
  EXPECT_EQ(receiver->counts().repeated, 1u);
  ASSERT_TRUE(offer("b"));
  delivery_receiver::output out;
  receiver->on_frame(to_receiver.front(), out);
  to_receiver.clear();
  for (const auto& m : out.messages) {
    got += m.content + " ";
    delivery_receiver::output lost;
    receiver->on_handled(m.producer, m.number, errc::ok, lost);
  }
  tick();
  run();
  EXPECT_EQ(confirmed, "1 2 ");
  EXPECT_EQ(got, "a b ");
}

TEST_F(delivery, waits_longer_each_time_for_a_receiver_that_is_slow) {
  open();
  run();
  handles = false;
  ASSERT_TRUE(offer("a"));
  run();
  const auto began = now;
  for (int i = 0; i < 8; ++i) {
    tick();
    run();
  }
  EXPECT_GT(now - began, 5s);
  EXPECT_EQ(sender->counts().again, 0u) << "it has it";
  handle_all();
  run();
  EXPECT_EQ(confirmed, "1 ");
}

TEST_F(delivery, tells_the_producer_to_slow_down) {
  limits.waiting_max = 3;
  open();
  handles = false;
  for (const auto* text : {"a", "b", "c"}) ASSERT_TRUE(offer(text));
  EXPECT_EQ(offer("d").error().code, errc::unavailable);
  EXPECT_EQ(sender->counts().refused, 1u);
  run();
  handle_all();
  run();
  EXPECT_TRUE(offer("d"));
}

TEST_F(delivery, has_a_window_that_one_large_message_may_exceed) {
  limits.window_bytes = 8;
  limits.waiting_bytes_max = 100;
  limits.message_bytes_max = 40;
  open();
  run();
  handles = false;
  ASSERT_TRUE(offer(std::string(32, 'x')));
  ASSERT_TRUE(offer("next"));
  EXPECT_EQ(to_receiver.size(), 8u);
  run();
  EXPECT_EQ(got, std::string(32, 'x') + " ");
  handle_all();
  run();
  EXPECT_EQ(got, std::string(32, 'x') + " next ");
  EXPECT_EQ(offer(std::string(41, 'x')).error().code, errc::too_large);
  ASSERT_TRUE(offer(std::string(40, 'x')));
  ASSERT_TRUE(offer(std::string(40, 'x')));
  EXPECT_EQ(offer(std::string(40, 'x')).error().code, errc::unavailable);
}

TEST_F(delivery, goes_on_where_it_was_when_the_link_is_back) {
  open();
  run();
  handles = false;
  ASSERT_TRUE(offer("handled later"));
  run();
  sender->on_route_lost();
  ASSERT_TRUE(offer("b"));
  EXPECT_TRUE(to_receiver.empty());
  handle_all();
  to_sender.clear();
  handles = true;
  open();
  run();
  EXPECT_EQ(got, "handled later b ");
  EXPECT_EQ(confirmed, "4 5 ");
  EXPECT_EQ(sender->counts().again, 0u);
}

TEST_F(delivery, to_a_receiver_that_has_forgotten_begins_with_what_is_not_confirmed) {
  open();
  ASSERT_TRUE(offer("a"));
  run();
  handles = false;
  ASSERT_TRUE(offer("large message"));
  to_receiver.resize(2);  // half of it
  run();
  ASSERT_TRUE(offer("c"));
  receiver.reset();
  in_hand.clear();
  to_receiver.clear();
  handles = true;
  sender->on_route_lost();
  open();
  run();
  EXPECT_EQ(got, "a large message c ");
  EXPECT_EQ(confirmed, "1 5 6 ");
  EXPECT_EQ(sender->counts().sessions, 2u);
}

TEST_F(delivery, tells_how_a_message_was_answered_until_the_sender_knows) {
  open();
  run();
  answer = errc::conflict;
  ASSERT_TRUE(offer("a"));
  delivery_receiver::output out;
  receiver->on_frame(to_receiver.front(), out);
  to_receiver.clear();
  delivery_receiver::output lost;
  receiver->on_handled({1, 1}, 1, answer, lost);
  tick();
  run();
  EXPECT_EQ(confirmed, "1conflict ");
  answer = errc::ok;
  ASSERT_TRUE(offer("b"));
  run();
  EXPECT_EQ(confirmed, "1conflict 2 ");
  delivery_receiver::output said;
  receiver->on_frame({{1, 1}, 0, 3, false, false, {}}, said);
  EXPECT_TRUE(said.acks.front().failures.empty());
}

TEST_F(delivery, of_many_producers_forgets_the_oldest_and_it_begins_a_session_anew) {
  open();
  ASSERT_TRUE(offer("a"));
  run();
  for (std::uint64_t i = 0; i < delivery_producers_max; ++i) {
    delivery_receiver::output out;
    receiver->on_frame({{9, i + 1}, 0, 1, false, false, {}}, out);
  }
  EXPECT_EQ(receiver->producers(), delivery_producers_max);
  ASSERT_TRUE(offer("b"));
  run();
  EXPECT_EQ(got, "a b ");
  EXPECT_EQ(sender->counts().sessions, 2u);
}

TEST_F(delivery, bytes_of_others_change_nothing) {
  open();
  run();
  delivery_sender::output out;
  sender->on_ack({{7, 7}, {2, 1}, 100, 100}, now, out);
  ASSERT_TRUE(offer("a"));
  sender->on_ack({{1, 1}, {2, 1001}, 1'000, 999}, now, out);
  EXPECT_TRUE(out.confirmed.empty());
  delivery_receiver::output said;
  receiver->on_frame({{1, 1}, 1, 1, false, true, "no beginning"}, said);
  EXPECT_EQ(receiver->counts().malformed, 1u);
  receiver->on_handled({5, 5}, 1, errc::ok, said);
  receiver->on_handled({1, 1}, 77, errc::ok, said);
  run();
  EXPECT_EQ(got, "a ");
}

}  // namespace
}  // namespace troupe
