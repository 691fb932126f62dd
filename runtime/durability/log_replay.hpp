// Puts the records of a log back into the shards of a node that starts, in their order, and tells what it then holds.
//
// Time goes by as it did: each record is applied at the moment of the node's clock that corresponds to the wall time at
// which it was written, so what lived then is there for the edits that follow, and what has expired since is gone when
// the node reads it. Nothing is evicted meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/cache/held_shard.hpp"
#include "runtime/durability/holdings.hpp"
#include "runtime/durability/log_record.hpp"

namespace troupe {

class log_replay {
 public:
  /// The id of a cache that is kept by its name; cache_unknown for any other: its entries are passed over.
  using cache_finder = std::function<cache_id(std::string_view name)>;

  /// `now`, `wall_ms`: the same moment by both clocks.
  log_replay(std::uint32_t shards, cache_finder find, time_point now, std::uint64_t wall_ms)
      : find_(std::move(find)), now_(now), wall_ms_(wall_ms), shards_(shards) {}

  /// `store` is that of the record's shard. False for a record of a shard that there is not.
  bool apply(const log_record& r, shard_store& store);

  /// What the node holds, when all records were applied.
  [[nodiscard]] holdings found() const;
  [[nodiscard]] const shard_holding* held(std::uint32_t shard) const noexcept {
    return shards_[shard].known ? &shards_[shard].h : nullptr;
  }
  [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }

 private:
  struct shard_place {
    bool known = false;  // that it has a part in the shard
    shard_holding h;
  };
  [[nodiscard]] time_point moment_of(const log_record& r) const noexcept;
  void apply_entries(const log_record& r, shard_store& store);

  const cache_finder find_;
  const time_point now_;
  const std::uint64_t wall_ms_;
  std::vector<shard_place> shards_;
  std::vector<stream_entry> write_;  // scratch
  std::uint64_t entries_ = 0;
};

}  // namespace troupe
