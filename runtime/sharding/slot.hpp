// Where a key lives: key -> slot -> shard.
//
// The slot is the one Redis Cluster uses (CRC16-XMODEM mod 16384 of the key, or of its {hash tag}),
// so keys that share a tag share a shard. A shard is an even, contiguous range of slots.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

inline constexpr std::uint32_t slots_total = 16384;
/// A cluster has 1..shards_max shards, the same number on every node.
inline constexpr std::uint32_t shards_max = slots_total;

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0, no reflection ("123456789" gives 0x31c3).
[[nodiscard]] std::uint16_t crc16_xmodem(std::string_view bytes) noexcept;

/// The part of the key that is hashed: what stands between the first '{' and the next '}', or the
/// whole key when there is no such pair or nothing inside (Redis Cluster specification).
[[nodiscard]] std::string_view hash_tag(std::string_view key) noexcept;

/// 0..16383.
[[nodiscard]] std::uint32_t slot_of(std::string_view key) noexcept;

/// For each of `shards` shards some key that lies in it, to reach the shard itself; `shards` in 1..shards_max.
[[nodiscard]] std::vector<std::string> keys_in_shards(std::uint32_t shards);

/// `shards` in 1..shards_max.
[[nodiscard]] constexpr std::uint32_t shard_of(std::uint32_t slot, std::uint32_t shards) noexcept {
  return slot * shards / slots_total;
}

/// The slots of one shard: [first, last].
struct slot_range {
  std::uint32_t first = 0;
  std::uint32_t last = 0;

  auto operator<=>(const slot_range&) const = default;
};

/// The inverse of shard_of; never empty.
[[nodiscard]] constexpr slot_range slots_of(std::uint32_t shard, std::uint32_t shards) noexcept {
  const auto first = [shards](std::uint32_t s) { return (s * slots_total + shards - 1) / shards; };
  return {first(shard), first(shard + 1) - 1};
}

}  // namespace troupe
