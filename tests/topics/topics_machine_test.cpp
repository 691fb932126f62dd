// Topics of a few nodes on virtual time: who gets what, in which order, and what is told when something is missed.
#include "runtime/topics/topics_machine.hpp"

#include <array>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

struct topics_cluster : testing::Test {
  static constexpr std::size_t count = 3;
  static incarnation_id id(std::size_t i) { return {1, i + 1}; }

  topics_cluster() {
    join_all();
    run();
  }
  void join(std::size_t i) {
    std::set<incarnation_id> others;
    for (std::size_t j = 0; j < count; ++j) {
      if (j != i) others.insert(id(j));
    }
    at[i].set_members(others, now);
  }
  void join_all() {
    for (std::size_t i = 0; i < count; ++i) join(i);
  }
  /// It and the others hold each other for no members.
  void part(std::size_t i) {
    for (std::size_t j = 0; j < count; ++j) {
      if (j != i) drop(j, i);
    }
    at[i].set_members({}, now);
  }
  void drop(std::size_t i, std::size_t whom) {
    std::set<incarnation_id> others;
    for (std::size_t j = 0; j < count; ++j) {
      if (j != i && j != whom) others.insert(id(j));
    }
    at[i].set_members(others, now);
  }

  /// Carries packets, as bytes, until nothing is due. `lost` nodes answer nothing.
  void run() {
    for (int turn = 0; turn < 100; ++turn) {
      bool more = false;
      for (std::size_t i = 0; i < count; ++i) {
        for (auto& o : at[i].due(now)) {
          more = true;
          carry(i, o);
        }
      }
      if (!more) return;
    }
    FAIL() << "it never ends";
  }
  void carry(std::size_t from, const topics_machine::outgoing& o) {
    const auto to = static_cast<std::size_t>(o.id.to.low - 1);
    topics_machine::deliveries here;
    if (lost.contains(to) || lost.contains(from)) {
      at[from].on_answer(o.id, topic_outcome::silence, nullptr, now, here);
      return;
    }
    topics_machine::deliveries there;
    const auto answer = at[to].on_packet(id(from), *decode_topic_packet(encode(o.packet)), there);
    note(to, there);
    if (answers_lost) {
      at[from].on_answer(o.id, topic_outcome::silence, nullptr, now, here);
    } else {
      std::optional<topic_packet> back;
      if (answer) back = *decode_topic_packet(encode(*answer));
      at[from].on_answer(o.id, topic_outcome::answered, back ? &*back : nullptr, now, here);
    }
    note(from, here);
  }
  void pass(duration d) {
    for (const auto end = now + d; now < end;) {
      now += 100ms;
      run();
    }
  }
  void note(std::size_t i, const topics_machine::deliveries& all) {
    for (const auto& d : all) {
      auto& told = heard[{i, d.to}];
      if (d.gap) told += d.gap->exact ? "[" + std::to_string(d.gap->missed) + "]" : "[?]";
      if (d.content) told += (d.late ? "~" : "") + *d.content;
    }
  }
  topic_subscription_id subscribe(std::size_t i, const std::string& topic, const std::string& group = {}) {
    topics_machine::deliveries out;
    const auto s = at[i].subscribe(topic, group, out);
    EXPECT_TRUE(s);
    note(i, out);
    return *s;
  }
  topics_machine::reach publish(std::size_t i, const std::string& topic, const std::string& text, bool retain = false) {
    topics_machine::deliveries out;
    const auto r = at[i].publish(topic, std::make_shared<const std::string>(text), retain, out);
    EXPECT_TRUE(r);
    note(i, out);
    return r.value_or(topics_machine::reach{});
  }

  time_point now = time_point{} + 1h;
  std::array<topics_machine, count> at{topics_machine{id(0), random(1)}, topics_machine{id(1), random(2)},
                                       topics_machine{id(2), random(3)}};
  std::map<std::pair<std::size_t, topic_subscription_id>, std::string> heard;
  std::set<std::size_t> lost;
  bool answers_lost = false;
};

