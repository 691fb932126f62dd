// The grains of one shard at one node: what becomes of a message.
#include "runtime/grains/grain_shard.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using fate = grain_shard::fate;

constexpr std::uint64_t me = 1;
constexpr std::uint64_t other = 2;

struct letter : held_message {
  explicit letter(int n) : text(n) { bytes = 10; }
  int text;
};

struct shard_of_a_node {
  explicit shard_of_a_node(const grain_limits& limits = {}) : ledger(limits), shard(ledger) {}

  grain_shard::verdict send(const std::string& key, int text = 0, grain_shard::call c = {}) {
    c.key = key;
    return shard.on_message(c, leased, now, [text] { return std::make_unique<letter>(text); });
  }
  void serve(std::uint64_t tenure = 7) { shard.on_row(me, tenure, {1, ++epoch}, out); }
  void lose(std::uint64_t to = other) { shard.on_row(to, 0, {1, ++epoch}, out); }
  /// Starts the grain and delivers what waited for it.
  std::vector<int> awake(const std::string& key, std::uint64_t number) {
    last = std::make_shared<grain_activation>();
    last->used = now.time_since_epoch().count();
    EXPECT_TRUE(shard.started(key, number, last, 60s));
    std::vector<int> delivered;
    for (auto some = shard.take_held(key, number, out); !some.empty(); some = shard.take_held(key, number, out)) {
      for (const auto& m : some) delivered.push_back(static_cast<letter&>(*m).text);
    }
    return delivered;
  }
  std::vector<int> again() {
    std::vector<int> texts;
    for (const auto& m : std::exchange(out.again, {})) texts.push_back(static_cast<letter&>(*m).text);
    return texts;
  }

  grain_ledger ledger;
  grain_shard shard;
  grain_output out;
  bool leased = true;
  time_point now{};
  std::uint64_t epoch = 0;
  grain_activation_ptr last;
};

TEST(grain_shard, starts_a_grain_with_its_first_message_and_delivers_the_next_ones) {
  shard_of_a_node n;
  n.serve();
  const auto first = n.send("a", 1);
  ASSERT_EQ(first.what, fate::start);
  EXPECT_EQ(n.send("a", 2).what, fate::hold) << "until it has started";
  EXPECT_EQ(n.awake("a", first.number), (std::vector<int>{1, 2}));
  EXPECT_EQ(n.last->waiting, 2U);
  const auto third = n.send("a", 3);
  EXPECT_EQ(third.what, fate::deliver);
  EXPECT_EQ(third.to, n.last);
  EXPECT_EQ(n.last->waiting, 3U);
  EXPECT_EQ(n.ledger.active(), 1U);
  EXPECT_EQ(n.ledger.held(), 0U);
  EXPECT_EQ(n.send("b").what, fate::start) << "another grain";
}

TEST(grain_shard, keeps_the_order_of_messages_that_come_while_a_grain_starts) {
  shard_of_a_node n;
  n.serve();
  const auto begun = n.send("a", 1);
  n.last = std::make_shared<grain_activation>();
  ASSERT_TRUE(n.shard.started("a", begun.number, n.last, 1s));
  ASSERT_EQ(n.shard.take_held("a", begun.number, n.out).size(), 1U);
  EXPECT_EQ(n.send("a", 2).what, fate::hold) << "the first may not be in the mailbox yet";
  ASSERT_EQ(n.shard.take_held("a", begun.number, n.out).size(), 1U);
  EXPECT_TRUE(n.shard.take_held("a", begun.number, n.out).empty());
  EXPECT_EQ(n.send("a", 3).what, fate::deliver);
}

TEST(grain_shard, asks_for_a_message_that_is_not_ready_to_be_held_and_keeps_nothing_of_it) {
  shard_of_a_node n;
  const grain_shard::call c{.key = "a"};
  EXPECT_EQ(n.shard.on_message(c, true, n.now, [] { return held_message_ptr(); }).what, fate::prepare);
  n.serve();
  EXPECT_EQ(n.shard.on_message(c, true, n.now, [] { return held_message_ptr(); }).what, fate::prepare);
  EXPECT_EQ(n.shard.size(), 0U);
  EXPECT_EQ(n.ledger.active(), 0U);
  EXPECT_EQ(n.ledger.held(), 0U);
  EXPECT_EQ(n.send("a").what, fate::start);
}

