// Procedures on all keys of a cache in one shard, which doors put together to KEYS, SCAN, DBSIZE, FLUSHALL and the
// like. They travel as a command on any key of the shard does (key_in_slot); their replies are packed words, not for
// clients.
//
//   shard_scan   tag, position, count, slot + 1 (0: any), pattern, type (empty: any)
//                -> tag, next position (0: the end), entries looked at, then the keys
//   shard_count  -> how many keys there are
//   shard_clear  tag, position, how many at most -> tag, next position (0: nothing is left), how many were erased
//   shard_drop   -> nothing; none of them is there any more, at once, and their memory is freed later
//
// A position is a place in hash space, which is another in each process: the tag says whose it is. Asked for a position
// of another one, shard_scan begins anew, so that no key is passed over when a shard moves under a scan; keys may come
// twice then, as SCAN allows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

inline constexpr std::uint64_t scan_tags = std::uint64_t{1} << 18;
/// Of who takes any position as its own.
inline constexpr std::uint64_t scan_tag_any = scan_tags;
inline constexpr std::uint64_t scan_count_max = 4096;
inline constexpr std::uint64_t clear_count_max = 512;

/// Of a process, by its hash seed; below scan_tags. Says nothing of the seed.
[[nodiscard]] std::uint64_t scan_tag_of(std::uint64_t hash_seed) noexcept;

struct shard_scan_request {
  std::uint64_t tag = scan_tag_any;
  std::uint64_t position = 0;
  std::uint64_t count = 10;
  std::optional<std::uint32_t> slot;
  std::string_view pattern = "*";
  std::string_view type;
};
[[nodiscard]] std::string pack(const shard_scan_request& r);

struct shard_page {
  std::uint64_t tag = 0;
  std::uint64_t next = 0;
  std::uint64_t looked_at = 0;
  std::vector<std::string_view> keys;  // views into the reply
};
/// None when it is no such reply.
[[nodiscard]] std::optional<shard_page> read_shard_page(std::string_view reply);

[[nodiscard]] std::string pack_clear(std::uint64_t tag, std::uint64_t position);
/// The numbers of a reply to shard_count (one) or shard_clear (three); none when it is no such reply.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> read_shard_numbers(std::string_view reply, std::size_t count);

}  // namespace troupe