TEST_F(topics_cluster, every_subscriber_gets_every_message_in_order) {
  const auto a = subscribe(0, "t");
  const auto b = subscribe(1, "t");
  const auto c = subscribe(1, "t");
  const auto other = subscribe(2, "u");
  run();
  for (const auto* text : {"1", "2", "3"}) publish(0, "t", text);
  EXPECT_EQ(publish(2, "t", "4").here, 0u);
  run();
  EXPECT_EQ((heard[{0, a}]), "1234");
  EXPECT_EQ((heard[{1, b}]), "1234");
  EXPECT_EQ((heard[{1, c}]), "1234");
  EXPECT_EQ((heard[{2, other}]), "");
  EXPECT_EQ(at[2].subscribers("t"), 3u);
  at[1].unsubscribe(b);
  run();
  publish(0, "t", "5");
  run();
  EXPECT_EQ((heard[{1, b}]), "1234");
  EXPECT_EQ((heard[{1, c}]), "12345");
  EXPECT_EQ(at[2].subscribers("t"), 2u);
}

TEST_F(topics_cluster, goes_only_where_somebody_listens) {
  subscribe(1, "t");
  run();
  const auto r = publish(0, "t", "x");
  EXPECT_EQ(r.nodes, std::vector{id(1)});
  EXPECT_TRUE(publish(0, "nobody", "x").nodes.empty());
}

TEST_F(topics_cluster, of_a_group_one_gets_it_in_turn) {
  const auto a = subscribe(0, "t", "g");
  const auto b = subscribe(1, "t", "g");
  const auto c = subscribe(1, "t", "g");
  const auto h = subscribe(2, "t", "h");
  run();
  for (int i = 0; i < 9; ++i) publish(0, "t", "x");
  run();
  EXPECT_EQ((heard[{0, a}]), "xxx");
  EXPECT_EQ((heard[{1, b}]), "xxx");
  EXPECT_EQ((heard[{1, c}]), "xxx");
  EXPECT_EQ((heard[{2, h}]), "xxxxxxxxx") << "another group";
  EXPECT_EQ(at[0].subscribers("t"), 4u);
}

TEST_F(topics_cluster, what_is_retained_is_given_first_to_later_subscribers) {
  publish(0, "t", "1", true);
  publish(0, "t", "2", true);
  run();
  const auto late = subscribe(2, "t");
  EXPECT_EQ((heard[{2, late}]), "2");
  run();
  publish(0, "t", "3");
  run();
  EXPECT_EQ((heard[{2, late}]), "23");
  const auto grouped = subscribe(1, "t", "g");
  EXPECT_EQ((heard[{1, grouped}]), "") << "not to each that joins a group";
  ASSERT_TRUE(at[1].forget("t"));
  run();
  const auto later = subscribe(0, "t");
  EXPECT_EQ((heard[{0, later}]), "");
  EXPECT_EQ(at[2].retained().topics(), 0u);
}

TEST_F(topics_cluster, what_is_retained_outlives_its_node_and_reaches_new_ones) {
  publish(0, "t", "1", true);
  run();
  lost = {0};
  drop(1, 0);
  drop(2, 0);
  at[2] = topics_machine({1, 3}, random(9));
  drop(2, 0);
  pass(1s);
  const auto late = subscribe(2, "t");
  EXPECT_EQ((heard[{2, late}]), "1");
}

TEST_F(topics_cluster, a_value_that_was_missed_is_repaired_and_shown_with_a_gap) {
  const auto s = subscribe(2, "t");
  publish(0, "t", "1", true);
  run();
  ASSERT_EQ((heard[{2, s}]), "1");
  drop(0, 2);
  publish(0, "t", "2", true);
  publish(0, "t", "3", true);
  run();
  pass(20s);
  EXPECT_EQ((heard[{2, s}]), "1[?]3") << "node 1 told it";
  join(0);
  run();
  publish(0, "t", "4");
  run();
  EXPECT_EQ((heard[{2, s}]).substr(0, 9), "1[?]3[?]4");
}