TEST(grain_shard, forwards_to_the_owner_and_waits_for_one_when_there_is_none) {
  shard_of_a_node n;
  EXPECT_EQ(n.send("a", 1).what, fate::hold) << "no table yet";
  n.lose();
  EXPECT_EQ(n.again(), (std::vector<int>{1}));
  const auto sent = n.send("a", 1);
  EXPECT_EQ(sent.what, fate::forward);
  EXPECT_EQ(sent.owner, other);
  n.lose(0);
  EXPECT_EQ(n.send("a", 2).what, fate::hold);
  n.serve();
  EXPECT_EQ(n.again(), (std::vector<int>{2}));
  EXPECT_EQ(n.send("a", 2).what, fate::start);
}

TEST(grain_shard, holds_what_was_sent_by_a_later_table_and_ends_a_walk_without_end) {
  shard_of_a_node n;
  n.lose();
  EXPECT_EQ(n.send("a", 1, {.known = {1, n.epoch + 1}}).what, fate::hold);
  EXPECT_EQ(n.send("a", 2, {.known = {1, n.epoch}}).what, fate::forward);
  EXPECT_EQ(n.send("a", 3, {.hops = 3}).what, fate::forward);
  const auto last = n.send("a", 4, {.hops = 4});
  EXPECT_EQ(last.what, fate::refuse);
  EXPECT_EQ(last.code, errc::unavailable);
}

TEST(grain_shard, tries_an_owner_that_cannot_be_reached_again_and_again) {
  shard_of_a_node n;
  n.lose();
  EXPECT_EQ(n.send("a", 1, {.owner_lost = true}).what, fate::hold);
  n.shard.on_tick(true, n.now, n.out);
  EXPECT_EQ(n.again(), (std::vector<int>{1}));
  EXPECT_EQ(n.send("a", 1, {.until = n.now + 1s}).what, fate::forward);
}

TEST(grain_shard, begins_nothing_without_a_lease_and_goes_on_with_it) {
  shard_of_a_node n;
  n.serve();
  n.leased = false;
  EXPECT_EQ(n.send("a", 1).what, fate::hold);
  n.shard.on_tick(false, n.now, n.out);
  EXPECT_TRUE(n.again().empty());
  n.shard.on_tick(true, n.now, n.out);
  EXPECT_EQ(n.again(), (std::vector<int>{1}));
}

TEST(grain_shard, refuses_what_waited_too_long_also_when_it_was_decided_anew) {
  grain_limits limits;
  limits.held_for_max = 2s;
  shard_of_a_node n(limits);
  EXPECT_EQ(n.send("a", 1).what, fate::hold);
  n.now += 1500ms;
  n.lose(0);
  ASSERT_EQ(n.out.again.size(), 1U);
  const auto until = n.out.again.front()->until;
  EXPECT_EQ(until, time_point{} + 2s);
  EXPECT_EQ(n.send("a", 1, {.until = until}).what, fate::hold);
  n.shard.on_tick(true, n.now, n.out);
  EXPECT_TRUE(n.out.refused.empty());
  n.now += 500ms;
  EXPECT_EQ(n.send("b", 2, {.until = until}).what, fate::refuse);
  n.shard.on_tick(true, n.now, n.out);
  ASSERT_EQ(n.out.refused.size(), 1U);
  EXPECT_EQ(n.out.refused.front().code, errc::unavailable);
  EXPECT_EQ(n.ledger.held(), 0U);
  EXPECT_EQ(n.ledger.held_bytes(), 0U);
}

