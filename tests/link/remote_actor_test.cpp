#include <atomic>
#include <condition_variable>
#include <mutex>

#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "tests/link/actor_node.hpp"

namespace troupe {
namespace {

using namespace testing;

TEST(remote_actor, answers_requests_like_a_local_one) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  b.publish_echo();
  const auto echo = a.find(b);
  EXPECT_EQ(a.ask(echo, "hello"), "hello");
  EXPECT_EQ(a.ask(echo, std::string(3 * mib, 'x')), std::string(3 * mib, 'x'));
  const auto here = b.find(b);
  EXPECT_EQ(b.ask(here, "at home"), "at home");
  EXPECT_EQ(a.find(b), echo) << "one handle for one actor";
}

TEST(remote_actor, carries_registered_types) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  b.publish_echo();
  caf::scoped_actor me(*a.system);
  const order sent{7, "hat", {1, 2}};
  order back;
  me->request(a.find(b), patience, sent)
      .receive([&](const order& o) { back = o; }, [](const caf::error& e) { FAIL() << caf::to_string(e); });
  EXPECT_EQ(back, sent);
}

TEST(remote_actor, answers_ten_thousand_requests_in_flight) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  b.publish_echo();
  const auto echo = a.find(b);
  watched<std::vector<int>> answers;
  constexpr int many = 10000;
  a.spawn([&, echo](caf::event_based_actor* me) -> caf::behavior {
    for (int i = 0; i < many; ++i)
      me->request(echo, caf::infinite, std::to_string(i)).then([&](const std::string& text) {
        answers.update([&](auto& all) { all.push_back(std::stoi(text)); });
      });
    return {[](int) {}};
  });
  ASSERT_TRUE(answers.wait([](const auto& all) { return all.size() == many; }));
  const auto all = answers.read();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
}

TEST(remote_actor, may_answer_its_sender_later_by_a_message) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  auto greeter = b.spawn([](caf::event_based_actor* me) -> caf::behavior {
    return {[me](int n) { caf::anon_send(caf::actor_cast<caf::actor>(me->current_sender()), n + 1); }};
  });
  ASSERT_TRUE(b.actors->publish("greeter", greeter));
  watched<int> got;
  const auto remote = a.find(b, "greeter");
  a.spawn([&, remote](caf::event_based_actor* me) -> caf::behavior {
    me->send(remote, 41);
    return {[&](int n) { got.update([&](int& g) { g = n; }); }};
  });
  EXPECT_TRUE(got.wait([](int n) { return n == 42; }));
}

TEST(remote_actor, runs_where_its_message_arrived_when_that_came_alone) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  b.publish_echo();
  const auto echo = a.find(b);
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(a.ask(echo, "hello"), "hello");
    return b.io.works() > 0;
  }));
}

TEST(remote_actor, runs_on_the_schedulers_threads_alone_where_that_is_asked_for) {
  actor_node a("a", 1);
  actor_node b("b", 2, test_settings(), "127.0.0.1:0", std::make_unique<system_config>(), false);
  b.publish_echo();
  const auto echo = a.find(b);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.ask(echo, "hello"), "hello");
  EXPECT_EQ(b.io.works(), 0);
}

TEST(remote_actor, that_blocks_where_its_message_arrived_holds_no_other_message_up) {
  actor_node a("a", 1);
  auto settings = std::make_unique<system_config>();
  settings->set("scheduler.max-threads", std::size_t{2});  // it may block one of them as well
  actor_node b("b", 2, test_settings(), "127.0.0.1:0", std::move(settings));
  b.publish_echo();
  std::mutex mutex;
  std::condition_variable changed;
  int let_go = 0, waits = 0;  // answers that may be given, and those that were waited for
  auto lock_keeper = b.spawn([&](caf::event_based_actor*) -> caf::behavior {
    return {[&](const std::string& text) {
      std::unique_lock lock(mutex);
      const int turn = ++waits;
      changed.wait(lock, [&] { return let_go >= turn; });
      return text;
    }};
  });
  auto key = b.spawn([&](caf::event_based_actor*) -> caf::behavior {
    return {[&](const std::string& text) {
      const std::lock_guard lock(mutex);
      ++let_go;
      changed.notify_all();
      return text;
    }};
  });
  ASSERT_TRUE(b.actors->publish("lock", lock_keeper));
  ASSERT_TRUE(b.actors->publish("key", key));
  const auto blocks = a.find(b, "lock");
  const auto frees = a.find(b, "key");
  EXPECT_TRUE(eventually([&] {
    caf::scoped_actor me(*a.system);
    auto waiting = me->request(blocks, caf::infinite, std::string("open"));
    EXPECT_EQ(a.ask(frees, "turn"), "turn");
    waiting.receive([](const std::string& text) { EXPECT_EQ(text, "open"); },
                    [](const caf::error& e) { FAIL() << caf::to_string(e); });
    return b.io.takeovers() > 0;
  }));
}

