// The election's counters where other threads can read them: the cluster actor publishes after each step, the
// metrics read when they are scraped.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "actors/metrics.hpp"
#include "runtime/cluster/leadership.hpp"

namespace troupe {

class election_numbers {
 public:
  /// By the thread that runs it.
  void publish(const leadership& lead, time_point now);
  /// What is registered reads this object when it is scraped.
  void register_metrics(metrics& to) const;

 private:
  static constexpr std::size_t counters_count = 12;
  using number = std::atomic<std::uint64_t>;

  std::array<number, counters_count> counters_{};
  number term_{0};
  number leads_{0};
  number fenced_{0};
};

}  // namespace troupe
