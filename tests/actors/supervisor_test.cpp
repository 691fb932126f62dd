#include "actors/supervision/supervisor_actor.hpp"

#include <string>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include "tests/actors/testing_system.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class supervisor : public ::testing::Test {
 protected:
  supervised_child child(const std::string& name) {
    auto slot = std::make_shared<child_slot>();
    slots_[name] = slot;
    auto spawn = [this, name](caf::actor_system& system) {
      journal_.push_back("start " + name);
      return system.spawn([this, name](caf::event_based_actor* self) -> caf::behavior {
        self->attach_functor([this, name](const caf::error&) { journal_.push_back("end " + name); });
        return {[self](const std::string& word) {
          if (word == "fail") self->quit(caf::exit_reason::unhandled_exception);
          if (word == "finish") self->quit();
        }};
      });
    };
    return supervised({name, spawn, slot});
  }

  void start(std::vector<supervised_child> children) {
    supervisor_ = system_->spawn<supervisor_actor>(options_, std::move(children), report_, 7u);
    caf::anon_send(supervisor_, start_atom::value);
    run();
  }

  void tell(const std::string& name, const std::string& word) {
    caf::anon_send(slots_.at(name)->get(), word);
    run();
  }

  void run() { system_.run(); }
  void advance(duration d) { system_.advance(d); }
  void stop() {
    caf::anon_send(supervisor_, stop_atom::value);
    run();
    supervisor_ = nullptr;
  }

  testing_system system_;
  supervisor_options options_;
  std::vector<std::string> reports_;  // who failed
  supervision_callback report_ = [this](const supervision_report& r) { reports_.push_back(r.child); };
  std::map<std::string, std::shared_ptr<child_slot>> slots_;
  std::vector<std::string> journal_;
  caf::actor supervisor_;
};

TEST_F(supervisor, starts_in_order_and_stops_in_reverse) {
  start({child("a"), child("b"), child("c")});
  stop();
  EXPECT_EQ(journal_, (std::vector<std::string>{"start a", "start b", "start c", "end c", "end b", "end a"}));
  EXPECT_FALSE(slots_["a"]->get());
}

TEST_F(supervisor, restarts_a_failed_actor_after_its_backoff_and_hands_out_the_new_handle) {
  start({child("a"), child("b")});
  const auto first = slots_["b"]->get();
  tell("b", "fail");
  EXPECT_FALSE(slots_["b"]->get());
  EXPECT_EQ(journal_.back(), "end b");
  advance(options_.wait_first);
  EXPECT_EQ(journal_.back(), "start b");
  EXPECT_TRUE(slots_["b"]->get());
  EXPECT_NE(slots_["b"]->get(), first);
  EXPECT_EQ(reports_, std::vector<std::string>{"b"});
  stop();
}

TEST_F(supervisor, waits_longer_after_each_failure) {
  start({child("a")});
  for (int i = 0; i < 5; ++i) {
    tell("a", "fail");
    advance(options_.wait_most);
  }
  tell("a", "fail");
  journal_.clear();
  advance(options_.wait_first * 8);  // the sixth wait is at least 16 times the first bound
  EXPECT_TRUE(journal_.empty());
  advance(options_.wait_most);
  EXPECT_EQ(journal_, std::vector<std::string>{"start a"});
  stop();
}

TEST_F(supervisor, leaves_an_actor_alone_that_ended_by_itself) {
  start({child("a")});
  tell("a", "finish");
  advance(1h);
  EXPECT_EQ(journal_.back(), "end a");
  stop();
}

TEST_F(supervisor, does_not_restart_while_it_stops) {
  start({child("a"), child("b")});
  tell("a", "fail");
  stop();
  journal_.clear();
  advance(1h);
  EXPECT_TRUE(journal_.empty());
}

}  // namespace
}  // namespace troupe
