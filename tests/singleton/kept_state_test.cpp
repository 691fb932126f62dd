// Who is given the state of the last instance.
#include "runtime/singleton/kept_state.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(kept_state, is_given_to_the_first_holder_after_it_as_often_as_it_asks) {
  kept_state k;
  k.keep(5, "five");
  EXPECT_TRUE(k.awaits());
  EXPECT_EQ(k.give(7), "five");
  EXPECT_FALSE(k.awaits());
  EXPECT_EQ(k.give(7), "five");
  EXPECT_EQ(k.give(8), std::nullopt) << "what 7 did would be undone";
}

TEST(kept_state, is_not_given_when_another_held_the_role_in_between) {
  kept_state k;
  k.keep(5, "five");
  k.on_holder(6);
  EXPECT_EQ(k.give(7), std::nullopt);
  EXPECT_TRUE(k.awaits());
  EXPECT_EQ(k.give(6), "five");
}

TEST(kept_state, is_not_given_to_who_was_before) {
  kept_state k;
  k.keep(5, "five");
  EXPECT_EQ(k.give(4), std::nullopt);
  EXPECT_EQ(k.give(5), std::nullopt);
  EXPECT_EQ(k.give(6), "five");
}

TEST(kept_state, of_an_instance_that_gave_none_is_none_and_hides_the_one_before) {
  kept_state k;
  k.keep(5, "five");
  k.keep(6, std::nullopt);
  EXPECT_FALSE(k.awaits());
  EXPECT_FALSE(k.is_of(5));
  EXPECT_EQ(k.give(7), std::nullopt);
}

TEST(kept_state, is_taken_once_by_the_next_instance_here) {
  kept_state k;
  k.keep(5, "five");
  EXPECT_TRUE(k.is_of(5));
  EXPECT_EQ(k.take(4), std::nullopt);
  EXPECT_EQ(k.take(5), "five");
  EXPECT_EQ(k.take(5), std::nullopt);
  EXPECT_FALSE(k.awaits());
}

TEST(kept_state, that_was_kept_before_anything_ended_is_nobodys) {
  kept_state k;
  EXPECT_EQ(k.give(1), std::nullopt);
  k.keep(5, "five");
  k.forget();
  EXPECT_EQ(k.give(6), std::nullopt);
}

}  // namespace
}  // namespace troupe
