// The cache alone: named maps from bytes to bytes in this process, without a node and without a cluster, with the
// interface that caches of a cluster have (<troupe/cache.hpp>).
//
//   auto store = troupe::local_cache::start({.memory_max = 64 << 20});
//   auto users = store->open();
//   users->put("alice", "1", {.ttl = std::chrono::minutes(5)});
//
// Values expire, are evicted for want of memory, counted, compared and set, scanned; loaders fetch what is missing, one
// load of a key at a time; changes are told to subscribers. With a directory caches may be durable: what was written
// is there again after a restart. What is put here is seen by no other process.
//
// One thread, for upkeep, and those of loaders; two for the log of durable caches. Gets and puts run on the caller's
// thread. Thread-safe. Handles must not outlive the object that they are of; after stop() they answer unavailable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <troupe/cache.hpp>
#include <troupe/cache_loader.hpp>
#include <troupe/config.hpp>
#include <troupe/error.hpp>

namespace troupe {

struct local_cache_options {
  std::uint64_t memory_max = 256 * mib;  // of all values together
  std::uint64_t value_max = 64 * mib;    // of one
  std::string eviction = "lru";          // cache.eviction: none | lru | ...
  std::uint32_t shards = 16;             // locks that callers share; the same for a directory for ever
  /// Named caches beside `default`; of their settings, those of copies (replicas, consistency, near_max) mean nothing
  /// here, and `backed` is refused.
  std::map<std::string, named_cache_config> caches{};
  std::string data_dir{};           // of durable caches; made when it is missing
  std::string log_level = "error";  // error | warn | info | debug, to standard error; off
};

class local_cache {
 public:
  /// errc::bad_config with every fault, under the names that the keys have in the configuration of a node, and for
  /// durable caches without a directory; errc::storage_failed when that cannot be used, is damaged, or another process
  /// has it.
  [[nodiscard]] static expected<local_cache> start(local_cache_options options = {});

  local_cache(local_cache&&) noexcept;
  local_cache& operator=(local_cache&&) noexcept;
  /// As stop().
  ~local_cache();

  /// errc::not_found when it was not declared.
  [[nodiscard]] expected<cache> open(const std::string& name = "default") const;

  /// From now on values of the cache that are asked for and not there are loaded by `load` (cache_loader.hpp).
  /// errc::not_found, errc::invalid_argument for a cache that has a loader and for options out of bounds.
  expected<void> set_loader(const std::string& cache, cache_loader load, const loader_options& options = {});

  struct usage {
    std::uint64_t keys = 0;
    std::uint64_t bytes = 0;
    std::uint64_t evicted = 0;  // since the start
    std::uint64_t expired = 0;
  };
  [[nodiscard]] usage measure() const;

  /// In the Prometheus text format: troupe_cache_*, troupe_durability_*.
  [[nodiscard]] std::string metrics() const;

  /// Ends loads and subscriptions, writes what waits for the log. Idempotent.
  void stop();

 private:
  class runner;
  explicit local_cache(std::unique_ptr<runner> r);
  std::unique_ptr<runner> runner_;
};

}  // namespace troupe
