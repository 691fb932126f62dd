// Who may found a cluster: a seed that comes back, with its disk or with an empty one, never founds a
// second one while the others live, not even from behind a split. The checker watches that PIDs and terms
// are those of one cluster.
#include <functional>

#include <gtest/gtest.h>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds_each = 3;

world_options three_nodes(std::uint64_t seed) {
  world_options o;
  o.nodes = 3;
  o.seed = seed;
  return o;
}

struct founded : cluster_stage {
  founded(std::uint64_t seed, const std::string& with_profile) : cluster_stage(three_nodes(seed), with_profile) {
    w.start_all();
    expect_settled("after the start");
  }
  [[nodiscard]] std::uint64_t term() const { return at(*leader()).lead().leader_now()->term; }
};

class cluster_founding : public ::testing::TestWithParam<const char*> {
 protected:
  static void tell(const std::function<void(founded&, bool keeps_disk)>& tale) {
    for (std::uint64_t seed = 1; seed <= seeds_each; ++seed) {
      for (const bool keeps_disk : {true, false}) {
        founded s(seed, GetParam());
        if (HasFailure()) return;
        tale(s, keeps_disk);
        s.expect_settled("at the end");
        expect_sound(s.w);
        if (HasFailure()) return;
      }
    }
  }
};

TEST_P(cluster_founding, a_seed_that_comes_back_joins_the_living) {
  tell([](founded& s, bool keeps_disk) {
    const auto term = s.term();
    const auto pid = s.at(0).pid();
    s.w.crash(0, crash_kind::powered_off, keeps_disk);
    s.w.run_for(10s);
    s.w.start(0);
    s.expect_settled("after the seed came back");
    if (HasFailure()) return;
    EXPECT_GE(s.term(), term);
    EXPECT_GT(s.at(0).pid(), pid) << "PIDs go on in the old cluster";
  });
}

TEST_P(cluster_founding, a_seed_that_comes_back_behind_a_split_founds_nothing) {
  tell([](founded& s, bool keeps_disk) {
    s.w.partition({0});
    s.w.crash(0, crash_kind::powered_off, keeps_disk);
    s.w.start(0);
    s.w.run_for(30s);
    EXPECT_FALSE(s.leader({0}));
    EXPECT_EQ(s.served_by({0}), 0U);
    s.w.unpartition({0});
  });
}

INSTANTIATE_TEST_SUITE_P(profile, cluster_founding, ::testing::Values("fast", "lan"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace troupe::sim
