// Which caches of a node are durable, and how much of each write is on the disk before it is acknowledged.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/cache/catalogue.hpp"

namespace troupe {

enum class fsync_mode : std::uint8_t {
  not_durable,
  no,        // it was given to the system
  everysec,  // the same, and the system is told to write it every second
  always,    // it is on the disk
};

/// By cache id. A cache that a database backs is not durable: its values are there.
[[nodiscard]] std::vector<fsync_mode> modes_of(const cache_catalogue& caches);

/// The one that keeps most.
[[nodiscard]] fsync_mode strictest(const std::vector<fsync_mode>& modes) noexcept;

}  // namespace troupe
