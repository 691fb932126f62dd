// A write as a copy repeats it: all its entries, or none of them for want of room.
#pragma once

#include <span>

#include "runtime/cache/shard_store.hpp"
#include "runtime/replication/replica_channel.hpp"

namespace troupe {

/// An entry of a cache that this node does not declare: counted, not kept.
inline constexpr cache_id cache_unknown = 0xffff;

/// False: no room, and nothing was done.
[[nodiscard]] bool apply_write(std::span<const stream_entry> write, shard_store& store, time_point now);

}  // namespace troupe
