// Singletons on real nodes: one runs, everybody reaches it, and it moves.
#include <atomic>
#include <thread>

#include "tests/node/actors_fixture.hpp"

namespace troupe {
namespace {

/// Adds what it is told and says "NODE SUM"; "die" ends it, "hold" adds 100 and is never answered. Its sum is its
/// state.
caf::behavior counting(caf::event_based_actor* me, const std::string& node, const std::optional<std::string>& state) {
  auto sum = std::make_shared<int>(state ? std::stoi(*state) : 0);
  auto held = std::make_shared<std::vector<caf::response_promise>>();
  return {[sum, node](int n) { return node + " " + std::to_string(*sum += n); },
          [me, sum, held](const std::string& text) -> caf::result<std::string> {
            if (text == "die") me->quit();
            if (text != "hold") return text;
            *sum += 100;
            held->push_back(me->make_response_promise());
            return caf::delegated<std::string>();
          },
          [sum](hand_over_atom) { return std::to_string(*sum); }};
}

class singletons : public actors_test {
 protected:
  ~singletons() override {
    watchers_.clear();
    cluster_.reset();  // while there is what factories write to
  }

  singleton_factory counter_at(std::size_t i) {
    return [this, i](const singleton_start& s) {
      starts_.update([&](auto& all) { all.push_back(s.token); });
      return s.system.spawn(counting, name(i), s.state);
    };
  }
  /// Declares it at all nodes; `proxies` has no factory there.
  void declare(const singleton_options& o = {.ttl = 5s}, std::optional<std::size_t> proxies = std::nullopt) {
    for (std::size_t i = 0; i < cluster().size(); ++i) {
      const auto made = at(i).singleton("counter", proxies == i ? singleton_factory() : counter_at(i), o);
      ASSERT_TRUE(made) << describe(made.error());
    }
  }
  caf::actor handle(std::size_t i) { return at(i).singleton("counter").value_or(caf::actor()); }

  expected<std::string> add(std::size_t from, int n) {
    caf::scoped_actor me(at(from).system());
    expected<std::string> answer = fail(errc::deadline_exceeded, "test");
    me->request(handle(from), 20s, n)
        .receive([&](const std::string& s) { answer = s; },
                 [&](const caf::error& e) { answer = tl::unexpected<error>(from_caf(e)); });
    return answer;
  }
  /// Asks until it is answered: a request that was on its way to a node that ended is lost.
  std::string add_surely(std::size_t from, int n) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < end) {
      if (auto answer = add(from, n)) return *answer;
      std::this_thread::yield();
    }
    return "no answer";
  }
  /// The node whose answer this is.
  [[nodiscard]] static std::size_t node_of(const std::string& answer) {
    return static_cast<std::size_t>(answer.at(1) - '1');
  }
  [[nodiscard]] std::string holder(std::size_t seen_at) {
    for (const auto& row : cluster().at(seen_at).view()->locks) {
      if (row.name == "singleton:counter") return row.holders.at(0).member;
    }
    return {};
  }

  guarded<std::vector<std::uint64_t>> starts_;
};

TEST_F(singletons, run_once_and_are_reached_from_every_node) {
  start();
  declare();
  const auto first = add(0, 1);
  ASSERT_TRUE(first) << describe(first.error());
  const auto where = first->substr(0, 2);
  EXPECT_EQ(add(1, 1), where + " 2");
  EXPECT_EQ(add(2, 1), where + " 3");
  EXPECT_EQ(holder(0), where) << "it is shown as a role";
  EXPECT_EQ(handle(0), handle(0));
  EXPECT_EQ(starts_.read().size(), 1u);
}

TEST_F(singletons, take_their_state_along_when_their_node_leaves_and_no_message_is_lost) {
  start();
  declare();
  const auto first = add(0, 1);
  ASSERT_TRUE(first) << describe(first.error());
  const auto from = node_of(*first);
  const auto asker = (from + 1) % 3;
  std::atomic<bool> going{true};
  std::atomic<int> sent{1};
  guarded<std::vector<std::string>> bad;
  std::thread load([&] {
    while (going) {
      const auto answer = add(asker, 1);
      ++sent;
      if (!answer) bad.update([&](auto& all) { all.push_back(describe(answer.error())); });
    }
  });
  wait_until([&] { return sent > 10; }, "some are sent");
  const auto left = cluster().leave(from);
  const auto by_then = sent.load();
  wait_until([&] { return sent > by_then + 10; }, "some more are sent");
  going = false;
  load.join();
  EXPECT_TRUE(left) << describe(left.error());
  EXPECT_EQ(bad.read(), std::vector<std::string>());
  const auto last = add(asker, 0);
  ASSERT_TRUE(last) << describe(last.error());
  EXPECT_EQ(last->substr(3), std::to_string(sent.load()));
  EXPECT_NE(node_of(*last), from);
  const auto tokens = starts_.read();
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_GT(tokens[1], tokens[0]);
}

TEST_F(singletons, are_taken_over_when_their_node_dies_and_messages_wait_for_them) {
  start();
  declare({.ttl = 2s});
  const auto first = add(0, 1);
  ASSERT_TRUE(first) << describe(first.error());
  const auto dead = node_of(*first);
  cluster().kill(dead);
  const auto again = add_surely((dead + 1) % 3, 5);
  EXPECT_EQ(again.substr(3), "5") << "its state died with its node";
  EXPECT_NE(node_of(again), dead);
  ASSERT_TRUE(cluster().restart(dead));
  ASSERT_TRUE(at(dead).singleton("counter", counter_at(dead)));
  EXPECT_EQ(add_surely(dead, 1), again.substr(0, 2) + " 6");
}

