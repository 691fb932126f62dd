// The handle of a singleton: what passes, what waits, what is refused.
#include "actors/toolkit/parking_proxy.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_actor.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include "actors/messages/error.hpp"
#include "tests/actors/testing_system.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

class parking_proxies : public ::testing::Test {
 protected:
  caf::strong_actor_ptr make(std::size_t waiting_max = 100, duration wait_max = 10s) {
    caf::actor_config cfg;
    return caf::make_actor<parking_proxy, caf::strong_actor_ptr>(system_->next_actor_id(), caf::node_id{}, &*system_,
                                                                 cfg, parking_proxy::limits{waiting_max, wait_max},
                                                                 letters_);
  }
  static parking_proxy& of(const caf::strong_actor_ptr& p) { return *static_cast<parking_proxy*>(p->get()); }

  /// Writes down what it gets, and answers it.
  caf::strong_actor_ptr target() {
    held_.push_back(system_->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const std::string& text) {
        got_.push_back(text);
        return text;
      }};
    }));
    return caf::actor_cast<caf::strong_actor_ptr>(held_.back());
  }
  void send(const caf::strong_actor_ptr& to, const std::string& text) {
    caf::anon_send(caf::actor_cast<caf::actor>(to), text);
  }
  /// From an actor; what comes of it is in answers_.
  void ask(const caf::strong_actor_ptr& to, const std::string& text) {
    held_.push_back(system_->spawn([this, to, text](caf::event_based_actor* me) {
      me->request(caf::actor_cast<caf::actor>(to), caf::infinite, text)
          .then([this](const std::string& answer) { answers_.push_back(answer); },
                [this](const caf::error& e) { answers_.push_back(std::string(name_of(from_caf(e).code))); });
    }));
    system_.run();
  }
  ~parking_proxies() override {
    for (const auto& a : held_) caf::anon_send_exit(a, caf::exit_reason::kill);
    system_.run();
  }

  std::shared_ptr<dead_letters> letters_ = std::make_shared<dead_letters>(nullptr);
  texts got_, answers_;
  testing_system system_;
  std::vector<caf::actor> held_;
};

TEST_F(parking_proxies, pass_messages_on_and_answers_come_straight_back) {
  const auto proxy = make();
  of(proxy).aim(target());
  ask(proxy, "a");
  EXPECT_EQ(got_, texts{"a"});
  EXPECT_EQ(answers_, texts{"a"});
  EXPECT_EQ(of(proxy).waiting(), 0u);
}

TEST_F(parking_proxies, keep_messages_whose_target_has_ended) {
  const auto proxy = make();
  const auto ended = target();
  of(proxy).aim(ended);
  caf::anon_send_exit(held_.back(), caf::exit_reason::kill);
  system_.run();
  ask(proxy, "a");
  EXPECT_EQ(of(proxy).waiting(), 1u);
  EXPECT_EQ(answers_, texts{});
  of(proxy).aim(target());
  system_.run();
  EXPECT_EQ(answers_, texts{"a"});
}

TEST_F(parking_proxies, keep_messages_in_their_order_while_they_have_no_target) {
  const auto proxy = make();
  int woken = 0;
  of(proxy).on_first([&] { ++woken; });
  send(proxy, "a");
  send(proxy, "b");
  ask(proxy, "c");
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(of(proxy).waiting(), 3u);
  of(proxy).aim(target());
  send(proxy, "d");
  system_.run();
  EXPECT_EQ(got_, (texts{"a", "b", "c", "d"}));
  EXPECT_EQ(answers_, texts{"c"});
  of(proxy).park();
  send(proxy, "e");
  system_.run();
  EXPECT_EQ(of(proxy).waiting(), 1u);
}

TEST_F(parking_proxies, refuse_what_is_too_much_and_what_waits_for_too_long) {
  const auto proxy = make(2, 10s);
  ask(proxy, "a");
  send(proxy, "b");
  ask(proxy, "c");
  EXPECT_EQ(answers_, texts{"unavailable"}) << "the third is one too many";
  const auto now = std::chrono::steady_clock::now();
  EXPECT_GT(of(proxy).expire(now), now);
  EXPECT_EQ(of(proxy).expire(now + 1min), time_point::max());
  system_.run();
  EXPECT_EQ(answers_, (texts{"unavailable", "unavailable"}));
  EXPECT_EQ(letters_->count(dead_letters::way::out, errc::unavailable), 3u);
  of(proxy).aim(target());
  system_.run();
  EXPECT_TRUE(got_.empty());
}

TEST_F(parking_proxies, close_by_themselves_when_their_condition_is_over) {
  const auto proxy = make();
  bool holds = true;
  of(proxy).aim(target(), [&] { return holds; });
  send(proxy, "a");
  holds = false;
  send(proxy, "b");
  holds = true;
  send(proxy, "c");
  system_.run();
  EXPECT_EQ(got_, texts{"a"}) << "c would overtake b";
  EXPECT_FALSE(of(proxy).aimed());
  of(proxy).aim(target(), [&] { return holds; });
  system_.run();
  EXPECT_EQ(got_, (texts{"a", "b", "c"}));
  holds = false;
  send(proxy, "d");
  of(proxy).aim(target(), [&] { return holds; });
  EXPECT_EQ(of(proxy).waiting(), 1u);
}

TEST_F(parking_proxies, pass_what_waits_through_another_one) {
  const auto gate = make();
  const auto proxy = make();
  send(gate, "a");
  of(gate).aim(proxy);
  EXPECT_EQ(of(proxy).waiting(), 1u);
  of(proxy).aim(target());
  ask(gate, "b");
  EXPECT_EQ(got_, (texts{"a", "b"}));
  EXPECT_EQ(answers_, texts{"b"});
}

TEST_F(parking_proxies, refuse_everything_and_go_down_when_they_are_closed) {
  const auto proxy = make();
  bool down = false;
  proxy->get()->attach_functor([&] { down = true; });
  ask(proxy, "a");
  of(proxy).close();
  system_.run();
  EXPECT_TRUE(down);
  ask(proxy, "b");
  of(proxy).aim(target());
  ask(proxy, "c");
  EXPECT_EQ(answers_, (texts{"unavailable", "unavailable", "unavailable"}));
  EXPECT_TRUE(got_.empty());
}

}  // namespace
}  // namespace troupe
