// The pool on virtual time: who gets a connection, who waits, who is refused, and when it dials.
#include <algorithm>
#include <set>

#include "runtime/base/random.hpp"
#include "tests/database/connection_pool_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using ids = std::vector<std::uint32_t>;

TEST_F(connection_pool_test, opens_the_least_number_at_the_first_tick) {
  limits_.connections_min = 3;
  make();
  tick();
  EXPECT_EQ(take().dial, (ids{1, 2, 3}));
  tick(1s);
  EXPECT_TRUE(take().dial.empty()) << "they are on their way";
}

TEST_F(connection_pool_test, without_a_least_number_it_dials_when_somebody_comes) {
  limits_.connections_min = 0;
  make();
  tick();
  EXPECT_TRUE(take().dial.empty());
  const auto who = want();
  EXPECT_EQ(take().dial, ids{1});
  dialled(1);
  EXPECT_EQ(out_.granted[0].who, who);
}

TEST_F(connection_pool_test, statements_share_a_few_connections) {
  open();
  want();
  EXPECT_EQ(granted(), 1u);
  want();
  auto o = take();
  EXPECT_EQ(o.granted[0].where, 1u) << "nobody waits for a dial";
  EXPECT_EQ(o.dial, ids{2}) << "but one wider it shall be";
  dialled(2);
  want();
  EXPECT_EQ(granted(), 2u) << "the idle one";
  want();
  EXPECT_EQ(granted(), 2u) << "the least loaded; no third connection";
}

TEST_F(connection_pool_test, a_connection_that_stands_still_is_passed_by) {
  open();
  want();
  want();
  dialled(2);
  (void)take();
  now_ += 11ms;
  want();
  EXPECT_EQ(granted(), 2u);
  now_ += 11ms;  // both stand still now
  want();
  const auto o = take();
  EXPECT_EQ(o.dial, ids{3});
  dialled(3);
  (void)take();
  want();
  EXPECT_EQ(granted(), 3u);
}

TEST_F(connection_pool_test, a_transaction_has_a_connection_alone) {
  open();
  want(pool_use::exclusive);
  EXPECT_EQ(granted(), 1u);
  want();
  auto o = take();
  EXPECT_TRUE(o.granted.empty());
  EXPECT_EQ(o.dial, ids{2});
  dialled(2);
  EXPECT_EQ(granted(), 2u);
  finished(1);
  want();
  EXPECT_EQ(granted(), 1u);
}

TEST_F(connection_pool_test, transactions_leave_one_connection_to_statements) {
  limits_.connections_min = 4;
  make();
  open();
  for (int i = 0; i < 3; ++i) {
    want(pool_use::exclusive);
    granted();
  }
  want(pool_use::exclusive);
  EXPECT_TRUE(take().granted.empty());
  want();
  EXPECT_EQ(granted(), 4u);
}

TEST_F(connection_pool_test, statements_do_not_starve_a_transaction) {
  limits_.connections_min = 2;
  limits_.connections_max = 2;
  make();
  open();
  want();
  want();
  (void)take();
  const auto who = want(pool_use::exclusive);
  want();
  EXPECT_EQ(granted(), 1u) << "the other one takes no more statements";
  finished(2);
  const auto o = take();
  ASSERT_EQ(o.granted.size(), 1u);
  EXPECT_EQ(o.granted[0].who, who);
  EXPECT_EQ(o.granted[0].where, 2u);
}

TEST_F(connection_pool_test, those_that_wait_are_bounded) {
  limits_.connections_max = 1;
  make();
  open();
  want(pool_use::exclusive);
  (void)take();
  for (int i = 0; i < 3; ++i) want();
  EXPECT_TRUE(take().refused.empty());
  const auto who = want();
  const auto o = take();
  ASSERT_EQ(o.refused.size(), 1u);
  EXPECT_EQ(o.refused[0].who, who);
  EXPECT_EQ(o.refused[0].code, errc::unavailable);
}