TEST(remote_actor, travels_in_messages_to_its_own_a_second_and_a_third_node) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  actor_node c("c", 3);
  b.publish_echo();
  watched<std::vector<std::string>> at_a;
  watched<std::vector<std::string>> at_b;
  watched<std::vector<std::string>> at_c;
  const auto mine = a.collector(at_a);
  ASSERT_TRUE(b.actors->publish("b", b.collector(at_b)));
  ASSERT_TRUE(c.actors->publish("c", c.collector(at_c)));
  caf::anon_send(a.find(b), mine, std::string("yours"));
  EXPECT_TRUE(at_a.wait([](const auto& all) { return all == std::vector<std::string>{"yours"}; }));
  caf::anon_send(a.find(b), a.find(b, "b"), std::string("receiver's"));
  EXPECT_TRUE(at_b.wait([](const auto& all) { return all == std::vector<std::string>{"receiver's"}; }));
  caf::anon_send(a.find(b), a.find(c, "c"), std::string("third's"));
  EXPECT_TRUE(at_c.wait([](const auto& all) { return all == std::vector<std::string>{"third's"}; }));
}

TEST(remote_actor, gets_requests_that_a_middle_node_delegates) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  actor_node c("c", 3);
  c.publish_echo();
  const auto at_c = b.find(c);
  auto middle = b.spawn([at_c](caf::event_based_actor* me) -> caf::behavior {
    return {[me, at_c](const std::string& text) { return me->delegate(at_c, text); }};
  });
  ASSERT_TRUE(b.actors->publish("middle", middle));
  EXPECT_EQ(a.ask(a.find(b, "middle"), "by two hops"), "by two hops");
}

TEST(remote_actor, tells_its_watchers_when_it_ends) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  b.publish_echo();
  const auto echo = a.find(b);
  watcher w(a, echo);
  EXPECT_EQ(a.ask(echo, "still here"), "still here");
  caf::anon_send(echo, std::string("die"));
  EXPECT_TRUE(w.saw_any());
  const auto late = a.ask(echo, "anyone?");
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, errc::not_found);
  watcher after(a, echo);
  EXPECT_TRUE(after.saw_any()) << "a dead handle says so at once";
  EXPECT_EQ(b.actors->exports(), 0u);

  b.publish_echo();
  const auto again = a.find(b);
  EXPECT_EQ(a.ask(again, "the next one"), "the next one");
}

TEST(remote_actor, is_not_found_under_an_unknown_name) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  const auto nobody = a.find(b, "nobody");
  watcher w(a, nobody);
  EXPECT_TRUE(w.saw(errc::not_found));
  EXPECT_EQ(a.ask(nobody, "x").error().code, errc::not_found);
  EXPECT_EQ(b.actors->find(b.target(), "nobody").error().code, errc::not_found);

  b.publish_echo();
  watched<std::vector<errc>> codes;
  watched<caf::actor> found;
  a.actors->lookup(b.target(), "nobody", soon(), [&](const expected<caf::actor>& r) {
    codes.update([&](auto& all) { all.push_back(r ? errc::ok : r.error().code); });
  });
  a.actors->lookup(b.target(), "echo", soon(), [&](const expected<caf::actor>& r) {
    found.update([&](auto& f) { f = r.value_or(caf::actor()); });
  });
  EXPECT_TRUE(codes.wait([](const auto& all) { return all == std::vector<errc>{errc::not_found}; }));
  ASSERT_TRUE(found.wait([](const auto& f) { return static_cast<bool>(f); }));
  EXPECT_EQ(a.ask(found.read(), "found"), "found");
  EXPECT_EQ(b.actors->publish("echo", found.read()).error().code, errc::invalid_argument) << "the name is taken";
}

