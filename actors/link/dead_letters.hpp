// Messages between actors of different nodes that reached nobody: counted, each by its reason, and logged, at most one
// line in ten seconds for each reason. Who sent a request is told as well; who just sent something is not.
//
// What was given to the link and was lost with it is not seen here. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "actors/log.hpp"
#include "actors/metrics.hpp"

namespace troupe {

class dead_letters {
 public:
  static constexpr duration line_interval = std::chrono::seconds(10);
  enum class way : std::uint8_t { out, in };

  /// `log` outlives this object; null: nothing is logged.
  explicit dead_letters(event_log* log) : log_(log) {}

  void note(way w, const error& why, time_point now);
  [[nodiscard]] std::uint64_t count(way w, errc why) const noexcept {
    return rows_[row_of(w, why)].count.load(std::memory_order_relaxed);
  }

  /// troupe_actors_dead_letters_total.
  static void register_metrics(metrics& m, const std::shared_ptr<dead_letters>& letters);

 private:
  static constexpr std::size_t codes = static_cast<std::size_t>(errc_last) + 1;
  static constexpr std::size_t row_of(way w, errc why) noexcept {
    return static_cast<std::size_t>(w) * codes + static_cast<std::size_t>(why);
  }

  struct row {
    std::atomic<std::uint64_t> count{0};
    std::uint64_t told = 0;
    time_point line{};
  };

  event_log* const log_;
  std::mutex mutex_;  // of told and line
  std::array<row, 2 * codes> rows_;
};

}  // namespace troupe
