// What the caches of one node hold, each against limits of its own: bytes and keys of all shards together. A cache
// without limits is not counted here (shard_store::bytes_of and keys_of do that), so that it costs nothing.
//
// Safe from any thread. A store looks for room and takes it later: threads that look at the same time may go beyond a
// limit by one entry each.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/cache/command.hpp"

namespace troupe {

class cache_ledgers {
 public:
  struct limits {
    std::uint64_t bytes_max = 0;  // 0: none, as the next
    std::uint64_t keys_max = 0;
  };

  /// By cache id.
  explicit cache_ledgers(const std::vector<limits>& of) : rows_(of.size()) {
    for (std::size_t i = 0; i < of.size(); ++i) rows_[i].most = of[i];
  }

  [[nodiscard]] bool limited(cache_id cache) const noexcept {
    return cache < rows_.size() && (rows_[cache].most.bytes_max != 0 || rows_[cache].most.keys_max != 0);
  }
  /// More than the whole cache may have: nothing that gives way makes room for it.
  [[nodiscard]] bool can_ever_hold(cache_id cache, std::uint64_t bytes) const noexcept {
    return !limited(cache) || rows_[cache].most.bytes_max == 0 || bytes <= rows_[cache].most.bytes_max;
  }
  [[nodiscard]] bool has_room(cache_id cache, std::uint64_t bytes, std::uint64_t keys) const noexcept {
    if (!limited(cache)) return true;
    const auto& r = rows_[cache];
    if (r.most.bytes_max != 0 && r.bytes.load(std::memory_order_relaxed) + bytes > r.most.bytes_max) return false;
    return keys == 0 || r.most.keys_max == 0 || r.keys.load(std::memory_order_relaxed) + keys <= r.most.keys_max;
  }

  void add(cache_id cache, std::uint64_t bytes, std::uint64_t keys) noexcept {
    if (!limited(cache)) return;
    rows_[cache].bytes.fetch_add(bytes, std::memory_order_relaxed);
    rows_[cache].keys.fetch_add(keys, std::memory_order_relaxed);
  }
  void give(cache_id cache, std::uint64_t bytes, std::uint64_t keys) noexcept {
    if (!limited(cache)) return;
    rows_[cache].bytes.fetch_sub(bytes, std::memory_order_relaxed);
    rows_[cache].keys.fetch_sub(keys, std::memory_order_relaxed);
  }

 private:
  struct alignas(64) row {
    limits most;
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> keys{0};
  };

  std::vector<row> rows_;
};

}  // namespace troupe