TEST_F(topics_cluster, what_was_retained_before_a_node_joined_reaches_who_subscribed_there_before) {
  part(2);
  at[2] = topics_machine(id(2), random(9));
  const auto s = subscribe(2, "t");
  publish(0, "t", "1", true);
  run();
  join_all();
  run();
  EXPECT_EQ((heard[{2, s}]), "1[?]");
  publish(0, "t", "2");
  pass(20s);
  EXPECT_EQ((heard[{2, s}]), "1[?]2") << "and once only";
}

TEST_F(topics_cluster, what_was_retained_is_late_after_newer_messages_of_its_publisher_only) {
  part(2);
  at[2] = topics_machine(id(2), random(9));
  const auto s = subscribe(2, "t");
  const auto other = subscribe(2, "u");
  publish(0, "t", "1", true);
  publish(0, "u", "1", true);
  run();
  join_all();
  publish(0, "t", "2");
  run();
  EXPECT_EQ((heard[{2, s}]), "2~1");
  EXPECT_EQ((heard[{2, other}]), "1[?]") << "nothing newer of that topic";
  EXPECT_EQ(at[2].counts().late, 1u);
  publish(0, "t", "3");
  pass(20s);
  EXPECT_EQ((heard[{2, s}]), "2~13");
}

TEST_F(topics_cluster, a_value_that_had_no_room_is_shown_when_it_was_repaired) {
  const auto s = subscribe(2, "t");
  run();
  lost = {2};
  const std::string large(topic_content_bytes_max, 'x');
  for (int i = 0; i < 15; ++i) publish(0, "t", large);
  const std::string kept(topic_content_bytes_max, 'r');
  publish(0, "t", kept, true);
  EXPECT_GT(at[0].counts().dropped, 0u);
  lost = {};
  pass(300ms);
  publish(0, "t", "y");
  run();
  const auto& told = heard[{2, s}];
  EXPECT_EQ(told.substr(told.rfind('x') + 1), "[1]y");
  pass(20s);
  EXPECT_EQ(told.substr(told.rfind('x') + 1), "[1]y~" + kept);
}

TEST_F(topics_cluster, a_repair_that_is_faster_than_the_word_of_what_had_no_room_tells_a_gap_before_its_value) {
  const auto s = subscribe(2, "t");
  const auto other = subscribe(2, "u");
  run();
  publish(0, "t", "1");
  run();
  lost = {2};
  const std::string large(topic_content_bytes_max, 'x');
  for (int i = 0; i < 15; ++i) publish(0, "u", large);
  publish(0, "t", large);
  publish(0, "t", large, true);
  ASSERT_EQ(at[0].counts().dropped, 2u);
  const std::string alone(topic_outbox::batch_bytes_max * 3 / 4, 'y');  // so that the word comes in a later packet
  for (int i = 0; i < 2; ++i) publish(0, "u", alone);
  run();
  lost = {};
  now += 300ms;
  for (int turn = 0; turn < 100 && !heard[{2, other}].ends_with('y'); ++turn) {
    for (const auto& o : at[0].due(now)) carry(0, o);
  }
  const auto* kept = at[1].retained().find("t");
  ASSERT_NE(kept, nullptr);
  ASSERT_EQ((heard[{2, s}]), "1") << "nothing was told yet";
  topic_packet repair;
  repair.part = topic_packet::kind::retained;
  repair.retained.values = {{"t", *kept}};
  topics_machine::deliveries out;
  (void)at[2].on_packet(id(1), repair, out);
  note(2, out);
  pass(1s);
  EXPECT_EQ((heard[{2, s}]), "1[?]" + large + "[?][2]");
}