TEST_F(connection_pool_test, those_that_wait_too_long_are_told_which_time_is_over) {
  limits_.connections_max = 1;
  make();
  open();
  want(pool_use::exclusive);
  (void)take();
  const auto patient = want(pool_use::shared, 5s);
  const auto hasty = want(pool_use::shared, 500ms);
  EXPECT_EQ(pool_->next_tick(), now_ + 500ms);
  tick(500ms);
  auto o = take();
  ASSERT_EQ(o.refused.size(), 1u);
  EXPECT_EQ(o.refused[0].who, hasty);
  EXPECT_EQ(o.refused[0].code, errc::deadline_exceeded);
  tick(500ms);
  o = take();
  ASSERT_EQ(o.refused.size(), 1u);
  EXPECT_EQ(o.refused[0].who, patient);
  EXPECT_EQ(o.refused[0].code, errc::unavailable);
  want(pool_use::shared, 0ms);
  EXPECT_EQ(take().refused[0].code, errc::deadline_exceeded);
}

TEST_F(connection_pool_test, statements_beyond_the_depth_wait) {
  limits_.connections_max = 1;
  make();
  open();
  for (int i = 0; i < 3; ++i) want();
  EXPECT_EQ(take().granted.size(), 3u);
  const auto who = want();
  EXPECT_TRUE(take().granted.empty());
  finished(1);
  EXPECT_EQ(take().granted[0].who, who);
}

TEST_F(connection_pool_test, the_breaker_opens_after_dials_in_a_row_and_refuses_at_once) {
  tick();
  const auto who = want();
  EXPECT_EQ(take().dial, ids{1});
  failed(1);
  EXPECT_EQ(pool_->breaker(), circuit_state::closed);
  EXPECT_TRUE(take().refused.empty()) << "one failure is none";
  for (std::uint32_t c = 2; c <= 3; ++c) {
    tick(400ms);
    ASSERT_EQ(take().dial, ids{c});
    failed(c);
  }
  auto o = take();
  ASSERT_EQ(o.refused.size(), 1u);
  EXPECT_EQ(o.refused[0].who, who);
  EXPECT_NE(o.refused[0].why.find("refused"), std::string::npos);
  EXPECT_EQ(pool_->breaker(), circuit_state::open);
  want();
  EXPECT_EQ(take().refused.size(), 1u);
  tick(400ms);
  EXPECT_EQ(take().dial, ids{4}) << "it tries by itself";
  EXPECT_EQ(pool_->breaker(), circuit_state::half_open);
  want();
  EXPECT_EQ(take().refused.size(), 1u);
  dialled(4);
  EXPECT_EQ(pool_->breaker(), circuit_state::closed);
  want();
  EXPECT_EQ(granted(), 4u);
}

TEST_F(connection_pool_test, dials_that_fail_come_at_growing_distances_with_a_bound) {
  tick();
  (void)take();
  std::uint32_t c = 1;
  for (int i = 0; i < 20; ++i) {
    failed(c);
    const auto at = pool_->next_tick();
    EXPECT_GE(at - now_, 10ms);
    EXPECT_LE(at - now_, 400ms);
    now_ = at - 1ns;
    tick();
    EXPECT_TRUE(take().dial.empty());
    tick(1ns);
    ASSERT_EQ(take().dial, ids{++c});
  }
  EXPECT_EQ(pool_->dial_failures(), 20u);
}

TEST_F(connection_pool_test, a_lost_connection_is_replaced_at_once) {
  open();
  want();
  (void)take();
  lost(1);
  EXPECT_EQ(take().dial, ids{2});
  EXPECT_EQ(pool_->open_connections(), 0u);
  finished(1);  // nothing happens: it is forgotten
  lost(1);
  dialled(1);
  EXPECT_EQ(pool_->open_connections(), 0u);
}

