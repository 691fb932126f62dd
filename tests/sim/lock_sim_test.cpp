// Locks in the whole cluster machine under random faults, planned hand-overs among them: never two holders.
#include <algorithm>
#include <iostream>

#include <gtest/gtest.h>

#include "tests/sim/lock_load.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

struct lock_stage : cluster_stage {
  lock_stage(std::uint32_t nodes, std::uint64_t seed)
      : cluster_stage(
            [&] {
              world_options o;
              o.nodes = nodes;
              o.seed = seed;
              return o;
            }(),
            "fast") {
    w.add(watch);
    w.start_all();
    expect_settled("after the start");
  }
  void act(node_index n, const std::function<void(cluster_machine&, time_point, cluster_output&)>& what) {
    w.with_process(n, [&](process& p, time_point now) {
      static_cast<cluster_process&>(p).with(now, [&](cluster_machine& m, cluster_output& out) { what(m, now, out); });
    });
  }
  claim_number claim(node_index n, lock_request r, bool stays = false) {
    claim_number number = 0;
    act(n, [&](cluster_machine& m, time_point now, cluster_output& out) {
      const auto claimed = m.claim(std::move(r), stays, now, out);
      ASSERT_TRUE(claimed) << describe(claimed.error());
      number = *claimed;
    });
    return number;
  }
  [[nodiscard]] bool holds(node_index n, claim_number c) const { return at(n).claims().holds(c, w.clock_of(n)); }
  void expect_held(node_index n, claim_number c, duration limit, const std::string& what) {
    expect_within(
        w, limit, [&] { return holds(n, c); }, what);
  }
  lock_checker watch;
};

lock_request lock_named(const std::string& name, duration ttl, duration wait = {}) {
  return {lock_kind::lock, name, 1, ttl, wait};
}

TEST(lock_sim, a_lock_goes_to_one_and_to_the_next_in_line_when_it_is_dropped) {
  lock_stage s(3, 1);
  const auto first = s.claim(0, lock_named("x", 2s));
  s.expect_held(0, first, 200ms, "the first");
  const auto second = s.claim(1, lock_named("x", 2s, 60s));
  s.w.run_for(50ms);  // the leader hears its own node first
  const auto third = s.claim(2, lock_named("x", 2s, 60s));
  s.w.run_for(10s);
  EXPECT_TRUE(s.holds(0, first)) << "renewed";
  EXPECT_FALSE(s.holds(1, second));
  const auto token = s.at(0).claims().token_of(first);
  s.act(0, [&](cluster_machine& m, time_point now, cluster_output& out) { m.drop_claim(first, now, out); });
  s.expect_held(1, second, 200ms, "the second");
  EXPECT_GT(s.at(1).claims().token_of(second), token);
  EXPECT_FALSE(s.holds(2, third));
  expect_sound(s.w);
}

TEST(lock_sim, a_holder_that_is_killed_is_followed_when_its_ttl_is_over_and_not_before) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    lock_stage s(3, seed);
    const auto holder = (*s.leader() + 1) % 3;
    const auto next = (*s.leader() + 2) % 3;
    const auto held = s.claim(holder, lock_named("x", 4s));
    s.expect_held(holder, held, 500ms, "the holder");
    const auto waits = s.claim(next, lock_named("x", 4s, 60s));
    s.w.run_for(s.w.rng().between(3s, 5s));
    s.w.crash(holder);
    s.w.run_for(2900ms);  // it renewed at most a second ago
    EXPECT_FALSE(s.holds(next, waits)) << seed;
    s.expect_held(next, waits, 2s, "the next");
    expect_sound(s.w);
  }
}

TEST(lock_sim, holds_outlive_the_leader) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    lock_stage s(3, seed);
    const auto leader = *s.leader();
    const auto holder = (leader + 1) % 3;
    const auto held = s.claim(holder, lock_named("x", 5s));
    s.expect_held(holder, held, 500ms, "the holder");
    const auto token = s.at(holder).claims().token_of(held);
    s.w.crash(leader);
    s.w.run_for(10s);
    EXPECT_TRUE(s.holds(holder, held)) << seed;
    EXPECT_EQ(s.at(holder).claims().token_of(held), token);
    const auto other = (leader + 2) % 3;
    const auto waits = s.claim(other, lock_named("x", 5s, 60s));
    s.w.run_for(6s);
    EXPECT_FALSE(s.holds(other, waits)) << seed;
    expect_sound(s.w);
  }
}

