#include <troupe/ids.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(incarnation_id, survives_its_text_form) {
  const incarnation_id id{0x0123456789abcdefULL, 0x1ULL};
  EXPECT_EQ(to_string(id), "0123456789abcdef0000000000000001");
  EXPECT_EQ(parse_incarnation_id(to_string(id)), id);
}

TEST(incarnation_id, refuses_any_other_text) {
  for (const auto* text : {"", "12", "0123456789abcdef000000000000000g", "0123456789abcdeg0000000000000001",
                           "0123456789abcdef00000000000000011"}) {
    EXPECT_TRUE(parse_incarnation_id(text).empty()) << text;
  }
}

TEST(stamp, orders_by_term_and_then_by_epoch) {
  EXPECT_LT((stamp{1, 9}), (stamp{2, 1}));
  EXPECT_LT((stamp{2, 1}), (stamp{2, 2}));
}

}  // namespace
}  // namespace troupe