TEST(grain_shard, cuts_all_grains_when_its_tenure_ends_and_decides_anew_what_waited) {
  shard_of_a_node n;
  n.serve(7);
  (void)n.awake("a", n.send("a").number);
  const auto awake = n.last;
  const auto begun = n.send("b", 2);
  n.lose();
  ASSERT_EQ(n.out.cut.size(), 1U);
  EXPECT_EQ(n.out.cut.front(), awake);
  EXPECT_EQ(n.again(), (std::vector<int>{2}));
  EXPECT_EQ(n.ledger.active(), 0U);
  EXPECT_FALSE(n.shard.started("b", begun.number, std::make_shared<grain_activation>(), 1s)) << "it came too late";
  n.serve(8);
  const auto anew = n.send("a", 3);
  EXPECT_EQ(anew.what, fate::start);
  n.shard.on_ended("a", 1, n.out);
  EXPECT_EQ(n.shard.size(), 1U) << "the end of the cut one means nothing to the new one";
}

TEST(grain_shard, keeps_its_grains_when_a_table_says_the_same_of_it) {
  shard_of_a_node n;
  n.serve(7);
  (void)n.awake("a", n.send("a").number);
  n.serve(7);
  EXPECT_TRUE(n.out.cut.empty());
  EXPECT_EQ(n.send("a").what, fate::deliver);
}

TEST(grain_shard, puts_idle_grains_to_rest_and_wakes_them_again_after_their_end) {
  shard_of_a_node n;
  n.serve();
  const auto number = n.send("a").number;
  (void)n.awake("a", number);
  n.now += 61s;
  n.shard.sweep(n.now, n.out);
  EXPECT_TRUE(n.out.rest.empty()) << "its first message is not handled";
  n.last->waiting = 0;
  n.last->used = (n.now - 59s).time_since_epoch().count();
  n.shard.sweep(n.now, n.out);
  EXPECT_TRUE(n.out.rest.empty());
  n.now += 1s;
  n.shard.sweep(n.now, n.out);
  ASSERT_EQ(n.out.rest.size(), 1U);
  EXPECT_EQ(n.send("a", 5).what, fate::hold) << "until it has ended";
  n.shard.sweep(n.now + 60s, n.out);
  EXPECT_EQ(n.out.rest.size(), 1U);
  n.shard.on_ended("a", number, n.out);
  EXPECT_EQ(n.again(), (std::vector<int>{5}));
  EXPECT_EQ(n.shard.size(), 0U);
  EXPECT_EQ(n.ledger.active(), 0U);
  EXPECT_EQ(n.send("a", 5).what, fate::start);
}

TEST(grain_shard, puts_a_grain_to_rest_when_it_asks_also_while_it_starts) {
  shard_of_a_node n;
  n.serve();
  const auto a = n.send("a").number;
  n.shard.on_wish("a", a, n.out);
  EXPECT_TRUE(n.out.rest.empty());
  EXPECT_EQ(n.awake("a", a).size(), 1U);
  EXPECT_EQ(n.out.rest.size(), 1U);
  n.shard.on_wish("a", a, n.out);
  n.shard.on_wish("a", a + 1, n.out);
  n.shard.on_wish("b", a, n.out);
  EXPECT_EQ(n.out.rest.size(), 1U) << "once, and only for the one that asked";
}

TEST(grain_shard, comes_to_rest_before_it_is_given_up_and_holds_what_comes) {
  shard_of_a_node n;
  n.serve();
  const auto a = n.send("a").number;
  (void)n.awake("a", a);
  const auto b = n.send("b", 2).number;
  EXPECT_FALSE(n.shard.calm(n.out));
  EXPECT_EQ(n.out.rest.size(), 1U);
  EXPECT_EQ(n.send("a", 3).what, fate::hold);
  EXPECT_EQ(n.send("c", 4).what, fate::hold) << "none begins";
  EXPECT_EQ(n.awake("b", b), (std::vector<int>{2})) << "one that had begun handles what it began for";
  EXPECT_EQ(n.out.rest.size(), 2U);
  n.shard.on_ended("a", a, n.out);
  EXPECT_FALSE(n.shard.calm(n.out));
  n.shard.on_ended("b", b, n.out);
  EXPECT_TRUE(n.shard.calm(n.out));
  n.shard.on_tick(true, n.now, n.out);
  EXPECT_TRUE(n.again().empty()) << "the lease is not what they wait for";
  n.lose();
  EXPECT_EQ(n.again(), (std::vector<int>{3, 4}));
  EXPECT_EQ(n.send("a", 3).what, fate::forward);
}

