// The rows of [cache] and [caches.NAME].
#include "config/key_rows.hpp"

namespace troupe {

namespace {

using namespace units;
using c = config;
using cache = cache_config;
using named = named_cache_config;

std::vector<key> cache_keys() {
  return {
      {.section = "cache",
       .name = "shards",
       .in = in<&c::cache, &cache::shards>,
       .doc = "Slices of the data, each with its owner; the same on every node, for ever: a node with another "
              "number is refused, and does not start on a data directory of a cluster that has one. More spread and "
              "move finer, "
              "and cost a little memory and a row of the cluster record each.",
       .min = 1,
       .max = 16384},
      {.section = "cache",
       .name = "replicas",
       .in = in<&c::cache, &cache::replicas>,
       .doc = "Copies besides the primary. Each multiplies memory and adds a round trip to a write; with 0 a lost node "
              "loses its part of the data.",
       .max = 5},
      {.section = "cache",
       .name = "memory_max",
       .in = in<&c::cache, &cache::memory_max>,
       .doc = "Memory of all values on this node, copies included; beyond it eviction decides.",
       .min = 64 * kilobytes,
       .max = 16 * 1024 * gigabytes},
      {.section = "cache",
       .name = "value_max",
       .in = in<&c::cache, &cache::value_max>,
       .doc = "Largest value. Above 1MiB it crosses between nodes in chunks.",
       .min = 1,
       .max = 1 * gigabytes},
      {.section = "cache",
       .name = "eviction",
       .in = in<&c::cache, &cache::eviction>,
       .doc = "At the limit of memory: lru drops what was used longest ago, lfu what is used least often, random "
              "anything, ttl what expires first; the volatile ones drop only what expires, and refuse writes when "
              "nothing does. none refuses writes.",
       .words = {"lru", "lfu", "random", "ttl", "volatile-lru", "volatile-lfu", "volatile-random", "none"}},
      {.section = "cache",
       .name = "copy_rate_max",
       .in = in<&c::cache, &cache::copy_rate_max>,
       .doc =
           "Bytes a second that this node sends of shards it gives to others, when members come or leave; 0: no limit.",
       .max = 16 * 1024 * gigabytes},
      {.section = "cache",
       .name = "deadline",
       .in = in<&c::cache, &cache::deadline>,
       .doc = "How long a request may take before it ends as unavailable or as unknown.",
       .min = 10 * ms,
       .max = 10 * minutes},
      {.section = "cache",
       .name = "min_availability",
       .in = in<&c::cache, &cache::min_availability>,
       .doc = "What a node that leaves waits for, within 60 % of node.drain_timeout: none goes at once, primaries "
              "hands the shards over that it is primary of, full waits until the others have every copy that they can "
              "have; give "
              "full the time by node.drain_timeout.",
       .words = {"none", "primaries", "full"}},
      {.section = "cache",
       .name = "restore_wait",
       .in = in<&c::cache, &cache::restore_wait>,
       .doc = "When a whole cluster starts again: how long the leader waits for members that have a shard of durable "
              "caches on disk, before it begins the shard empty.",
       .max = 1 * hours},
  };
}

std::vector<key> caches_keys() {
  return {
      {caches_section, "backed", in_block<&named::backed>,
       "true: values live in the database. Misses read through, writes commit there first and then become visible: "
       "slower by a commit, safe against kill -9. Needs service db; in a cluster db.type postgres."},
      {.section = caches_section,
       .name = "replicas",
       .in = in_block<&named::replicas>,
       .doc = "As cache.replicas, which it inherits when absent. A shard has as many copies as the cache that asks for "
              "the most, and its other caches have them too; but one with 0 is not sent to copies: its values are lost "
              "with their primary. \"all\", for small caches that are read often: as cache.replicas, at least 1, and "
              "every "
              "node holds a copy of the whole cache that answers its reads, at most a second old (memory_max at each "
              "node, 64MiB without it; what does not fit is read at its primary).",
       .max = 5,
       .word = "all",
       .word_number = replicas_everywhere},
      {.section = caches_section,
       .name = "consistency",
       .in = in_block<&named::consistency>,
       .doc = "strong: reads at the primary, linearizable. stale: any copy may answer, sooner and perhaps with an old "
              "value.",
       .words = {"strong", "stale"}},
      {.section = caches_section,
       .name = "ttl",
       .in = in_block<&named::ttl>,
       .doc = "Time to live of values that are written without one.",
       .min = 1 * ms,
       .max = 3650 * days,
       .zero = "they stay"},
      {caches_section, "durable", in_block<&named::durable>,
       "true: written to a log in node.data_dir at every node that holds it, so that a whole cluster stopped and "
       "started again has its data."},
      {.section = caches_section,
       .name = "fsync",
       .in = in_block<&named::fsync>,
       .doc = "Of a durable cache, as Redis' appendfsync. always: a write is acknowledged when it is on the disk of "
              "every node that holds it. everysec: a power failure of all of them loses about a second. no: what the "
              "system had not written yet. A kill -9 loses nothing with any of them.",
       .words = {"always", "everysec", "no"}},
      {.section = caches_section,
       .name = "memory_max",
       .in = in_block<&named::memory_max>,
       .doc = "Memory of this cache's values at one node, copies included; beyond it eviction decides among them.",
       .min = 64 * kilobytes,
       .max = 16 * 1024 * gigabytes,
       .zero = "as much as cache.memory_max allows"},
      {.section = caches_section,
       .name = "keys_max",
       .in = in_block<&named::keys_max>,
       .doc = "Keys of this cache at one node, copies included; beyond it eviction decides among them.",
       .max = 1'000'000'000,
       .zero = "no limit"},
      {.section = caches_section,
       .name = "negative_ttl",
       .in = in_block<&named::negative_ttl>,
       .doc = "How long it is remembered that a loader found nothing for a key.",
       .max = 365 * days,
       .zero = "not at all"},
      {.section = caches_section,
       .name = "stale_for",
       .in = in_block<&named::stale_for>,
       .doc = "After the end of a value's life: how long the old one is still given while a loader fetches a new one.",
       .max = 365 * days,
       .zero = "not at all"},
      {.section = caches_section,
       .name = "near_max",
       .in = in_block<&named::near_max>,
       .doc = "Memory at each node for values of other nodes that were read here lately; a change at their owner drops "
              "them here, a moment later. Reads may so be old by that moment.",
       .min = 64 * kilobytes,
       .max = 16 * 1024 * gigabytes,
       .zero = "none are kept"},
  };
}

}  // namespace

std::vector<key> keys_of_cache() { return joined_rows({cache_keys(), caches_keys()}); }

}  // namespace troupe
