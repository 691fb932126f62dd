// The lock around one shard store: four bytes, no system call without contention. Held for about a
// hundred nanoseconds, so a waiter spins a little before it sleeps. The three states are those of
// Drepper's "Futexes Are Tricky". Not fair, not recursive; std::lock_guard works with it.
#pragma once

#include <atomic>
#include <cstdint>

namespace troupe {

class shard_lock {
 public:
  shard_lock() = default;
  shard_lock(const shard_lock&) = delete;
  shard_lock& operator=(const shard_lock&) = delete;

  void lock() noexcept {
    std::uint32_t expected = open;
    if (!state_.compare_exchange_strong(expected, held, std::memory_order_acquire, std::memory_order_relaxed))
      lock_contended();
  }

  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t expected = open;
    return state_.compare_exchange_strong(expected, held, std::memory_order_acquire, std::memory_order_relaxed);
  }

  void unlock() noexcept {
    if (state_.exchange(open, std::memory_order_release) == held_and_awaited) state_.notify_one();
  }

 private:
  static constexpr std::uint32_t open = 0;
  static constexpr std::uint32_t held = 1;
  static constexpr std::uint32_t held_and_awaited = 2;
  static constexpr int spins_max = 100;

  void lock_contended() noexcept;

  std::atomic<std::uint32_t> state_{open};
};

}  // namespace troupe