TEST(lock_sim, a_role_whose_holder_is_cut_off_goes_to_another_and_is_claimed_again) {
  lock_stage s(3, 3);
  std::vector<claim_number> claims;
  for (node_index n = 0; n < 3; ++n) claims.push_back(s.claim(n, {lock_kind::role, "reports", 1, 3s, {}}, true));
  const auto holder = [&]() -> std::optional<node_index> {
    for (node_index n = 0; n < 3; ++n) {
      if (s.holds(n, claims[n])) return n;
    }
    return std::nullopt;
  };
  expect_within(
      s.w, 1s, [&] { return holder().has_value(); }, "a holder");
  const auto first = *holder();
  s.w.partition({first});
  expect_within(
      s.w, 15s, [&] { return holder() && *holder() != first; }, "another holder");
  s.w.unpartition({first});
  s.w.run_for(10s);
  ASSERT_TRUE(holder());
  EXPECT_NE(*holder(), first) << "it waits its turn";
  const auto second = *holder();
  s.act(second,
        [&](cluster_machine& m, time_point now, cluster_output& out) { m.drop_claim(claims[second], now, out); });
  expect_within(
      s.w, 1s, [&] { return holder() && *holder() != second; }, "the next in line");
  expect_sound(s.w);
}

TEST(lock_sim, a_member_that_departs_lets_go_at_once) {
  lock_stage s(3, 4);
  const auto holder = (*s.leader() + 1) % 3;
  const auto next = (*s.leader() + 2) % 3;
  const auto held = s.claim(holder, lock_named("x", 60s));
  s.expect_held(holder, held, 500ms, "the holder");
  const auto waits = s.claim(next, lock_named("x", 60s, 60s));
  s.w.run_for(2s);
  s.w.leave(holder);
  s.expect_held(next, waits, 2s, "the next");
  expect_sound(s.w);
}

class lock_seeds : public ::testing::TestWithParam<std::uint32_t> {};

std::uint64_t survive(std::uint64_t seed) {
  const std::uint32_t nodes = 3 + 2 * (seed % 2);
  lock_stage s(nodes, seed);
  if (::testing::Test::HasFailure()) return 0;
  fault_mix mix;
  mix.gap_max = 6s;
  mix.length_max = 8s;
  mix.down_max = seed % 2 == 0 ? 1 : nodes;
  plan_locks(s.w, 40s);
  plan_random_faults(s.w, mix, 30s);
  for (int i = 0; i < 6; ++i) {
    const auto n = static_cast<node_index>(s.w.rng().below(nodes));
    s.w.after(s.w.rng().between(1s, 40s), [&s, n] {
      if (!s.w.running(n) || s.w.paused(n)) return;
      s.act(n, [](cluster_machine& m, time_point now, cluster_output& out) { (void)m.transfer("", now, out); });
    });
  }
  s.w.run_for(42s);
  s.w.heal();
  expect_sound(s.w);
  s.expect_settled("after healing");
  s.w.run_for(20s);  // every wait and ttl is over, or was let go of
  drop_all_locks(s.w);
  const auto n = s.running().front();
  const auto fresh = s.claim(n, lock_named("a", 2s, 60s));
  s.expect_held(n, fresh, 30s, "a lock after all that");
  expect_sound(s.w);
  return s.watch.grants;
}

TEST_P(lock_seeds, survive_random_faults) {
  std::uint64_t grants = 0;
  for_each_seed(GetParam(), [&](std::uint64_t seed) { grants += survive(seed); });
  std::cout << grants << " holds\n";
  EXPECT_GT(grants, 0U);
}

INSTANTIATE_TEST_SUITE_P(shard, lock_seeds, ::testing::Range(0U, seed_shards));

}  // namespace
}  // namespace troupe::sim
