// Reads the log of a node that starts into its shards, before anybody serves them.
//
//   a torn tail         is cut off the file, and said: log_tail_cut {file, offset, bytes, records}
//   damage, a gap, another program's file, a newer version: the node does not start (storage_failed, exit code 73)
//   another number of shards than cache.shards: it does not start (bad_config, exit code 78)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <troupe/error.hpp>

#include "actors/cache/shard_host.hpp"
#include "actors/durability/durable_modes.hpp"
#include "actors/log.hpp"
#include "runtime/cache/catalogue.hpp"
#include "runtime/durability/holdings.hpp"

namespace troupe {

struct loaded_log {
  holdings found;
  std::uint64_t next_segment = 1;
  std::size_t segments = 0;
  std::uint64_t log_bytes = 0;   // of all segments
  std::uint64_t live_bytes = 0;  // about what the shards hold of it
};

struct log_loading {
  std::string directory;               // made when missing
  std::vector<std::uint64_t> holders;  // as the cluster part has them on disk
  const cache_catalogue& caches;
  std::vector<fsync_mode> modes;
};

[[nodiscard]] expected<loaded_log> load_log(const log_loading& from, shard_host& host, event_log& log);

}  // namespace troupe
