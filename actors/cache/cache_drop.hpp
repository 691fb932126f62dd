// Drops all values of a cache, shard by shard: each shard's primary does it as one write of its stream. For the handle
// and the doors.
#pragma once

#include <functional>

#include <troupe/error.hpp>

#include "runtime/cache/cache_access.hpp"

namespace troupe {

/// `done` runs once, when every shard has answered: see cache::drop. Nothing blocks.
void drop_cache(cache_access& caches, cache_id cache, time_point deadline, std::function<void(expected<void>)> done);

}  // namespace troupe
