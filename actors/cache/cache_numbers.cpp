#include "actors/cache/cache_numbers.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "actors/clock.hpp"

namespace troupe {

namespace {

/// A scrape asks for each number by itself.
constexpr duration kept_for = std::chrono::milliseconds(100);

class cache_numbers {
 public:
  cache_numbers(const shard_host& host, std::size_t caches) : host_(host), caches_(caches) {}

  double read(std::size_t cache, std::uint64_t shard_host::cache_usage::*number) {
    const time_point now = clock_now();
    const std::lock_guard lock(mutex_);
    if (rows_.empty() || now - read_at_ >= kept_for) {
      rows_ = host_.measure_caches(caches_);
      read_at_ = now;
    }
    return static_cast<double>(rows_[cache].*number);
  }

 private:
  const shard_host& host_;
  const std::size_t caches_;
  std::mutex mutex_;
  std::vector<shard_host::cache_usage> rows_;
  time_point read_at_{};
};

}  // namespace

void register_cache_metrics(metrics& m, const shard_host& host, const cache_catalogue& caches) {
  const auto numbers = std::make_shared<cache_numbers>(host, caches.all().size());
  for (std::size_t i = 0; i < caches.all().size(); ++i) {
    const auto reader = [numbers, i](std::uint64_t shard_host::cache_usage::*number) {
      return [numbers, i, number] { return numbers->read(i, number); };
    };
    const auto& name = caches.all()[i].name;
    m.read_gauge("troupe_cache_named_keys_count", "Values of the cache held by this node, copies included",
                 {{"cache", name}}, reader(&shard_host::cache_usage::keys));
    m.read_gauge("troupe_cache_named_memory_bytes", "Memory of the cache's values at this node", {{"cache", name}},
                 reader(&shard_host::cache_usage::bytes));
    m.read_counter("troupe_cache_named_evicted_total", "Values of the cache dropped for want of room",
                   {{"cache", name}}, reader(&shard_host::cache_usage::evicted));
  }
}

void register_store_metrics(metrics& m, const shard_host& host) {
  m.read_gauge("troupe_cache_keys_count", "Values held by this node", {},
               [&host] { return static_cast<double>(host.measure().keys); });
  m.read_gauge("troupe_cache_memory_bytes", "Memory of the values held by this node", {},
               [&host] { return static_cast<double>(host.measure().bytes); });
  m.read_counter("troupe_cache_evicted_total", "Values dropped for want of memory", {},
                 [&host] { return static_cast<double>(host.measure().evicted); });
  m.read_counter("troupe_cache_expired_total", "Values dropped at the end of their time to live", {},
                 [&host] { return static_cast<double>(host.measure().expired); });
}

}  // namespace troupe
