#include <deque>
#include <string>
#include <vector>

#include <caf/send.hpp>

#include <gtest/gtest.h>

#include <troupe/caf_resilience.hpp>

#include "actors/messages/error.hpp"
#include "tests/actors/testing_system.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using go_atom = caf::atom_constant<caf::atom("go")>;

/// An actor that asks another one through a dependency, and one that answers as the test says.
class dependency_test : public ::testing::Test {
 protected:
  class client : public caf::event_based_actor {
   public:
    client(caf::actor_config& cfg, dependency_test* t)
        : caf::event_based_actor(cfg), test_(t), stock_(this, "stock", t->options) {}
    caf::behavior make_behavior() override {
      return {[this](go_atom, int count) {
        for (int i = 0; i < count; ++i) {
          stock_.request(
              test_->server, 1s, [this](int n) { test_->told.push_back(std::to_string(n)); },
              [this](const error& e) { test_->told.push_back(std::string(name_of(e.code)) + ": " + e.context); }, 7);
        }
        test_->counts = [this] { return stock_.counts(); };
      }};
    }

   private:
    dependency_test* test_;
    dependency stock_;
  };

  void SetUp() override {
    server = system->spawn([this](caf::event_based_actor* self) -> caf::behavior {
      return {[this, self](int n) -> caf::result<int> {
                ++asked;
                if (holds) {
                  held.push_back(self->make_response_promise());
                  return caf::delegated<int>();
                }
                if (faults.empty()) return n;
                const auto code = faults.front();
                faults.pop_front();
                return to_caf({code, "busy"});
              },
              [this](go_atom) { held.at(0).deliver(1); }};
    });
  }
  void ask(int count = 1) {
    if (!asker) asker = system->spawn<client>(this);
    caf::anon_send(asker, go_atom::value, count);
    system.run();
  }
  void TearDown() override {
    caf::anon_send_exit(asker, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(server, caf::exit_reason::user_shutdown);
    held.clear();
    system.run();
  }
  std::vector<std::string> said() { return std::exchange(told, {}); }
  using words = std::vector<std::string>;

  testing_system system;
  dependency_options options;
  caf::actor server, asker;
  std::deque<errc> faults;
  std::vector<caf::response_promise> held;
  bool holds = false;
  int asked = 0;
  words told;
  std::function<dependency::numbers()> counts;
};

TEST_F(dependency_test, an_answer_arrives) {
  ask();
  EXPECT_EQ(said(), words{"7"});
  EXPECT_EQ(counts().running, 0U);
}

TEST_F(dependency_test, what_was_not_done_is_asked_again_after_a_while) {
  faults = {errc::unavailable, errc::unavailable};
  ask();
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(said().empty());
  system.advance(50ms);
  system.advance(100ms);
  EXPECT_EQ(said(), words{"7"});
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(counts().repeated, 2U);
}

TEST_F(dependency_test, a_final_error_is_told_at_once_and_says_who_was_asked) {
  faults = {errc::not_found};
  ask();
  EXPECT_EQ(said(), words{"not_found: stock: busy"});
}

TEST_F(dependency_test, one_that_does_not_answer_ends_at_the_deadline) {
  holds = true;
  ask();
  system.advance(999ms);
  EXPECT_TRUE(said().empty());
  system.advance(1ms);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].substr(0, 15), "outcome_unknown");
  EXPECT_EQ(counts().running, 0U);
}

TEST_F(dependency_test, what_is_idempotent_is_asked_again_when_its_answer_does_not_come) {
  options.retrying.idempotent = true;
  options.retrying.attempt_max = 200ms;
  holds = true;
  ask();
  system.advance(199ms);
  EXPECT_EQ(asked, 1);
  holds = false;
  system.advance(1ms);
  system.advance(50ms);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(said(), words{"7"});
  EXPECT_EQ(counts().repeated, 1U);
  EXPECT_EQ(counts().failed, 0U);
  EXPECT_EQ(counts().running, 0U);
  caf::anon_send(server, go_atom::value);
  system.run();
  EXPECT_TRUE(told.empty()) << "the answer that was late reaches nobody";
}

