// Where a shard tells what has to survive the node: in a node the log on disk (actors/durability), in the simulator a
// disk that may lose its tail. One for all shards; called as the shard is, one call of a shard at a time.
//
// What it was told is kept in the order of the calls for one shard, or a part of it is kept that has no gap.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include <troupe/error.hpp>

#include "runtime/replication/replica_channel.hpp"

namespace troupe {

/// Which shard, and its data of which life: a later turn makes earlier words about writes void.
struct journal_position {
  std::uint32_t shard = 0;
  std::uint64_t turn = 0;
  std::uint64_t created = 0;
  std::uint64_t pid = 0;    // of this node, by its table
  std::uint64_t epoch = 0;  // of the row
  std::uint64_t sequence = 0;
  std::uint64_t version = 0;  // of the store
};

class shard_journal {
 public:
  virtual ~shard_journal() = default;

  /// The entries of this cache are kept.
  [[nodiscard]] virtual bool keeps(cache_id cache) const noexcept = 0;
  /// ok; storage_failed when the disk takes nothing, unavailable when too much waits for it.
  [[nodiscard]] virtual errc may_write() const noexcept = 0;

  /// The shard holds nothing. `whole`: there is no more; otherwise a copy of it begins.
  virtual void begin(const journal_position& at, bool whole) = 0;
  /// A write, numbered up to at.sequence. True when some of it is kept: held_shard::on_logged follows.
  virtual bool write(const journal_position& at, std::span<const stream_entry> entries) = 0;
  /// Entries as they are: of a copy that comes in, or to shorten the log.
  virtual void page(const journal_position& at, std::span<const stream_entry> entries) = 0;
  /// The shard is as told, up to at.sequence; `whole`: nothing is missing.
  virtual void state(const journal_position& at, bool whole) = 0;
  /// The node has no part in it.
  virtual void drop(const journal_position& at) = 0;
  /// All that was told of the shard is kept.
  [[nodiscard]] virtual bool settled(std::uint32_t shard) const noexcept = 0;
  /// Calls `then` when all that was told of any shard is kept: at once, or later in the order of the calls, on any
  /// thread; dropped if it never is.
  virtual void when_settled(std::function<void()> then) = 0;
};

}  // namespace troupe
