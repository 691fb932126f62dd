// The metrics of each cache of a node: troupe_cache_named_keys_count, troupe_cache_named_memory_bytes,
// troupe_cache_named_evicted_total, with the label `cache`. All caches are measured together, once in `kept_for`.
#pragma once

#include <troupe/time.hpp>

#include "actors/cache/shard_host.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/catalogue.hpp"

namespace troupe {

/// Both outlive the last scrape.
void register_cache_metrics(metrics& m, const shard_host& host, const cache_catalogue& caches);
/// Of all values that are held here together: troupe_cache_keys_count, _memory_bytes, _evicted_total, _expired_total.
void register_store_metrics(metrics& m, const shard_host& host);

}  // namespace troupe