TEST_F(topics_cluster, a_value_that_was_seen_and_comes_back_is_not_shown_again) {
  const auto s = subscribe(2, "t");
  run();
  const auto later = [&] {
    const auto all = retained_gone_max + 1;
    for (std::size_t i = 0; i < all; ++i) publish(0, "gone " + std::to_string(i), "x", true);
    run();
    for (std::size_t i = 0; i < all; ++i) ASSERT_TRUE(at[0].forget("gone " + std::to_string(i)));
    run();
  };
  publish(0, "t", "1", true);
  publish(0, "t", "2");
  run();
  part(1);
  ASSERT_TRUE(at[0].forget("t"));
  run();
  later();
  ASSERT_EQ(at[2].retained().find("t"), nullptr);
  join_all();
  pass(20s);
  ASSERT_NE(at[2].retained().find("t"), nullptr) << "node 1 has brought it back: nobody knew any more that it was gone";
  EXPECT_EQ((heard[{2, s}]), "12[?]") << "the gap is of node 1, which was away";
}

TEST_F(topics_cluster, sends_again_what_was_not_answered_and_nobody_gets_it_twice) {
  const auto s = subscribe(1, "t");
  run();
  answers_lost = true;
  publish(0, "t", "1");
  run();
  publish(0, "t", "2");
  pass(300ms);
  answers_lost = false;
  pass(300ms);
  EXPECT_EQ((heard[{1, s}]), "12");
  EXPECT_GT(at[1].counts().repeated, 0u);
  lost = {1};
  publish(0, "t", "3");
  pass(2s);
  EXPECT_EQ((heard[{1, s}]), "12");
  lost = {};
  pass(300ms);
  EXPECT_EQ((heard[{1, s}]), "123");
}

TEST_F(topics_cluster, an_answer_to_what_was_sent_before_a_node_was_held_for_gone_is_none_to_what_is_under_way_now) {
  const auto s = subscribe(1, "t");
  run();
  publish(0, "t", "1");
  const auto before = at[0].due(now);
  ASSERT_EQ(before.size(), 1u);
  drop(0, 1);
  join(0);
  publish(0, "t", "2");
  const auto after = at[0].due(now);
  topics_machine::deliveries out;
  at[0].on_answer(before[0].id, topic_outcome::answered, nullptr, now, out);
  EXPECT_EQ(at[0].waiting(), 1u);
  for (const auto& o : after) at[0].on_answer(o.id, topic_outcome::silence, nullptr, now, out);
  pass(1s);
  EXPECT_EQ((heard[{1, s}]), "[?]2");
  EXPECT_EQ(at[0].waiting(), 0u);
}

TEST_F(topics_cluster, what_had_no_room_is_told_as_missed) {
  const auto s = subscribe(1, "t");
  run();
  lost = {1};
  const std::string large(topic_content_bytes_max, 'x');
  for (int i = 0; i < 18; ++i) publish(0, "t", large);
  EXPECT_GT(at[0].counts().dropped, 0u);
  lost = {};
  pass(1s);
  const auto& told = heard[{1, s}];
  EXPECT_EQ(told.substr(told.size() - 3), "[" + std::to_string(at[0].counts().dropped) + "]");
}

TEST_F(topics_cluster, subscriptions_of_a_node_go_with_it) {
  subscribe(1, "t");
  subscribe(1, "t", "g");
  run();
  EXPECT_EQ(at[0].subscribers("t"), 2u);
  drop(0, 1);
  EXPECT_EQ(at[0].subscribers("t"), 0u);
  EXPECT_TRUE(publish(0, "t", "x").nodes.empty());
}

TEST_F(topics_cluster, says_what_is_wrong) {
  topics_machine::deliveries out;
  const auto x = std::make_shared<const std::string>("x");
  EXPECT_EQ(at[0].publish("", x, false, out).error().code, errc::invalid_argument);
  EXPECT_EQ(at[0].publish(std::string(256, 't'), x, false, out).error().code, errc::invalid_argument);
  const auto large = std::make_shared<const std::string>(topic_content_bytes_max + 1, 'x');
  EXPECT_EQ(at[0].publish("t", large, false, out).error().code, errc::too_large);
  EXPECT_EQ(at[0].subscribe("", "", out).error().code, errc::invalid_argument);
  EXPECT_EQ(at[0].subscribe("t", std::string("a\0", 2), out).error().code, errc::invalid_argument);
  EXPECT_EQ(at[0].forget("").error().code, errc::invalid_argument);
  at[0].unsubscribe(77);
}

}  // namespace
}  // namespace troupe