TEST_F(singletons, lost_with_their_node_end_requests_under_way_with_peer_lost) {
  start();
  declare({.ttl = 2s});
  const auto first = add(0, 1);
  ASSERT_TRUE(first) << describe(first.error());
  const auto dead = node_of(*first);
  const auto asker = (dead + 1) % 3;
  const auto seen = watch(asker, handle(asker), 3);
  wait_until([&] { return add(asker, 0) == name(dead) + " 301"; }, "it has them");
  cluster().kill(dead);
  wait_until([&] { return seen->read().answers.size() == 3; }, "they end");
  EXPECT_EQ(seen->read().answers, std::vector<errc>(3, errc::peer_lost));
  EXPECT_FALSE(seen->read().down) << "the handle stays";
  EXPECT_EQ(add_surely(asker, 0).substr(3), "0") << "what one instance had goes to no other";
}

TEST_F(singletons, are_served_no_more_at_a_node_that_stood_still) {
  start();
  declare({.ttl = 2s});
  const auto first = add(0, 1);
  ASSERT_TRUE(first) << describe(first.error());
  const auto still = node_of(*first);
  const auto asker = (still + 1) % 3;
  cluster().pause(still);
  const auto again = add_surely(asker, 10);
  EXPECT_NE(node_of(again), still);
  cluster().resume(still);
  wait_until([&] { return holder(still) == again.substr(0, 2); }, "it knows who runs it now");
  EXPECT_EQ(add_surely(still, 1), again.substr(0, 2) + " 11");
}

TEST_F(singletons, are_started_again_when_they_end_by_themselves) {
  start(1);
  declare();
  ASSERT_EQ(add(0, 7), "n1 7");
  EXPECT_EQ(ask(0, handle(0), "die"), "die");
  wait_until([&] { return starts_.read().size() == 2; }, "it is started again");
  EXPECT_EQ(add_surely(0, 1), "n1 1") << "without its state";
  EXPECT_EQ(starts_.read()[0], starts_.read()[1]) << "under the same hold";
}

TEST_F(singletons, are_made_again_when_their_factory_throws) {
  start(1);
  const auto calls = std::make_shared<std::atomic<int>>(0);
  const auto made = at(0).singleton("counter", [calls](const singleton_start& s) -> caf::actor {
    if (++*calls == 1) throw std::runtime_error("on purpose");
    if (*calls == 2) return {};
    return s.system.spawn(counting, "n1", s.state);
  });
  ASSERT_TRUE(made);
  EXPECT_EQ(add(0, 3), "n1 3");
  EXPECT_EQ(*calls, 3);
}

TEST_F(singletons, of_a_role_run_at_its_members_only) {
  start();
  singleton_options o{.ttl = 5s};
  o.at = where::any().in_role("worker").with_tag("zone", "eu");
  declare(o);
  EXPECT_EQ(add(0, 1), "n2 1");
  EXPECT_EQ(add(2, 1), "n2 2");
}

TEST_F(singletons, are_reached_from_nodes_that_may_not_run_them) {
  start();
  declare({.ttl = 5s}, 1);
  const auto first = add(1, 1);
  ASSERT_TRUE(first) << describe(first.error());
  EXPECT_NE(node_of(*first), 1u);
}

TEST_F(singletons, that_nobody_runs_keep_messages_and_refuse_them_in_the_end) {
  start(1);
  const auto proxy = at(0).singleton("counter", nullptr, {.waiting_max = 2, .wait_max = 300ms});
  ASSERT_TRUE(proxy);
  caf::anon_send(*proxy, 1);
  const auto late = add(0, 1);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, errc::unavailable);
  EXPECT_NE(late.error().context.find("too long"), std::string::npos) << late.error().context;
  caf::anon_send(*proxy, 1);
  caf::anon_send(*proxy, 1);
  const auto full = add(0, 1);
  ASSERT_FALSE(full);
  EXPECT_NE(full.error().context.find("too many"), std::string::npos) << full.error().context;
  ASSERT_TRUE(at(0).singleton("counter", counter_at(0)));
  wait_until([&] { return add(0, 0).has_value(); }, "it may run here after all");
}

TEST_F(singletons, say_what_is_wrong_with_them) {
  start(1);
  const auto code = [&](const std::string& name, const singleton_options& o) {
    const auto made = at(0).singleton(name, counter_at(0), o);
    return made ? errc::ok : made.error().code;
  };
  EXPECT_EQ(code("", {}), errc::invalid_argument);
  EXPECT_EQ(code(std::string(49, 'a'), {}), errc::invalid_argument);
  EXPECT_EQ(code("a b", {}), errc::invalid_argument);
  EXPECT_EQ(code("a:b", {}), errc::invalid_argument);
  EXPECT_EQ(code("a", {.ttl = 999ms}), errc::invalid_argument);
  EXPECT_EQ(code("a", {.wait_max = 1h}), errc::invalid_argument);
  EXPECT_EQ(code("a", {}), errc::ok);
  EXPECT_EQ(code("a", {}), errc::invalid_argument) << "two parts of an application with one name";
  EXPECT_EQ(code(std::string(48, 'a'), {}), errc::ok);
}

}  // namespace
}  // namespace troupe
