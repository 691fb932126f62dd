// What the reminders of a node may do in all, and what they do now: shared by the shards of the node, which count into
// it from their own threads.
#pragma once

#include <atomic>
#include <cstdint>

#include <troupe/time.hpp>

namespace troupe {

struct reminder_limits {
  std::uint64_t firing_max = 1000;                        // of a node, sent to their grains and not answered
  duration answer_max = std::chrono::seconds(30);         // of a grain; then it counts as failed
  duration retry_first = std::chrono::seconds(1);         // after a failure, doubled each time
  duration retry_max = std::chrono::seconds(60);          //
  duration write_retry = std::chrono::milliseconds(500);  // when it cannot be written that one has fired
};

class reminder_ledger {
 public:
  explicit reminder_ledger(const reminder_limits& limits = {}) : limits_(limits) {}

  [[nodiscard]] const reminder_limits& limits() const noexcept { return limits_; }
  [[nodiscard]] std::uint64_t firing() const noexcept { return firing_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t armed() const noexcept { return armed_.load(std::memory_order_relaxed); }

  /// False when there is no room, and nothing is counted.
  [[nodiscard]] bool begin() noexcept {
    if (firing_.fetch_add(1, std::memory_order_relaxed) < limits_.firing_max) return true;
    end();
    return false;
  }
  void end() noexcept { firing_.fetch_sub(1, std::memory_order_relaxed); }
  void arm() noexcept { armed_.fetch_add(1, std::memory_order_relaxed); }
  void disarm() noexcept { armed_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  const reminder_limits limits_;
  std::atomic<std::uint64_t> firing_{0};
  std::atomic<std::uint64_t> armed_{0};
};

}  // namespace troupe
