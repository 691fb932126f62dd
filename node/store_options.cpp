#include "node/store_options.hpp"

#include "runtime/cache/catalogue.hpp"

namespace troupe {

shard_host::options store_options(const config& c, std::uint64_t hash_seed) {
  const auto eviction = eviction_named(c.cache.eviction).value_or(eviction_policy::lru);
  shard_host::options o{c.cache.shards, c.cache.memory_max, eviction, hash_seed, {}};
  const cache_catalogue caches(c.caches, c.cache.replicas);
  for (std::size_t i = 0; i < caches.all().size(); ++i) {
    const auto& settings = caches.all()[i].settings;
    if (settings.backed) o.backed.push_back(static_cast<cache_id>(i));
    o.limits.push_back({settings.memory_max, settings.keys_max});
    o.rules.push_back({settings.replicas == 0 && !settings.durable, settings.stale_for, settings.negative_ttl});
  }
  return o;
}

}  // namespace troupe
