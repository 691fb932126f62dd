#include <troupe/fenced.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

const incarnation_id a{1, 2};
const incarnation_id b{3, 4};

struct lease_until final : fenced_lease {
  bool holds(std::uint64_t term) const override { return term == leads; }
  std::uint64_t leads = 7;
};

TEST(fenced, comes_back_from_its_text) {
  const fenced token(17, a);
  EXPECT_EQ(token.text(), "17-00000000000000010000000000000002");
  const auto back = fenced::parse(token.text());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->term(), 17U);
  EXPECT_EQ(back->leader(), a);
}

TEST(fenced, is_not_read_from_anything_else) {
  const auto text = fenced(17, a).text();
  for (std::size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(fenced::parse(text.substr(0, n))) << n;
  for (const std::string bad :
       {"017-00000000000000010000000000000002", "-00000000000000010000000000000002",
        "0-00000000000000010000000000000002", "17_00000000000000010000000000000002",
        "17-0000000000000001000000000000000g", "17-00000000000000010000000000000002x",
        "99999999999999999999-00000000000000010000000000000002", "9223372036854775807-00000000000000010000000000000002",
        " 17-00000000000000010000000000000002", "17-00000000000000000000000000000000"}) {
    EXPECT_EQ(fenced::parse(bad).error().code, errc::corrupt) << bad;
  }
}

TEST(fenced, is_valid_while_its_own_lease_runs_and_never_when_read) {
  const auto lease = std::make_shared<lease_until>();
  const fenced token(7, a, lease);
  EXPECT_TRUE(token.still_valid());
  EXPECT_FALSE(fenced::parse(token.text())->still_valid());
  lease->leads = 8;
  EXPECT_FALSE(token.still_valid());
}

TEST(fence, admits_rising_terms_and_the_same_leader_again) {
  fence f;
  EXPECT_TRUE(f.admit({3, a}));
  EXPECT_TRUE(f.admit({3, a}));
  EXPECT_TRUE(f.admit({5, b}));
  EXPECT_EQ(f.highest()->term(), 5U);
  EXPECT_EQ(f.refused(), 0U);
}

TEST(fence, refuses_lower_terms_and_a_second_leader_of_a_term_and_counts_them) {
  fence f;
  ASSERT_TRUE(f.admit({5, b}));
  EXPECT_EQ(f.admit({4, b}).error().code, errc::stale_term);
  const auto second = f.admit({5, a});
  EXPECT_EQ(second.error().code, errc::stale_term);
  EXPECT_EQ(second.error().context, "a second leader of term 5");
  EXPECT_EQ(f.refused(), 2U);
  EXPECT_EQ(f.highest()->leader(), b);
}

TEST(fence, goes_on_where_it_was_after_a_restart) {
  fence before;
  ASSERT_TRUE(before.admit({5, b}));
  fence after(*fenced::parse(before.highest()->text()));
  EXPECT_FALSE(after.admit({4, a}));
  EXPECT_TRUE(after.admit({6, a}));
}

}  // namespace
}  // namespace troupe
