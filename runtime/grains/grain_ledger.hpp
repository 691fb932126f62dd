// What the grains of a node may take in all, and what they take now: shared by the shards of the node, which count into
// it from their own threads.
#pragma once

#include <atomic>
#include <cstdint>

#include <troupe/config.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct grain_limits {
  std::uint64_t active_max = 200'000;               // grains that are awake at a node
  std::uint32_t mailbox_max = 10'000;               // messages of one grain that are not handled yet
  std::uint64_t held_max = 65'536;                  // messages of a node that wait for a grain or an owner
  std::uint64_t held_bytes_max = 64 * mib;          //
  duration held_for_max = std::chrono::seconds(2);  // each of them
  std::uint32_t hops_max = 4;                       // of a message, from node to node
};

class grain_ledger {
 public:
  explicit grain_ledger(const grain_limits& limits = {}) : limits_(limits) {}

  [[nodiscard]] const grain_limits& limits() const noexcept { return limits_; }
  [[nodiscard]] std::uint64_t active() const noexcept { return active_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t held() const noexcept { return held_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t held_bytes() const noexcept { return held_bytes_.load(std::memory_order_relaxed); }

  /// False when there is no room, and nothing is counted.
  [[nodiscard]] bool add_active() noexcept {
    if (active_.fetch_add(1, std::memory_order_relaxed) < limits_.active_max) return true;
    remove_active();
    return false;
  }
  void remove_active() noexcept { active_.fetch_sub(1, std::memory_order_relaxed); }
  /// One message more may be held; it, and those that others add at the same moment, may go beyond the bounds.
  [[nodiscard]] bool may_hold() const noexcept {
    return held() < limits_.held_max && held_bytes() < limits_.held_bytes_max;
  }
  void hold(std::uint64_t bytes) noexcept {
    held_.fetch_add(1, std::memory_order_relaxed);
    held_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  void let_go(std::uint64_t bytes) noexcept {
    held_.fetch_sub(1, std::memory_order_relaxed);
    held_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }

 private:
  const grain_limits limits_;
  std::atomic<std::uint64_t> active_{0};
  std::atomic<std::uint64_t> held_{0};
  std::atomic<std::uint64_t> held_bytes_{0};
};

}  // namespace troupe
