// A page of the keys of one cache, gathered shard by shard wherever the shards live.
#pragma once

#include <functional>

#include "runtime/cache/cache_access.hpp"

namespace troupe {

using page_callback = std::function<void(expected<cache_page>)>;

/// As cache::scan. `caches` outlives the call of `done`.
void scan_keys(cache_access& caches, cache_id cache, const cache_scan& scan, time_point deadline, page_callback done);

}  // namespace troupe
