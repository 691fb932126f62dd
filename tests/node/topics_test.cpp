// Topics on real nodes: subscribers, groups, retained values, bounded queues, and what becomes of them with their node.
#include "tests/node/actors_fixture.hpp"

namespace troupe {
namespace {

/// What a subscriber got, as one text: messages, gaps as [n] or [?], the end as an errc.
using heard = std::shared_ptr<guarded<std::string>>;

struct topics_test : actors_test {
  caf::actor listener(std::size_t i, const heard& all, const std::shared_ptr<guarded<bool>>& held = nullptr) {
    return at(i).system().spawn([all, held](caf::event_based_actor* me) -> caf::behavior {
      return {[=](const std::string& text) {
                if (held) {
                  while (held->read()) std::this_thread::yield();  // a subscriber that is slow
                }
                all->update([&](std::string& s) { s += text; });
                if (text == "die") me->quit();
              },
              [=](const topic_gap& g) {
                all->update([&](std::string& s) { s += g.exact ? "[" + std::to_string(g.missed) + "]" : "[?]"; });
              },
              [=](const topic_end& e) { all->update([&](std::string& s) { s += name_of(e.why.code); }); }};
    });
  }
  heard subscribe(std::size_t i, const std::string& topic, const subscribe_options& o = {}) {
    auto all = std::make_shared<guarded<std::string>>();
    const auto done = at(i).topics().subscribe(listener(i, all), topic, o);
    EXPECT_TRUE(done) << describe(done.error());
    return all;
  }
  void publish(std::size_t i, const std::string& topic, const std::string& text, bool retain = false) {
    const auto done = at(i).topics().publish(topic, caf::make_message(text), {.retain = retain});
    EXPECT_TRUE(done) << describe(done.error());
  }
  void expect_heard(const heard& h, const std::string& text) {
    wait_until([&] { return h->read() == text; }, "\"" + text + "\" instead of \"" + h->read() + "\"");
  }
  void expect_subscribers(const std::string& topic, std::size_t count) {
    for (std::size_t i = 0; i < 3; ++i) {
      if (cluster().running(i)) wait_until([&] { return at(i).topics().subscribers(topic) == count; }, name(i));
    }
  }
};

TEST_F(topics_test, a_message_reaches_every_subscriber_wherever_it_is_published) {
  start();
  std::vector<heard> all;
  for (std::size_t i = 0; i < 3; ++i) all.push_back(subscribe(i, "news"));
  const auto other = subscribe(1, "weather");
  expect_subscribers("news", 3);
  for (std::size_t i = 0; i < 3; ++i) {
    publish(i, "news", name(i) + " ");
    for (const auto& h : all) wait_until([&] { return h->read().ends_with(name(i) + " "); }, "it arrives");
  }
  for (const auto& h : all) EXPECT_EQ(h->read(), "n1 n2 n3 ");
  EXPECT_EQ(other->read(), "");
  for (int i = 0; i < 200; ++i) publish(0, "weather", "x");
  expect_heard(other, std::string(200, 'x'));
}

TEST_F(topics_test, of_a_group_one_gets_each_message) {
  start();
  std::vector<heard> workers;
  for (std::size_t i = 0; i < 3; ++i) workers.push_back(subscribe(i, "jobs", {.group = "workers"}));
  const auto audit = subscribe(2, "jobs", {.group = "audit"});
  expect_subscribers("jobs", 4);
  for (int i = 0; i < 30; ++i) publish(static_cast<std::size_t>(i % 3), "jobs", "j");
  expect_heard(audit, std::string(30, 'j'));
  wait_until(
      [&] {
        std::size_t sum = 0;
        for (const auto& w : workers) sum += w->read().size();
        return sum == 30;
      },
      "each once");
  for (const auto& w : workers) EXPECT_GE(w->read().size(), 9u) << "in turn, for each publisher";
}

TEST_F(topics_test, a_retained_value_outlives_its_node_and_is_first_for_later_subscribers) {
  start();
  publish(0, "price", "1", true);
  publish(0, "price", "2", true);
  auto late = subscribe(1, "price");
  wait_until([&] { return late->read().ends_with('2'); }, "it came");
  EXPECT_TRUE(late->read() == "2" || late->read() == "12") << late->read();
  expect_heard(subscribe(2, "price"), "2");
  cluster().kill(0);
  expect_heard(subscribe(2, "price"), "2");
  ASSERT_TRUE(cluster().restart(0));
  expect_heard(subscribe(0, "price"), "2");
  const auto probe = subscribe(0, "probe");
  wait_until([&] { return at(1).topics().subscribers("probe") == 1; }, "it is known");
  ASSERT_TRUE(at(1).topics().forget("price"));
  publish(1, "probe", "after it");
  expect_heard(probe, "after it");
  const auto later = subscribe(0, "price");
  wait_until([&] { return at(1).topics().subscribers("price") == 5; }, "all are known");
  publish(1, "price", "new");
  expect_heard(later, "new");
}

TEST_F(topics_test, subscriptions_end_with_their_actor_and_their_node) {
  start();
  const auto mortal = subscribe(0, "t");
  (void)subscribe(1, "t");
  const auto both = std::make_shared<guarded<std::string>>();
  {
    const auto a = listener(2, both);  // the subscription holds it
    ASSERT_TRUE(at(2).topics().subscribe(a, "t"));
    ASSERT_TRUE(at(2).topics().subscribe(a, "t")) << "once more is no more";
  }
  expect_subscribers("t", 3);
  publish(0, "t", "die");
  expect_subscribers("t", 0);
  EXPECT_EQ(both->read(), "die");
  (void)subscribe(1, "t");
  const auto leaves = subscribe(2, "t");
  const auto b = listener(0, both);
  ASSERT_TRUE(at(0).topics().subscribe(b, "t", {.group = "g"}));
  expect_subscribers("t", 3);
  at(0).topics().unsubscribe(b, "t");
  at(0).topics().unsubscribe(b, "t", "g");
  expect_subscribers("t", 2);
  cluster().kill(1);
  wait_until([&] { return at(0).topics().subscribers("t") == 1; }, "it went with its node");
  EXPECT_TRUE(cluster().leave(2));
  wait_until([&] { return at(0).topics().subscribers("t") == 0; }, "it left");
  EXPECT_EQ(leaves->read(), "unavailable");
}

TEST_F(topics_test, a_slow_subscriber_is_told_what_it_missed) {
  start(1);
  const auto held = std::make_shared<guarded<bool>>();
  held->update([](bool& b) { b = true; });
  const auto slow = [&](topic_overflow rule) {
    auto all = std::make_shared<guarded<std::string>>();
    EXPECT_TRUE(at(0).topics().subscribe(listener(0, all, held), "t", {.waiting_max = 20, .overflow = rule}));
    return all;
  };
  const auto oldest = slow(topic_overflow::drop_oldest);
  const auto newest = slow(topic_overflow::drop_newest);
  const auto ended = slow(topic_overflow::unsubscribe);
  for (int i = 0; i < 26; ++i) publish(0, "t", std::string(1, static_cast<char>('a' + i)));
  held->update([](bool& b) { b = false; });
  expect_heard(oldest, "abcdefghijklmnop[6]wxyz");
  expect_heard(newest, "abcdefghijklmnopqrst[6]");
  expect_heard(ended, "abcdefghijklmnopunavailable");
  EXPECT_EQ(at(0).topics().subscribers("t"), 2u);
}

TEST_F(topics_test, a_partition_is_bridged_or_told) {
  start();
  const auto h = subscribe(1, "t");
  expect_subscribers("t", 1);
  publish(0, "t", "a");
  expect_heard(h, "a");
  cluster().partition({1});
  publish(0, "t", "b");
  wait_until([&] { return state_seen(0, 1) == member_state::failed; }, "it has failed");
  publish(0, "t", "c");
  cluster().heal();
  wait_until([&] { return cluster().converged() && at(0).topics().subscribers("t") == 1; }, "it is back");
  publish(0, "t", "d");
  wait_until([&] { return h->read().find('d') != std::string::npos; }, "it gets messages again");
  EXPECT_NE(h->read().find("[?]"), std::string::npos) << h->read();
}

TEST_F(topics_test, what_is_retained_while_a_node_is_away_reaches_its_subscribers) {
  start();
  const auto h = subscribe(1, "t");
  expect_subscribers("t", 1);
  cluster().partition({1});
  wait_until([&] { return state_seen(0, 1) == member_state::failed; }, "it has failed");
  publish(0, "t", "kept", true);
  cluster().heal();
  wait_until([&] { return h->read().find("kept") != std::string::npos; }, "it is shown when the node is back");
}

TEST_F(topics_test, says_what_it_does_not_take) {
  start();
  auto& t = at(0).topics();
  const auto publishes = [&](const std::string& topic, const caf::message& m) {
    const auto done = t.publish(topic, m);
    return done ? errc::ok : done.error().code;
  };
  const auto x = caf::make_message(std::string("x"));
  EXPECT_EQ(publishes("", x), errc::invalid_argument);
  EXPECT_EQ(publishes(std::string(256, 't'), x), errc::invalid_argument);
  EXPECT_EQ(publishes("t", caf::message()), errc::invalid_argument);
  EXPECT_EQ(publishes("t", caf::make_message(1.5)), errc::invalid_argument);
  EXPECT_EQ(publishes("t", caf::make_message(echo(0))), errc::invalid_argument) << "a handle";
  EXPECT_EQ(publishes("t", caf::make_message(topic_gap{})), errc::invalid_argument) << "an unregistered type";
  EXPECT_EQ(publishes("t", caf::make_message(std::string(1 << 20, 'x'))), errc::too_large);
  const auto here = echo(0);
  EXPECT_EQ(t.subscribe(here, "").error().code, errc::invalid_argument);
  EXPECT_EQ(t.subscribe(here, "t", {.waiting_max = 0}).error().code, errc::invalid_argument);
  EXPECT_EQ(t.subscribe(caf::actor(), "t").error().code, errc::invalid_argument);
  ASSERT_TRUE(at(1).registry().add("far", echo(1)));
  expect_found(0, "far", 1);
  EXPECT_EQ(t.subscribe(*at(0).registry().one("far"), "t").error().code, errc::invalid_argument);
  t.unsubscribe(here, "never");
  EXPECT_TRUE(t.forget("never"));
}

}  // namespace
}  // namespace troupe
