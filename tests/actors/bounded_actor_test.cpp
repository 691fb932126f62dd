#include <string>

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include <troupe/caf_mailbox.hpp>

#include "actors/messages/error.hpp"
#include "tests/actors/stopped_clock.hpp"
#include "tests/actors/testing_system.hpp"

namespace troupe {
namespace {

class bounded : public ::testing::Test {
 protected:
  caf::actor start(std::size_t most) {
    return system->spawn<bounded_actor>(
        mailbox_limit{most, [this](std::uint64_t refused) { reports.push_back(refused); }, std::chrono::seconds(10)},
        [this](caf::event_based_actor* self) -> caf::behavior {
          self->set_down_handler([this](const caf::down_msg&) { ++downs; });
          return {[this](int n) {
                    sum += n;
                    return sum;
                  },
                  [this, self](const caf::actor& other) {
                    self->monitor(other);
                    self->request(other, caf::infinite, 1).then([this](int) { ++answers; }, [](const caf::error&) {});
                  }};
        },
        numbers);
  }

  testing_system system;
  std::shared_ptr<mailbox_numbers> numbers = std::make_shared<mailbox_numbers>();
  std::vector<std::uint64_t> reports;
  int sum = 0, downs = 0, answers = 0;
};

TEST_F(bounded, takes_as_many_as_it_may_and_drops_the_rest) {
  const auto a = start(3);
  for (int i = 0; i < 10; ++i) caf::anon_send(a, 1);
  EXPECT_EQ(numbers->queued, 3U);
  EXPECT_EQ(numbers->refused, 7U);
  system.run();
  EXPECT_EQ(sum, 3);
  EXPECT_EQ(numbers->queued, 0U);
  caf::anon_send(a, 1);
  system.run();
  EXPECT_EQ(sum, 4) << "there is room again";
}

TEST_F(bounded, answers_a_request_beyond_the_bound_with_an_error) {
  const auto a = start(1);
  error told;
  int done = 0;
  system->spawn([&](caf::event_based_actor* self) {
    for (int i = 0; i < 2; ++i) {
      self->request(a, caf::infinite, 1).then([&](int) { ++done; }, [&](const caf::error& e) { told = from_caf(e); });
    }
  });
  system.run();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(told.code, errc::unavailable);
  EXPECT_EQ(told.context, "its mailbox is full");
}

TEST_F(bounded, reports_the_first_refusal_and_then_those_of_an_interval_together) {
  stopped_clock clock;
  const auto a = start(1);
  for (int i = 0; i < 100; ++i) caf::anon_send(a, 1);
  EXPECT_EQ(reports, std::vector<std::uint64_t>{1U});
  clock.advance(std::chrono::seconds(10) - duration(1));
  caf::anon_send(a, 1);
  EXPECT_EQ(reports.size(), 1U);
  clock.advance(duration(1));
  caf::anon_send(a, 1);
  EXPECT_EQ(reports, (std::vector<std::uint64_t>{1U, 100U}));
  EXPECT_EQ(numbers->refused, 101U);
  system.run();
}

TEST_F(bounded, reports_after_a_restart_with_the_same_numbers_what_was_refused_since) {
  for (const auto more : {1, 2}) {
    const auto a = start(1);
    for (int i = 0; i <= more; ++i) caf::anon_send(a, 1);
    system.run();
  }
  EXPECT_EQ(reports, (std::vector<std::uint64_t>{1U, 1U}));
  EXPECT_EQ(numbers->refused, 3U);
}

TEST_F(bounded, always_takes_answers_and_ends_of_others) {
  const auto a = start(2);
  const auto other = system->spawn([](caf::event_based_actor* self) -> caf::behavior {
    return {[self](int n) {
      self->quit();
      return n;
    }};
  });
  caf::anon_send(a, other);
  system.run();
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(downs, 1);
  EXPECT_EQ(numbers->queued, 0U);
}

TEST_F(bounded, what_it_had_not_read_at_its_end_counts_no_more) {
  auto a = start(5);
  for (int i = 0; i < 5; ++i) caf::anon_send(a, 1);
  caf::anon_send_exit(a, caf::exit_reason::kill);
  a = nullptr;
  system.run();
  EXPECT_EQ(numbers->queued, 0U);
}

}  // namespace
}  // namespace troupe
