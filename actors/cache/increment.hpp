// Numbers in caches: INCRBY with a time to live for what is new, at once where the key lives. In a cache that a
// database backs, which holds plain values only, it reads, adds and writes on the condition that nobody else did.
#pragma once

#include <functional>
#include <string_view>

#include "runtime/cache/cache_access.hpp"

namespace troupe {

using number_callback = std::function<void(expected<std::int64_t>)>;

/// As cache::increment; the caller looks at options.ttl_if_new. `caches` outlives the call of `done`.
void increment(cache_access& caches, cache_id cache, std::string_view key, const increment_options& options,
               time_point deadline, number_callback done);

}  // namespace troupe
