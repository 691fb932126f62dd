// Reliable delivery on real nodes: across partitions, restarts of the receiver's node, and ends of its actor.
#include "tests/node/actors_fixture.hpp"

namespace troupe {
namespace {

using texts = std::shared_ptr<guarded<std::vector<std::string>>>;

struct delivery_test : actors_test {
  /// A receiver of "mail" at node `i`, and what it handled. Its actor ends at "die", answers "no" with an
  /// error.
  texts receive(std::size_t i) {
    auto all = std::make_shared<guarded<std::vector<std::string>>>();
    const auto target = at(i).system().spawn([all](caf::event_based_actor* me) -> caf::behavior {
      return {[=](const std::string& text) -> caf::result<void> {
        if (text == "die") {
          me->quit(caf::exit_reason::user_shutdown);
          return {};
        }
        all->update([&](auto& v) { v.push_back(text); });
        if (text == "no") return to_caf({errc::conflict, "no"});
        return {};
      }};
    });
    const auto r = at(i).delivery().receiver("mail", target);
    EXPECT_TRUE(r) << describe(r.error());
    return all;
  }
  caf::actor sender(std::size_t i, const delivery_options& o = {}) {
    const auto s = at(i).delivery().sender("mail", o);
    EXPECT_TRUE(s) << describe(s.error());
    return *s;
  }
  using outcomes = std::shared_ptr<guarded<std::vector<errc>>>;
  /// Asks the sender to deliver each; the outcomes come one by one.
  outcomes deliver(std::size_t i, const caf::actor& s, std::vector<std::string> all) {
    auto ends = std::make_shared<guarded<std::vector<errc>>>();
    watchers_.push_back(at(i).system().spawn([=](caf::event_based_actor* me) -> caf::behavior {
      for (const auto& text : all) {
        me->request(s, caf::infinite, text)
            .then([ends](caf::ok_atom) { ends->update([](auto& v) { v.push_back(errc::ok); }); },
                  [ends](const caf::error& e) { ends->update([&](auto& v) { v.push_back(from_caf(e).code); }); });
      }
      return {[](int) {}};
    }));
    return ends;
  }
  static std::vector<std::string> numbered(int from, int to) {
    std::vector<std::string> all;
    for (int i = from; i < to; ++i) all.push_back(std::to_string(i));
    return all;
  }
  void expect_ends(const outcomes& o, std::size_t count, errc how = errc::ok) {
    wait_until([&] { return o->read().size() == count; }, "all have ended");
    for (const auto code : o->read()) EXPECT_EQ(code, how);
  }
};

TEST_F(delivery_test, carries_messages_in_order_and_says_when_each_was_handled) {
  start();
  const auto s = sender(0);
  const auto early = deliver(0, s, numbered(0, 100));
  const auto got = receive(1);
  expect_ends(early, 100);
  EXPECT_EQ(got->read(), numbered(0, 100));
  const auto large = std::string(5 << 20, 'x');
  expect_ends(deliver(0, s, {large, "small"}), 2);
  EXPECT_EQ(got->read().size(), 102u);
  EXPECT_TRUE(got->read()[100] == large);
  EXPECT_EQ(got->read()[101], "small");
}

TEST_F(delivery_test, tells_the_producer_to_slow_down_and_what_cannot_be_delivered) {
  start();
  delivery_options o;
  o.waiting_max = 3;
  o.message_bytes_max = 1000;
  const auto s = sender(0, o);
  const auto all = deliver(0, s, {"a", "b", "c", "d", "e", std::string(2000, 'x')});
  wait_until([&] { return all->read().size() == 3; }, "three are refused");
  EXPECT_EQ(all->read(), (std::vector<errc>{errc::unavailable, errc::unavailable, errc::too_large}));
  const auto got = receive(2);
  wait_until([&] { return all->read().size() == 6; }, "three are handled");
  EXPECT_EQ(got->read(), (std::vector<std::string>{"a", "b", "c"}));
  expect_ends(deliver(0, s, {"no"}), 1, errc::conflict);
  caf::scoped_actor me(at(0).system());
  const auto fails = [&](const caf::message& m) {
    errc code = errc::ok;
    me->request(s, 20s, m).receive([](caf::ok_atom) {}, [&](const caf::error& e) { code = from_caf(e).code; });
    return code;
  };
  EXPECT_EQ(fails(caf::make_message(1.5)), errc::invalid_argument);
  EXPECT_EQ(fails(caf::make_message(echo(0))), errc::invalid_argument);
  EXPECT_EQ(fails(caf::make_message(7)), errc::not_implemented) << "the receiving actor has no handler for it";
  EXPECT_EQ(fails(caf::make_message(std::string("fine"))), errc::ok);
}

TEST_F(delivery_test, across_a_partition_everything_is_handled_once) {
  start();
  const auto s = sender(0);
  const auto got = receive(1);
  expect_ends(deliver(0, s, numbered(0, 20)), 20);
  cluster().partition({1});
  const auto meanwhile = deliver(0, s, numbered(20, 60));
  wait_until([&] { return state_seen(0, 1) == member_state::failed; }, "it has failed");
  cluster().heal();
  expect_ends(meanwhile, 40);
  EXPECT_EQ(got->read(), numbered(0, 60));
}

TEST_F(delivery_test, after_a_restart_of_the_receivers_node_nothing_is_missing) {
  start();
  const auto s = sender(0);
  const auto first = receive(1);
  expect_ends(deliver(0, s, numbered(0, 20)), 20);
  const auto under_way = deliver(0, s, numbered(20, 40));
  cluster().kill(1);
  const auto later = deliver(0, s, numbered(40, 60));
  ASSERT_TRUE(cluster().restart(1));
  const auto second = receive(1);
  expect_ends(under_way, 20);
  expect_ends(later, 20);
  auto all = first->read();
  const auto rest = second->read();
  ASSERT_FALSE(rest.empty());
  EXPECT_TRUE(std::is_sorted(rest.begin(), rest.end())) << "in order";
  EXPECT_EQ(rest.back(), "59");
  EXPECT_LE(std::stoi(rest.front()), static_cast<int>(all.size())) << "nothing was left out";
}

TEST_F(delivery_test, goes_on_with_another_receiver_when_one_ends) {
  start();
  const auto s = sender(0);
  const auto first = receive(1);
  expect_ends(deliver(0, s, {"a"}), 1);
  const auto second = receive(2);
  const auto rest = deliver(0, s, {"die", "b"});
  expect_ends(rest, 2);
  EXPECT_EQ(first->read(), std::vector<std::string>{"a"});
  EXPECT_EQ(second->read(), std::vector<std::string>{"b"});
}

TEST_F(delivery_test, says_what_it_does_not_take) {
  start();
  auto& d = at(0).delivery();
  EXPECT_EQ(d.sender("").error().code, errc::invalid_argument);
  EXPECT_EQ(d.sender(std::string(101, 'n')).error().code, errc::invalid_argument);
  delivery_options o;
  o.piece_bytes = 0;
  EXPECT_EQ(d.sender("n", o).error().code, errc::invalid_argument);
  o = {};
  o.message_bytes_max = 65 << 20;
  EXPECT_EQ(d.sender("n", o).error().code, errc::invalid_argument);
  EXPECT_EQ(d.receiver("", echo(0)).error().code, errc::invalid_argument);
  EXPECT_EQ(d.receiver("n", caf::actor()).error().code, errc::invalid_argument);
  o = {};
  o.waiting_max = 1;
  const auto s = sender(0, o);
  const auto waits = deliver(0, s, {"taken", "refused"});
  wait_until([&] { return waits->read() == std::vector<errc>{errc::unavailable}; }, "one was taken");
  caf::anon_send_exit(s, caf::exit_reason::user_shutdown);
  wait_until([&] { return waits->read().size() == 2; }, "it has ended");
  EXPECT_EQ(waits->read().back(), errc::outcome_unknown);
}

}  // namespace
}  // namespace troupe