TEST_F(dependency_test, what_is_not_idempotent_is_never_asked_again_after_silence) {
  options.retrying.attempt_max = 200ms;
  holds = true;
  ask();
  for (int i = 0; i < 9; ++i) system.advance(100ms);
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(told.empty());
  system.advance(100ms);
  EXPECT_EQ(asked, 1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].substr(0, 15), "outcome_unknown");
}

TEST_F(dependency_test, without_a_limit_an_attempt_has_the_whole_deadline_also_when_it_is_idempotent) {
  options.retrying.idempotent = true;
  holds = true;
  ask();
  system.advance(999ms);
  EXPECT_TRUE(told.empty());
  system.advance(1ms);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(dependency_test, the_last_attempt_has_the_rest_of_the_deadline) {
  options.retrying.attempts_max = 2;
  options.retrying.idempotent = true;
  options.retrying.attempt_max = 100ms;
  holds = true;
  ask();
  system.advance(100ms);
  system.advance(50ms);
  EXPECT_EQ(asked, 2);
  system.advance(849ms);
  EXPECT_TRUE(told.empty());
  system.advance(1ms);
  EXPECT_EQ(asked, 2);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].substr(0, 15), "outcome_unknown");
}

TEST_F(dependency_test, an_open_outcome_is_repeated_when_that_does_no_harm) {
  options.retrying.idempotent = true;
  faults = {errc::outcome_unknown, errc::peer_lost};
  ask();
  system.advance(50ms);
  system.advance(100ms);
  EXPECT_EQ(said(), words{"7"});
  EXPECT_EQ(asked, 3);
}

TEST_F(dependency_test, an_open_outcome_is_told_at_once_otherwise) {
  faults = {errc::outcome_unknown};
  ask();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(said(), words{"outcome_unknown: stock: busy"});
}

TEST_F(dependency_test, attempts_that_were_given_up_open_the_circuit) {
  options.retrying.attempts_max = 9;
  options.retrying.idempotent = true;
  options.retrying.attempt_max = 50ms;
  options.circuit.failures_to_open = 2;
  holds = true;
  ask();
  for (int i = 0; i < 20; ++i) system.advance(50ms);
  EXPECT_EQ(asked, 2);
  EXPECT_GT(counts().refused_open, 0U);
  EXPECT_EQ(said().size(), 1U);
}

TEST_F(dependency_test, after_failures_in_a_row_it_is_not_asked_any_more) {
  options.retrying.attempts_max = 1;
  options.circuit.failures_to_open = 2;
  faults = {errc::unavailable, errc::unavailable};
  ask();
  ask();
  EXPECT_EQ(asked, 2);
  said();
  ask();
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(said(), words{"unavailable: stock: the circuit is open for 1000 ms more"});
  system.advance(1s);
  ask();
  EXPECT_EQ(said(), words{"7"});
  EXPECT_EQ(counts().circuit, circuit_state::closed);
}

TEST_F(dependency_test, so_many_at_a_time_so_many_wait_and_the_rest_is_refused) {
  options.bulkhead = {1, 1};
  holds = true;
  ask(3);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(said(), words{"unavailable: stock: too many requests are under way"});
  holds = false;
  caf::anon_send(server, go_atom::value);
  system.run();
  EXPECT_EQ(said(), (words{"1", "7"}));
  EXPECT_EQ(counts().waiting, 0U);
}

TEST_F(dependency_test, one_that_waits_is_told_at_its_deadline) {
  options.bulkhead = {1, 1};
  options.circuit.failures_to_open = 100;
  holds = true;
  ask(1);
  system.advance(500ms);
  ask(1);
  system.advance(499ms);
  EXPECT_TRUE(said().empty());
  system.advance(1ms);  // the first ends, the second begins with half of its time
  EXPECT_EQ(said().size(), 1U);
  EXPECT_EQ(asked, 2);
  system.advance(500ms);
  EXPECT_EQ(said().size(), 1U);
}

TEST_F(dependency_test, an_actor_that_ended_is_an_error) {
  options.retrying.attempts_max = 1;
  caf::anon_send_exit(server, caf::exit_reason::user_shutdown);
  system.run();
  ask();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].substr(0, 11), "unavailable");
}

}  // namespace
}  // namespace troupe
