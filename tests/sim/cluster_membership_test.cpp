// Membership within the whole cluster machine: departures and restarts at the worst moments of an election, and
// what an operator forces out.
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

class cluster_membership : public ::testing::TestWithParam<const char*> {
 protected:
  static world_options five(std::uint64_t seed) {
    world_options o;
    o.nodes = 5;
    o.seed = seed;
    return o;
  }
};

TEST_P(cluster_membership, a_leave_during_an_election_ends_and_the_rest_elects) {
  for (std::uint64_t seed = 1; seed <= 6 && !HasFailure(); ++seed) {
    for (const auto how : {crash_kind::killed, crash_kind::powered_off}) {
      cluster_stage s(five(seed), GetParam());
      s.w.start_all();
      s.expect_settled("after the start");
      if (HasFailure()) return;
      const auto old = *s.leader();
      const node_index leaver = (old + 1 + static_cast<node_index>(seed) % 4) % 5;
      s.w.crash(old, how);
      s.w.run_for(static_cast<int>(seed - 1) * 400ms);  // from before anybody noticed to after the next leader
      s.w.leave(leaver);
      expect_within(
          s.w, 20s, [&] { return !s.w.running(leaver); }, "who leaves is gone");
      s.expect_settled("without the leader and the one that left");
      if (HasFailure()) return;
      EXPECT_NE(*s.leader(), old);
      s.w.start(old);
      s.w.start(leaver);
      s.expect_settled("with both back");
    }
  }
}

TEST_P(cluster_membership, a_restart_during_an_election_is_a_new_process_and_disturbs_it_not) {
  for (std::uint64_t seed = 1; seed <= 4 && !HasFailure(); ++seed) {
    cluster_stage s(five(seed), GetParam());
    s.w.start_all();
    s.expect_settled("after the start");
    if (HasFailure()) return;
    const auto old = *s.leader();
    const node_index other = (old + 1) % 5;
    s.w.crash(old, crash_kind::powered_off);
    s.w.run_for(static_cast<int>(seed) * 300ms);
    s.w.crash(other);
    s.w.start(other);
    s.expect_settled("without the old leader");
  }
}

TEST_P(cluster_membership, who_is_forced_out_is_gone_from_the_table_and_may_return_as_another) {
  cluster_stage s(five(3), GetParam());
  s.w.start_all();
  s.expect_settled("after the start");
  if (HasFailure()) return;
  const node_index gone = (*s.leader() + 1) % 5, teller = (*s.leader() + 2) % 5;
  const std::string name = "n" + std::to_string(gone);
  s.w.crash(gone, crash_kind::powered_off);
  const auto seen_as = [&](member_state state) {
    for (const auto n : s.running()) {
      const auto* r = s.at(n).members().find(name);
      if (r == nullptr || r->state != state) return false;
    }
    return true;
  };
  expect_within(
      s.w, 60s, [&] { return seen_as(member_state::failed); }, "failed");
  s.force_leave(teller, name);
  expect_within(
      s.w, 5s, [&] { return seen_as(member_state::departed); }, "departed everywhere");
  s.expect_settled("without it");
  s.w.start(gone);
  s.expect_settled("with it");
  EXPECT_TRUE(seen_as(member_state::alive));
}

// No link breaks for long, and by the round of probes alone it takes up to three seconds more.
TEST_P(cluster_membership, one_whose_packets_are_all_dropped_is_failed_soon_after_the_shortest_suspicion) {
  const duration soon = GetParam() == std::string("lan") ? 6s : 1500ms;
  for (std::uint64_t seed = 1; seed <= 30 && !HasFailure(); ++seed) {
    cluster_stage s(five(seed), GetParam());
    s.w.start_all();
    s.expect_settled("after the start");
    if (HasFailure()) return;
    s.w.run_for(5s + seed * 37ms);
    const node_index gone = static_cast<node_index>(seed) % 5;
    const std::string name = "n" + std::to_string(gone);
    const auto failed_at_all_others = [&] {
      for (node_index n = 0; n < 5; ++n) {
        if (n != gone && s.at(n).members().find(name)->state != member_state::failed) return false;
      }
      return true;
    };
    s.w.partition({gone});
    expect_within(s.w, soon, failed_at_all_others, "failed at all others");
  }
}

INSTANTIATE_TEST_SUITE_P(profile, cluster_membership, ::testing::Values("fast", "lan"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace troupe::sim
