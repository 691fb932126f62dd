// What a node found on its disk when it started, and told the leader: of which creation its shards are, how far they
// go, and as whom it held them.
//
// A row of the shard table names its members by PID, and every process gets a PID of its own. So a holding carries the
// PIDs that its data was held under: if the row counts one of them, the data is what the row speaks of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/sharding/shard_table.hpp"

namespace troupe {

struct shard_holding {
  std::uint32_t shard = 0;
  std::uint64_t created = 0;
  std::uint64_t pid = 0;  // under which it was begun
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  bool whole = false;  // not in the midst of being copied

  bool operator==(const shard_holding&) const = default;
};

/// Of later processes that had the data and told so; more are forgotten, the oldest first.
inline constexpr std::size_t holder_pids_max = 1024;

struct holdings {
  std::vector<std::uint64_t> pids;  // of processes that found the data on this disk and told a leader
  std::vector<shard_holding> shards;

  bool operator==(const holdings&) const = default;

  /// The row counts on this data: it is of the same creation, and primary or in sync is a PID that it was held under.
  [[nodiscard]] bool counts_in(const shard_row& row, const shard_holding& h) const noexcept;
};

/// The wire form (runtime/proto/troupe/wire/durability.proto).
[[nodiscard]] std::string encode(const holdings& h);
/// errc::corrupt for what is out of bounds or was cut off.
[[nodiscard]] expected<holdings> decode_holdings(std::string_view bytes);

}  // namespace troupe
