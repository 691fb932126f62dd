// Supervisors as an embedder starts them.
#include <stdexcept>
#include <string>
#include <vector>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include <troupe/caf_supervision.hpp>

#include "tests/actors/testing_system.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

class supervise_test : public ::testing::Test {
 protected:
  supervised_child child(const std::string& name, child_restart restart = child_restart::transient) {
    supervised_child c;
    c.name = name;
    c.restart = restart;
    c.spawn = [this, name](caf::actor_system& s) {
      journal.push_back("+" + name);
      return s.spawn([](caf::event_based_actor* self) -> caf::behavior {
        return {[self](const std::string&) { self->quit(caf::exit_reason::unhandled_exception); }};
      });
    };
    c.on_handle = [this, name](const caf::actor& a) {
      handles[name] = a;
      if (!a) journal.push_back("-" + name);
    };
    return c;
  }
  caf::actor begin(const supervisor_options& options, std::vector<supervised_child> children) {
    auto made = supervise(*system, options, std::move(children), [this](const supervision_report& r) {
      if (r.what == supervision_report::kind::gave_up) journal.push_back("gave up for " + r.child);
      reasons.push_back(r.reason);
    });
    EXPECT_TRUE(made);
    system.run();
    return made.value_or(nullptr);
  }
  caf::actor begin_nested(const supervisor_options& options) {
    return supervise(*system, options, {child("a")},
                     [this](const supervision_report& r) {
                       if (r.what == supervision_report::kind::gave_up) journal.push_back("gave up for " + r.child);
                     })
        .value_or(nullptr);
  }
  void let_fail(const std::string& name) {
    caf::anon_send(handles.at(name), std::string("fail"));
    system.run();
  }
  words said() { return std::exchange(journal, {}); }
  ~supervise_test() override {
    handles.clear();
    system.run();
  }

  testing_system system;
  std::map<std::string, caf::actor> handles;
  words journal, reasons;
};

TEST_F(supervise_test, a_group_is_restarted_in_the_order_of_its_start) {
  auto s = begin({restart_strategy::all_for_one}, {child("a"), child("b")});
  EXPECT_EQ(said(), (words{"+a", "+b"}));
  let_fail("a");
  EXPECT_EQ(said(), (words{"-a", "-b"}));
  system.advance(50ms);
  EXPECT_EQ(said(), (words{"+a", "+b"}));
  stop_supervised(s);
  system.run();
  EXPECT_EQ(said(), (words{"-b", "-a"}));
}

TEST_F(supervise_test, a_supervisor_that_gave_up_is_started_again_by_the_one_above) {
  supervisor_options strict;
  strict.restarts_max = 1;
  supervised_child inner;
  inner.name = "inner";
  inner.spawn = [this, strict](caf::actor_system&) { return begin_nested(strict); };
  auto s = begin({}, {inner});
  let_fail("a");
  system.advance(50ms);
  let_fail("a");
  EXPECT_EQ(said(), (words{"+a", "-a", "+a", "-a", "gave up for a"}));
  system.advance(50ms);
  EXPECT_EQ(said(), words{"+a"});
  stop_supervised(s);
  system.run();
  EXPECT_EQ(said(), words{"-a"});
}

TEST_F(supervise_test, a_spawn_that_throws_is_a_failure_that_is_tried_again) {
  int times = 0;
  supervised_child moody;
  moody.name = "moody";
  moody.spawn = [&times](caf::actor_system& s) {
    if (++times < 3) throw std::runtime_error("not yet");
    return s.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
  };
  auto s = begin({}, {moody, child("b")});
  EXPECT_EQ(reasons, words{"exception: not yet"});
  system.advance(50ms);
  system.advance(100ms);
  EXPECT_EQ(times, 3);
  stop_supervised(s);
  system.run();
}

TEST_F(supervise_test, when_no_child_can_be_spawned_the_budget_ends_it) {
  supervisor_options strict;
  strict.restarts_max = 0;
  supervised_child broken;
  broken.name = "broken";
  broken.spawn = [](caf::actor_system&) { return caf::actor(); };
  begin(strict, {broken, child("b")});
  EXPECT_EQ(said(), (words{"+b", "gave up for broken", "-b"}));
}

TEST_F(supervise_test, children_of_a_killed_supervisor_end) {
  auto s = begin({}, {child("a"), child("b")});
  said();
  caf::anon_send_exit(s, caf::exit_reason::kill);
  const auto a = handles.at("a");
  bool ended = false;
  a->attach_functor([&ended](const caf::error&) { ended = true; });
  system.run();
  EXPECT_TRUE(ended);
}

TEST_F(supervise_test, unsound_children_and_options_are_refused) {
  EXPECT_EQ(supervise(*system, {}, {child("a"), child("a")}).error().code, errc::invalid_argument);
  EXPECT_EQ(supervise(*system, {}, {supervised_child{"a", nullptr}}).error().code, errc::invalid_argument);
  supervisor_options odd;
  odd.wait_most = 1ms;
  EXPECT_EQ(supervise(*system, odd, {}).error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace troupe
