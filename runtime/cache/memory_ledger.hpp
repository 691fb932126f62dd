// What the shard stores of one node hold together, in bytes, against one limit. Stores take room
// before they allocate and give it back when they free. Safe from any thread; no order is implied.
#pragma once

#include <atomic>
#include <cstdint>

namespace troupe {

class memory_ledger {
 public:
  explicit memory_ledger(std::uint64_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  memory_ledger(const memory_ledger&) = delete;
  memory_ledger& operator=(const memory_ledger&) = delete;

  /// Takes `bytes` if they fit under the limit; otherwise nothing changes.
  [[nodiscard]] bool take(std::uint64_t bytes) noexcept {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= max()) return true;
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }

  /// Takes them also beyond the limit, which later takes then feel.
  void add(std::uint64_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void give(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t max() const noexcept { return bytes_max_.load(std::memory_order_relaxed); }
  /// From now on; what is held beyond it stays until somebody takes room.
  void set_max(std::uint64_t bytes) noexcept { bytes_max_.store(bytes, std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::uint64_t> used_{0};
  std::atomic<std::uint64_t> bytes_max_;
};

}  // namespace troupe
