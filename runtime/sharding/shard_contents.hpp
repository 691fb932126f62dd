// What a hand-over needs of the stores that hold a node's shards: reading one out while it is served,
// serving it no more or sending later writes on, and filling a copy. In a node they are the shard host's, behind its
// locks; in the simulator they are plain.
//
// Every function may be called at any time: a shard that this node has another part in (by now) refuses.
#pragma once

#include <cstdint>

#include <troupe/time.hpp>

#include "runtime/base/function_ref.hpp"
#include "runtime/durability/holdings.hpp"
#include "runtime/sharding/copy_message.hpp"

namespace troupe {

class shard_contents {
 public:
  using sink = function_ref<void(const copied_entry&)>;

  virtual ~shard_contents() = default;

  // --- of the giver, while it is the shard's primary under the row of `epoch`
  /// Keys that are written from now on are noted.
  virtual void watch(std::uint32_t shard, std::uint64_t epoch) = 0;
  virtual void unwatch(std::uint32_t shard, std::uint64_t epoch) = 0;
  /// What the noted keys take in memory.
  [[nodiscard]] virtual std::uint64_t changed_bytes(std::uint32_t shard) const = 0;
  /// Shows entries from `cursor` on (0: the start), about `bytes_max` bytes of them; the next cursor, 0 at
  /// the end.
  [[nodiscard]] virtual std::uint64_t read(std::uint32_t shard, std::uint64_t cursor, std::uint64_t bytes_max,
                                           time_point now, sink show) = 0;
  /// Takes noted keys and shows what they are now; true when none is left.
  [[nodiscard]] virtual bool read_changes(std::uint32_t shard, std::uint64_t bytes_max, time_point now, sink show) = 0;
  /// Work beside the store that only the primary does (runtime/grains) goes to its end and none begins; true when none
  /// is left. Before a release, asked again until then.
  [[nodiscard]] virtual bool calm(std::uint32_t, std::uint64_t) { return true; }
  /// It may begin again: the shard is not given up after all.
  virtual void stir(std::uint32_t, std::uint64_t) {}
  /// Serves the shard no more, until a row of another epoch says so. False when it does not serve it.
  [[nodiscard]] virtual bool release(std::uint32_t shard, std::uint64_t epoch) = 0;
  /// Serves it again: nobody was told of the release.
  virtual void reopen(std::uint32_t shard, std::uint64_t epoch) = 0;
  /// After a release: nobody waits for a copy any more, and no work beside the store is still under way.
  [[nodiscard]] virtual bool drained(std::uint32_t shard) const = 0;
  /// Later writes wait for `pid` too, and its copy needs no more than was noted by now. False when it does not serve
  /// the shard.
  [[nodiscard]] virtual bool begin_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) = 0;
  /// The copy has taken what was noted: writes are sent to it.
  virtual void confirm_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) = 0;
  virtual void abandon_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) = 0;
  /// The highest version given in the shard, and the sequence of its latest write.
  [[nodiscard]] virtual std::uint64_t version(std::uint32_t shard) const = 0;
  [[nodiscard]] virtual std::uint64_t sequence(std::uint32_t shard) const = 0;

  // --- of the taker, while it is a replica under the row of `epoch`
  /// Drops what it holds. False when it is none.
  [[nodiscard]] virtual bool begin_copy(std::uint32_t shard, std::uint64_t epoch) = 0;
  /// False when there is no room for the entry. A cache that is not declared here is passed over.
  [[nodiscard]] virtual bool copy(std::uint32_t shard, const copied_entry& e, time_point now) = 0;
  /// What this node found on its disk and no row has decided about yet (runtime/durability).
  [[nodiscard]] virtual holdings restored() const { return {}; }
  /// There is room for more of it on the way to this node's log, if it keeps one.
  [[nodiscard]] virtual bool may_copy(std::uint32_t) const { return true; }
  /// All that was copied is in the log.
  [[nodiscard]] virtual bool settled(std::uint32_t) const { return true; }
  /// It is whole: versions given from now on are higher, writes go on after `sequence`.
  virtual void finish_copy(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version, std::uint64_t sequence) = 0;
};

}  // namespace troupe