TEST_F(connection_pool_test, idle_connections_are_checked_and_closed_when_silent) {
  open();
  EXPECT_EQ(pool_->next_tick(), now_ + 10s);
  tick(10s);
  EXPECT_EQ(take().check, ids{1});
  pool_->on_checked(1, now_, out_);
  tick(10s);
  EXPECT_EQ(take().check, ids{1});
  tick(2s);
  auto o = take();
  EXPECT_EQ(o.close, ids{1});
  EXPECT_EQ(o.dial, ids{2}) << "the least number is kept";
  dialled(2);
  tick(10s);
  EXPECT_EQ(take().check, ids{2});
  want();
  o = take();
  EXPECT_TRUE(o.granted.empty()) << "not while it is checked";
  EXPECT_EQ(o.dial, ids{3}) << "nobody waits for a connection that may be dead";
  pool_->on_checked(2, now_, out_);
  EXPECT_EQ(granted(), 2u);
}

TEST_F(connection_pool_test, spare_connections_are_closed_after_a_while) {
  limits_.health_interval = 0s;
  make();
  open();
  want();
  want();
  dialled(2);
  finished(1);
  finished(1);
  (void)take();
  tick(60s);
  EXPECT_EQ(take().close.size(), 1u);
  tick(1h);
  EXPECT_TRUE(take().close.empty()) << "the last one stays";
}

TEST_F(connection_pool_test, stop_refuses_what_waits_and_what_comes) {
  want();
  (void)take();
  pool_->stop(out_);
  EXPECT_EQ(take().refused.size(), 1u);
  want();
  EXPECT_EQ(take().refused.size(), 1u);
  tick(1h);
  EXPECT_TRUE(take().dial.empty());
}

// Whatever happens in whatever order: each wish is answered once, and no bound is passed.
TEST_F(connection_pool_test, holds_its_promises_under_random_events) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    make();
    random rng(seed);
    std::set<std::uint64_t> open_wishes;
    std::set<std::uint32_t> dialling;
    std::map<std::uint32_t, std::vector<pool_use>> connections;
    std::map<std::uint64_t, pool_use> uses;
    const auto absorb = [&] {
      const auto o = take();
      for (const auto c : o.dial) EXPECT_TRUE(dialling.insert(c).second);
      for (const auto c : o.close) {
        ASSERT_EQ(connections.count(c), 1u);
        EXPECT_TRUE(connections[c].empty()) << "a connection in use was closed";
        connections.erase(c);
      }
      for (const auto& g : o.granted) {
        EXPECT_EQ(open_wishes.erase(g.who), 1u);
        ASSERT_EQ(connections.count(g.where), 1u);
        auto& on_it = connections[g.where];
        on_it.push_back(uses[g.who]);
        EXPECT_LE(on_it.size(), limits_.depth_max);
        const bool alone = std::count(on_it.begin(), on_it.end(), pool_use::exclusive) > 0;
        EXPECT_TRUE(!alone || on_it.size() == 1);
      }
      for (const auto& r : o.refused) EXPECT_EQ(open_wishes.erase(r.who), 1u);
      EXPECT_LE(dialling.size() + connections.size(), limits_.connections_max);
    };
    for (int step = 0; step < 400; ++step) {
      switch (rng.below(8)) {
        case 0:
        case 1:
        case 2: {
          const auto use = rng.chance(0.2) ? pool_use::exclusive : pool_use::shared;
          uses[tickets_ + 1] = use;
          open_wishes.insert(tickets_ + 1);
          want(use, rng.between(0ms, 3s));
          break;
        }
        case 3:
          if (!dialling.empty()) {
            const auto c = *dialling.begin();
            dialling.erase(c);
            if (rng.chance(0.6)) {
              connections[c] = {};
              dialled(c);
            } else {
              failed(c);
            }
          }
          break;
        case 4:
        case 5:
          for (auto& [c, on_it] : connections) {
            if (on_it.empty()) continue;
            on_it.pop_back();
            finished(c);
            break;
          }
          break;
        case 6:
          if (!connections.empty() && rng.chance(0.2)) {
            const auto c = connections.begin()->first;
            connections.erase(c);
            lost(c);
          }
          break;
        default: tick(rng.between(0ms, 700ms));
      }
      absorb();
      if (testing::Test::HasFailure()) FAIL() << "seed " << seed << ", step " << step;
    }
    tick(10s);
    absorb();
    EXPECT_TRUE(open_wishes.empty()) << "seed " << seed << ": nobody waits for ever";
  }
}

}  // namespace
}  // namespace troupe
