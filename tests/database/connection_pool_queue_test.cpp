// Who waits for a connection, in which order they get one, and who does not any more.
#include "tests/database/connection_pool_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class connection_pool_queue_test : public connection_pool_test {
 protected:
  void SetUp() override {
    limits_.connections_max = 1;
    limits_.queue_max = 10000;
    limits_.queue_timeout = 1h;
    make();
    open();
    want(pool_use::exclusive);
    (void)take();
  }
  std::vector<std::uint64_t> granted_to() {
    std::vector<std::uint64_t> who;
    for (const auto& g : take().granted) who.push_back(g.who);
    return who;
  }
};

TEST_F(connection_pool_queue_test, a_kind_that_finds_nothing_does_not_hold_the_other_up_and_has_its_turn) {
  const auto first = want(), alone = want(pool_use::exclusive), third = want();
  EXPECT_TRUE(granted_to().empty());
  finished(1);
  EXPECT_EQ(granted_to(), (std::vector{first, third}));
  const auto late = want();
  EXPECT_TRUE(granted_to().empty()) << "the one that wants it alone comes first";
  finished(1);
  EXPECT_TRUE(granted_to().empty());
  finished(1);
  EXPECT_EQ(granted_to(), std::vector{alone});
  finished(1);
  EXPECT_EQ(granted_to(), std::vector{late});
}

TEST_F(connection_pool_queue_test, one_whose_time_has_passed_is_told_so_and_gets_nothing) {
  const auto late = want(pool_use::shared, 100ms), patient = want();
  (void)take();
  now_ += 100ms;  // nobody ticked yet
  finished(1);
  const auto o = take();
  ASSERT_EQ(o.refused.size(), 1u);
  EXPECT_EQ(o.refused[0].who, late);
  EXPECT_EQ(o.refused[0].code, errc::deadline_exceeded);
  ASSERT_EQ(o.granted.size(), 1u);
  EXPECT_EQ(o.granted[0].who, patient);
}

TEST_F(connection_pool_queue_test, ten_thousand_that_wait_cost_no_more_than_they_are) {
  constexpr std::size_t many = 9999;
  for (std::size_t i = 0; i < many; ++i) want(i % 10 == 0 ? pool_use::exclusive : pool_use::shared, 10min);
  EXPECT_EQ(pool_->waiting(), many);
  std::size_t given = 0, in_use = 1;
  while (in_use > 0) {
    finished(1);
    const auto got = granted_to().size();
    (void)pool_->next_tick();
    given += got;
    in_use += got - 1;
  }
  EXPECT_EQ(given, many);
  EXPECT_EQ(pool_->waiting(), 0u);
}

}  // namespace
}  // namespace troupe
