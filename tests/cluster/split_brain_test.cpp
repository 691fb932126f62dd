#include "runtime/cluster/split_brain.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr split_brain::settings majority{split_policy::keep_majority, 0, 2s};

split_picture seen(std::size_t heard, std::size_t known) {
  split_picture p;
  p.known = p.voters = known;
  p.heard = p.voters_heard = heard;
  p.oldest = "a";
  p.oldest_heard = true;
  return p;
}

TEST(split_brain, the_smaller_side_is_cut_off_and_the_larger_is_not) {
  EXPECT_EQ(split_brain::fault_of(majority, seen(2, 5)), "hears 2 of 5 voters");
  EXPECT_EQ(split_brain::fault_of(majority, seen(3, 5)), "");
}

TEST(split_brain, two_halves_are_both_cut_off) { EXPECT_NE(split_brain::fault_of(majority, seen(2, 4)), ""); }

TEST(split_brain, a_majority_of_members_without_one_of_voters_does_not_stay) {
  auto p = seen(8, 9);
  p.voters = 3;
  p.voters_heard = 1;
  EXPECT_EQ(split_brain::fault_of(majority, p), "hears 1 of 3 voters");
}

TEST(split_brain, a_node_that_hears_nobody_is_the_cut_off_one) {
  EXPECT_EQ(split_brain::fault_of(majority, seen(1, 3)), "hears 0 of 2 other members");
  EXPECT_EQ(split_brain::fault_of(majority, seen(1, 1)), "") << "it is alone by itself";
}

TEST(split_brain, a_static_quorum_counts_members) {
  const split_brain::settings s{split_policy::static_quorum, 4, 0s};
  EXPECT_EQ(split_brain::fault_of(s, seen(3, 5)), "hears 3 of 4 members that the quorum needs");
  EXPECT_EQ(split_brain::fault_of(s, seen(4, 5)), "");
}

TEST(split_brain, the_side_of_the_oldest_stays_unless_the_oldest_is_alone_among_several) {
  const split_brain::settings s{split_policy::keep_oldest, 0, 0s};
  auto p = seen(3, 5);
  p.oldest_heard = false;
  EXPECT_EQ(split_brain::fault_of(s, p), "does not hear the oldest member, a");
  auto oldest_died = seen(4, 5);
  oldest_died.oldest_heard = false;
  EXPECT_EQ(split_brain::fault_of(s, oldest_died), "");
  EXPECT_EQ(split_brain::fault_of(s, seen(2, 5)), "");
  EXPECT_NE(split_brain::fault_of(s, seen(1, 5)), "");
  EXPECT_EQ(split_brain::fault_of(s, seen(1, 2)), "");
}

TEST(split_brain, without_a_policy_nobody_is_cut_off) {
  EXPECT_EQ(split_brain::fault_of({split_policy::none, 9, 0s}, seen(1, 9)), "");
}

TEST(split_brain, a_verdict_settles_and_is_over_at_once) {
  split_brain s(majority);
  const time_point start{1h};
  EXPECT_FALSE(s.on_picture(seen(1, 3), start));
  EXPECT_EQ(s.next_tick(), start + 2s);
  EXPECT_FALSE(s.on_picture(seen(1, 3), start + 1999ms));
  EXPECT_TRUE(s.cut_off().empty());
  EXPECT_TRUE(s.on_picture(seen(1, 3), start + 2s));
  EXPECT_FALSE(s.cut_off().empty());
  EXPECT_EQ(s.next_tick(), time_point::max());
  EXPECT_TRUE(s.on_picture(seen(2, 3), start + 3s));
  EXPECT_TRUE(s.cut_off().empty());
}

TEST(split_brain, a_picture_that_gets_better_while_it_settles_is_forgotten) {
  split_brain s(majority);
  const time_point start{1h};
  (void)s.on_picture(seen(1, 3), start);
  (void)s.on_picture(seen(2, 3), start + 1s);
  (void)s.on_picture(seen(1, 3), start + 1900ms);
  EXPECT_FALSE(s.on_picture(seen(1, 3), start + 2s));
  EXPECT_TRUE(s.on_picture(seen(1, 3), start + 3900ms));
}

TEST(split_brain, only_policies_narrower_than_votes_make_a_node_stand_aside) {
  for (const auto policy : {split_policy::keep_majority, split_policy::static_quorum, split_policy::keep_oldest}) {
    split_brain s({policy, 4, 0s});
    auto p = seen(2, 5);
    p.oldest_heard = false;
    EXPECT_TRUE(s.on_picture(p, time_point{1h}));
    EXPECT_EQ(s.stands_aside(), policy != split_policy::keep_majority);
  }
}

}  // namespace
}  // namespace troupe
