#include "runtime/cache/key_hash.hpp"

#include <array>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(key_hash, tells_lengths_and_zero_bytes_apart) {
  std::set<std::uint64_t> seen;
  for (std::size_t length = 0; length < 100; ++length) seen.insert(key_hash(std::string(length, '\0'), 1));
  EXPECT_EQ(seen.size(), 100u);
}

TEST(key_hash, depends_on_every_byte_and_on_the_seed) {
  for (std::size_t length = 1; length < 70; ++length) {
    const std::string key(length, 'x');
    const auto plain = key_hash(key, 1);
    EXPECT_NE(plain, key_hash(key, 2));
    for (std::size_t i = 0; i < length; ++i) {
      auto other = key;
      other[i] ^= 1;
      EXPECT_NE(plain, key_hash(other, 1)) << "byte " << i << " of " << length;
    }
  }
}

TEST(key_hash, spreads_numbered_keys_over_top_and_low_bits) {
  constexpr int keys = 65536;
  std::array<int, 256> top{};
  std::array<int, 256> low{};
  for (int i = 0; i < keys; ++i) {
    const auto h = key_hash("key:" + std::to_string(i), 99);
    ++top[h >> 56];
    ++low[h & 0xff];
  }
  // Expected 256 in each; 6 standard deviations (16) are never left by an even spread.
  for (int b = 0; b < 256; ++b) {
    EXPECT_NEAR(top[static_cast<std::size_t>(b)], 256, 100);
    EXPECT_NEAR(low[static_cast<std::size_t>(b)], 256, 100);
  }
}

}  // namespace
}  // namespace troupe
