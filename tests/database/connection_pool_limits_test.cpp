// How many connections the pool has at most, those that are being left included.
#include <algorithm>
#include <set>

#include "runtime/base/random.hpp"
#include "tests/database/connection_pool_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using ids = std::vector<std::uint32_t>;

TEST_F(connection_pool_test, counts_a_retired_connection_until_it_is_gone) {
  limits_.connections_max = 2;
  limits_.connections_min = 2;
  make();
  open();
  want();
  want();
  (void)take();
  retired(1);
  EXPECT_TRUE(take().dial.empty()) << "two are open";
  EXPECT_EQ(pool_->open_connections(), 2u);
  want();
  EXPECT_EQ(granted(), 2u) << "it takes nothing more";
  finished(1);
  EXPECT_TRUE(take().close.empty());
  lost(1);
  EXPECT_EQ(take().dial, ids{3});
  dialled(3);
  EXPECT_EQ(pool_->open_connections(), 2u);
}

TEST_F(connection_pool_test, a_smaller_number_closes_what_nobody_uses_and_the_rest_later) {
  limits_.connections_min = 4;
  make();
  open();
  want(pool_use::exclusive);
  want(pool_use::exclusive);
  (void)take();
  at_most(1);
  EXPECT_EQ(take().close, (ids{3, 4}));
  tick(1s);
  EXPECT_TRUE(take().dial.empty()) << "neither is one of the two missing";
  finished(1);
  EXPECT_EQ(take().close, ids{1});
  finished(2);
  EXPECT_TRUE(take().close.empty());
  EXPECT_EQ(pool_->open_connections(), 1u);
  want();
  EXPECT_EQ(granted(), 2u);
}

TEST_F(connection_pool_test, never_has_more_than_the_most_whatever_happens) {
  random chance(11);
  std::set<std::uint32_t> dialling, open_ones, retired_ones;
  std::multiset<std::uint32_t> used;
  std::size_t most = 4;
  const auto any = [&](auto& of) {
    return *std::next(of.begin(), static_cast<std::ptrdiff_t>(chance.below(of.size())));
  };
  for (int step = 0; step < 20000; ++step) {
    if (step == 10000) at_most(most = 2);
    switch (chance.below(8)) {
      case 0: want(pool_use::exclusive); break;
      case 1:
      case 2: want(); break;
      case 3:
        if (!used.empty()) {
          const auto c = any(used);
          used.erase(used.find(c));
          finished(c);
        }
        break;
      case 4:
        if (!dialling.empty()) {
          const auto c = any(dialling);
          dialling.erase(c);
          if (chance.below(4) == 0) {
            failed(c);
          } else {
            open_ones.insert(c);
            dialled(c);
          }
        }
        break;
      case 5:
        if (!open_ones.empty() && chance.below(4) == 0) {
          const auto c = any(open_ones);
          open_ones.erase(c);
          retired_ones.insert(c);
          retired(c);
        }
        break;
      case 6:
        if (!retired_ones.empty()) {
          const auto c = any(retired_ones);
          retired_ones.erase(c);
          used.erase(c);
          lost(c);
        }
        break;
      default: tick(milliseconds(chance.below(50)));
    }
    const auto o = take();
    for (const auto c : o.dial) dialling.insert(c);
    for (const auto c : o.close) open_ones.erase(c);
    for (const auto& g : o.granted) used.insert(g.where);
    const bool lowered = most != 4 && o.dial.empty();  // what is used is closed when nobody uses it
    EXPECT_TRUE(lowered || dialling.size() + open_ones.size() + retired_ones.size() <= most) << step;
    EXPECT_EQ(pool_->open_connections(), open_ones.size() + retired_ones.size()) << step;
  }
}

}  // namespace
}  // namespace troupe