TEST(grain_shard, goes_on_when_it_is_not_given_up_after_all) {
  shard_of_a_node n;
  n.serve();
  EXPECT_TRUE(n.shard.calm(n.out));
  EXPECT_EQ(n.send("a", 1).what, fate::hold);
  n.shard.stir(n.out);
  EXPECT_EQ(n.again(), (std::vector<int>{1}));
  EXPECT_EQ(n.send("a", 1).what, fate::start);
  n.shard.stir(n.out);
  EXPECT_TRUE(n.again().empty());
}

TEST(grain_shard, refuses_beyond_its_limits) {
  grain_limits limits;
  limits.active_max = 1;
  limits.mailbox_max = 2;
  limits.held_max = 3;
  limits.held_bytes_max = 25;
  shard_of_a_node n(limits);
  n.serve();
  const auto a = n.send("a").number;
  EXPECT_EQ(n.send("b").what, fate::refuse) << "one is awake";
  EXPECT_EQ(n.send("a").what, fate::hold);
  EXPECT_EQ(n.send("a").what, fate::hold) << "the bytes are reached with this one";
  EXPECT_EQ(n.send("a").what, fate::refuse);
  EXPECT_EQ(n.awake("a", a).size(), 3U);
  EXPECT_EQ(n.send("a").what, fate::refuse) << "three are not handled";
  n.last->waiting = 1;
  EXPECT_EQ(n.send("a").what, fate::deliver);
  EXPECT_EQ(n.ledger.active(), 1U);
  n.lose(0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(n.send("a").what, fate::hold);
  EXPECT_EQ(n.send("a").what, fate::refuse);
}

TEST(grain_shard, refuses_what_waited_for_a_grain_that_cannot_be_made) {
  shard_of_a_node n;
  n.serve();
  const auto a = n.send("a").number;
  (void)n.send("a");
  n.shard.failed("a", a, errc::not_implemented, "no such type", n.out);
  ASSERT_EQ(n.out.refused.size(), 2U);
  EXPECT_EQ(n.out.refused[1].code, errc::not_implemented);
  EXPECT_EQ(n.shard.size(), 0U);
  EXPECT_EQ(n.ledger.active(), 0U);
  EXPECT_EQ(n.ledger.held(), 0U);
  n.shard.failed("a", a, errc::not_implemented, "no such type", n.out);
  EXPECT_EQ(n.ledger.active(), 0U);
}

TEST(grain_shard, decides_anew_for_a_grain_that_ended_by_itself_or_whose_lease_was_over) {
  shard_of_a_node n;
  n.serve();
  const auto a = n.send("a").number;
  (void)n.awake("a", a);
  n.shard.on_ended("a", a, n.out);
  EXPECT_TRUE(n.out.cut.empty());
  const auto anew = n.send("a", 2);
  EXPECT_EQ(anew.what, fate::start);
  EXPECT_NE(anew.number, a);
  n.shard.on_lapsed("a", anew.number, n.out);
  EXPECT_EQ(n.again(), (std::vector<int>{2}));
}

TEST(grain_shard, refuses_everything_when_the_node_stops) {
  shard_of_a_node n;
  n.serve();
  (void)n.awake("a", n.send("a").number);
  (void)n.send("b");
  n.leased = false;
  (void)n.send("c");
  n.shard.close(n.out);
  EXPECT_EQ(n.out.cut.size(), 1U);
  EXPECT_EQ(n.out.refused.size(), 2U);
  EXPECT_EQ(n.ledger.active(), 0U);
  EXPECT_EQ(n.ledger.held(), 0U);
}

}  // namespace
}  // namespace troupe
