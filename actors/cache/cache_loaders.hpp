// The loaders of this node's caches and the threads on which they run. The shard host knows which loads are under way
// and who waits (runtime/cache/shard_loads.hpp); this carries them out, one call of the embedder's function for each.
//
//   what comes back              then
//   a value within value_max     stored at the primary unless something overtook it; given to who waits
//   none                         not_found for who waits; remembered for negative_ttl
//   an error, a throw, too_large told to who waits
//   nothing until the deadline   deadline_exceeded; what comes later is dropped
//
// An I/O thread never runs the embedder's function. A loader is set once and stays until the node ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include <troupe/cache_loader.hpp>

#include "actors/cache/shard_host.hpp"
#include "actors/handlers/handler_pool.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/catalogue.hpp"

namespace troupe {

class cache_loaders : public std::enable_shared_from_this<cache_loaders> {
 public:
  static constexpr std::uint32_t threads_max = 64;

  /// `host` and `caches` outlive close().
  cache_loaders(shard_host& host, const cache_catalogue& caches, std::uint64_t value_max);
  ~cache_loaders() { close(); }

  /// errc::not_found for an undeclared cache, errc::invalid_argument for options out of bounds, a cache that a database
  /// backs, or one that has a loader.
  [[nodiscard]] expected<void> set(std::string_view cache, cache_loader f, const loader_options& options);

  [[nodiscard]] bool has(cache_id cache) const noexcept {
    return cache < rows_.size() && rows_[cache].load(std::memory_order_acquire) != nullptr;
  }

  /// A get of a cache that has one: as shard_host::submit.
  [[nodiscard]] bool get(const cache_command& command, time_point now, time_point deadline, reply_callback& done);

  /// Runs nothing from now on, and waits for what runs. Idempotent.
  void close();

  void register_metrics(metrics& m) const;

 private:
  struct loader {
    loader(cache_loader load, const loader_options& o)
        : f(std::move(load)),
          options(o),
          budget(std::make_shared<load_budget>(o.running_max, o.waiting_max)),
          pool(o.threads, o.running_max) {}

    const cache_loader f;
    const loader_options options;
    const std::shared_ptr<load_budget> budget;
    duration usual_ttl{};
    handler_pool pool;
  };

  void start(loader& l, std::string key, std::uint32_t shard, std::uint64_t load, time_point now);
  void finish(std::uint32_t shard, std::uint64_t load, duration usual_ttl, load_result result);

  shard_host& host_;
  const cache_catalogue& caches_;
  const std::uint64_t value_max_;
  std::vector<std::atomic<loader*>> rows_;  // by cache
  std::mutex set_mutex_;
  std::vector<std::unique_ptr<loader>> all_;
  std::shared_mutex gate_;  // shared while a load ends in the host
  bool closed_ = false;     // guarded by gate_
  std::atomic<std::uint64_t> begun_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> found_none_{0};
};

}  // namespace troupe