TEST(remote_actor, dies_with_its_node_and_fails_what_is_in_flight) {
  actor_node a("a", 1);
  auto b = std::make_unique<actor_node>("b", 2);
  b->publish_echo();
  const auto echo = a.find(*b);
  EXPECT_EQ(a.ask(echo, "up"), "up");
  watcher w(a, echo);
  watched<std::vector<errc>> codes;
  a.spawn([&, echo](caf::event_based_actor* me) -> caf::behavior {
    for (int i = 0; i < 100; ++i)
      me->request(echo, caf::infinite, std::string("hold"))
          .then([](const std::string&) {},
                [&](const caf::error& e) { codes.update([&](auto& all) { all.push_back(from_caf(e).code); }); });
    return {[](int) {}};
  });
  EXPECT_EQ(a.ask(echo, "all have arrived"), "all have arrived");
  const auto address = b->self.address;
  b.reset();
  EXPECT_TRUE(codes.wait([](const auto& all) { return all.size() == 100; }));
  for (const auto code : codes.read()) EXPECT_EQ(code, errc::peer_lost);
  EXPECT_TRUE(w.saw(errc::peer_lost));
  EXPECT_EQ(a.ask(echo, "x").error().code, errc::peer_lost);

  actor_node again("b", 3, test_settings(), address);
  again.publish_echo();
  EXPECT_EQ(a.ask(a.find(again), "a new life"), "a new life");
  EXPECT_FALSE(a.ask(echo, "x").has_value()) << "the old handle stays dead";
}

TEST(remote_actor, shares_the_fate_of_its_links) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  const auto linked_to = [&](const caf::actor& whom, watched<bool>& ended) {
    watched<bool> ready;
    auto actor = a.spawn([whom, &ready](caf::event_based_actor* me) -> caf::behavior {
      me->link_to(whom);
      ready.update([](bool& r) { r = true; });
      return {[](int) {}};
    });
    actor->attach_functor([&ended] { ended.update([](bool& e) { e = true; }); });
    EXPECT_TRUE(ready.wait([](bool r) { return r; }));
    return actor;
  };
  const auto ended = [](bool e) { return e; };

  watched<bool> here;
  b.publish_echo("one");
  const auto one = a.find(b, "one");
  (void)linked_to(one, here);
  EXPECT_EQ(a.ask(one, "the link has arrived"), "the link has arrived");
  caf::anon_send_exit(one, caf::exit_reason::kill);
  EXPECT_TRUE(here.wait(ended)) << "the remote actor ends, the local one follows";

  watched<bool> local;
  watched<bool> there;
  auto two = b.publish_echo("two");
  two->attach_functor([&there] { there.update([](bool& e) { e = true; }); });
  const auto mine = linked_to(a.find(b, "two"), local);
  EXPECT_EQ(a.ask(a.find(b, "two"), "the link has arrived"), "the link has arrived");
  caf::anon_send_exit(mine, caf::exit_reason::kill);
  EXPECT_TRUE(there.wait(ended)) << "the local actor ends, the remote one follows";
}

TEST(remote_actor, refuses_messages_that_cannot_travel_with_an_error) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  b.publish_echo();
  const auto echo = a.find(b);
  EXPECT_EQ(a.ask(echo, caf::make_message(1.5)).error().code, errc::invalid_argument);
  EXPECT_EQ(a.ask(echo, caf::make_message(unregistered{})).error().code, errc::invalid_argument);
  EXPECT_EQ(a.ask(echo, caf::make_message(envelope{echo})).error().code, errc::invalid_argument);
  EXPECT_EQ(a.ask(echo, "fine"), "fine");
}

TEST(remote_actor, answers_with_an_error_when_the_queue_is_full) {
  auto settings = test_settings();
  settings.queue_max = 2 * mib;
  actor_node a("a", 1, settings);
  raw_socket deaf(a.self.address);
  const peer_identity who{"deaf", {9, 9}, "127.0.0.1:1"};
  deaf.join(who);
  const auto handle = a.actors->find({who.address, who.id}, "anyone");
  ASSERT_TRUE(handle.has_value());
  watched<int> refused;
  a.spawn([&, handle](caf::event_based_actor* me) -> caf::behavior {
    for (int i = 0; i < 500; ++i)
      me->request(*handle, caf::infinite, std::string(100 * kib, 'x'))
          .then([](const std::string&) {},
                [&](const caf::error& e) {
                  if (from_caf(e).code == errc::unavailable) refused.update([](int& n) { ++n; });
                });
    return {[](int) {}};
  });
  EXPECT_TRUE(refused.wait([](int n) { return n > 300; }));
}

TEST(remote_actor, leaves_nothing_behind_when_actors_come_and_go) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  b.publish_echo();
  const auto echo = a.find(b);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(a.ask(echo, "x"), "x");  // each time from a new actor
  EXPECT_TRUE(eventually([&] { return a.actors->exports() == 0; }));
}

}  // namespace
}  // namespace troupe
