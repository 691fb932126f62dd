#include "runtime/sharding/slot.hpp"

#include <string>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

// The definition, bit by bit.
std::uint16_t crc16_by_bits(std::string_view bytes) {
  std::uint32_t crc = 0;
  for (const char c : bytes) {
    crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1;
  }
  return static_cast<std::uint16_t>(crc);
}

TEST(crc16, gives_the_published_check_value) { EXPECT_EQ(crc16_xmodem("123456789"), 0x31c3); }

TEST(crc16, equals_its_definition_at_every_length) {
  random r(1);
  std::string bytes;
  for (int length = 0; length < 200; ++length) {
    EXPECT_EQ(crc16_xmodem(bytes), crc16_by_bits(bytes)) << length;
    bytes.push_back(static_cast<char>(r.below(256)));
  }
}

TEST(slot, is_the_one_of_redis_cluster) {
  EXPECT_EQ(slot_of("123456789"), 12739u);
  EXPECT_EQ(slot_of("foo"), 12182u);
  EXPECT_EQ(slot_of("bar"), 5061u);
  EXPECT_EQ(slot_of(""), 0u);
}

TEST(slot, depends_on_the_hash_tag_alone) {
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
  EXPECT_EQ(hash_tag("{user1000}.following"), "user1000");
  EXPECT_EQ(hash_tag("foo{}{bar}"), "foo{}{bar}");
  EXPECT_EQ(hash_tag("foo{{bar}}zap"), "{bar");
  EXPECT_EQ(hash_tag("foo{bar}{zap}"), "bar");
  EXPECT_EQ(hash_tag("foo{bar"), "foo{bar");
  EXPECT_EQ(hash_tag("foo}bar{"), "foo}bar{");
}

TEST(shard, has_an_even_contiguous_range_of_slots) {
  for (const std::uint32_t shards : {1u, 2u, 3u, 7u, 256u, 1000u, 16383u, 16384u}) {
    std::uint32_t next = 0;
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      const auto range = slots_of(shard, shards);
      ASSERT_EQ(range.first, next) << shard << " of " << shards;
      ASSERT_EQ(shard_of(range.first, shards), shard);
      ASSERT_EQ(shard_of(range.last, shards), shard);
      const std::uint32_t size = range.last - range.first + 1;
      ASSERT_GE(size, slots_total / shards);
      ASSERT_LE(size, slots_total / shards + 1);
      next = range.last + 1;
    }
    EXPECT_EQ(next, slots_total);
  }
}

}  // namespace
}  // namespace troupe
