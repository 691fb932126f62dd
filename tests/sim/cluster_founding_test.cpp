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

// One expected member: a node may found a cluster of its own, but not one that was told of others who have one, or
// who come at the same time.
struct one_voter : cluster_stage {
  one_voter(std::uint64_t seed, std::uint32_t nodes, const std::string& with_profile, bool first_has_seeds)
      : cluster_stage(options(seed, nodes), with_profile, [first_has_seeds](config& c) {
          c.cluster.expected_members = 1;
          if (!first_has_seeds && c.node.name == "n0") c.cluster.seeds.clear();
        }) {}
  static world_options options(std::uint64_t seed, std::uint32_t nodes) {
    auto o = three_nodes(seed);
    o.nodes = nodes;
    return o;
  }
  void start_within(duration spread, std::uint64_t seed) {
    random when(seed);
    for (node_index n = 0; n < w.size(); ++n) {
      w.start(n);
      w.run_for(spread * static_cast<std::int64_t>(when.below(1000)) / 1000);
    }
  }
};

TEST_P(cluster_founding, nodes_that_are_told_of_each_other_make_one_cluster) {
  for (std::uint64_t seed = 1; seed <= 4 * seeds_each; ++seed) {
    const auto nodes = static_cast<std::uint32_t>(2 + seed % 6);
    one_voter s(seed, nodes, GetParam(), true);
    s.start_within(seed % 3 == 0 ? 0ms : seed % 3 == 1 ? 300ms : 3s, seed);
    s.expect_settled("with " + std::to_string(nodes) + " nodes, seed " + std::to_string(seed));
    if (HasFailure()) return;
    const auto voters = s.at(0).lead().record()->voters;
    EXPECT_EQ(voters.size(), 1U);
  }
}

TEST_P(cluster_founding, who_was_told_a_seed_joins_it) {
  for (std::uint64_t seed = 1; seed <= 2 * seeds_each; ++seed) {
    one_voter s(seed, 4, GetParam(), false);
    s.start_within(seed % 2 == 0 ? 0ms : 2s, seed);
    s.expect_settled("seed " + std::to_string(seed));
    ASSERT_FALSE(HasFailure());
    EXPECT_EQ(s.leader(), node_index{0}) << "the others do not vote";
    s.w.crash(0, crash_kind::powered_off, true);
    s.w.run_for(5s);
    s.w.start(0);
    s.expect_settled("after the voter came back");
    s.w.crash(2, crash_kind::powered_off, false);
    s.w.run_for(5s);
    s.w.start(2);
    s.expect_settled("after another came back without its disk");
    if (HasFailure()) return;
  }
}

// Its seeds are the only ones who could say whether there is a cluster.
TEST_P(cluster_founding, who_was_told_seeds_founds_nothing_while_none_of_them_is_there) {
  one_voter s(1, 3, GetParam(), true);
  s.w.start(1);
  s.w.run_for(60s);
  EXPECT_FALSE(s.leader({1}));
  s.w.start(2);
  s.w.start(0);
  s.expect_settled("when they came");
}

INSTANTIATE_TEST_SUITE_P(profile, cluster_founding, ::testing::Values("fast", "lan"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace troupe::sim
