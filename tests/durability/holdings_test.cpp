#include "runtime/durability/holdings.hpp"

#include <gtest/gtest.h>

#include "runtime/durability/holders_file.hpp"

namespace troupe {
namespace {

TEST(holdings, come_back_as_they_were_sent_and_cut_off_anywhere_are_refused) {
  const holdings h{{3, 9}, {{0, 1, 3, 4, 5, true}, {12, 2, 9, 8, 7, false}}};
  const auto bytes = encode(h);
  EXPECT_EQ(*decode_holdings(bytes), h);
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_holdings(bytes.substr(0, n))) << n;
}

TEST(holdings, count_in_a_row_of_their_creation_that_names_a_pid_they_were_held_under) {
  const holdings h{{4}, {}};
  const shard_holding held{0, 7, 2, 0, 0, true};
  EXPECT_TRUE(h.counts_in({2, {}, {}, 9, 7, 0}, held)) << "as primary";
  EXPECT_TRUE(h.counts_in({1, {2}, {2}, 9, 7, 0}, held)) << "in sync";
  EXPECT_TRUE(h.counts_in({4, {}, {}, 9, 7, 0}, held)) << "a later process of it";
  EXPECT_FALSE(h.counts_in({1, {2}, {}, 9, 7, 0}, held)) << "a copy that counts for nothing";
  EXPECT_FALSE(h.counts_in({2, {}, {}, 9, 8, 0}, held)) << "made anew since";
  EXPECT_FALSE(h.counts_in({1, {3}, {3}, 9, 7, 0}, held)) << "others took its place";
}

TEST(holders_file, comes_back_and_is_refused_when_a_byte_of_it_is_not_as_it_was) {
  const std::vector<std::uint64_t> pids{1, 5, 1'000'000};
  const auto bytes = encode_holders(pids);
  EXPECT_EQ(*decode_holders(bytes), pids);
  EXPECT_TRUE(decode_holders("")->empty());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto damaged = bytes;
    damaged[i] ^= 4;
    EXPECT_FALSE(decode_holders(damaged)) << i;
    EXPECT_FALSE(i > 0 && decode_holders(bytes.substr(0, i))) << i;
  }
}

}  // namespace
}  // namespace troupe
