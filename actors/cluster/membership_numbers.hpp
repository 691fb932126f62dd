// The membership machine's counters where other threads can read them: the cluster actor publishes after each
// call, the metrics read when they are scraped. Each number is exact; two of them may be of different moments.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "actors/metrics.hpp"
#include "runtime/membership/swim.hpp"

namespace troupe {

class membership_numbers {
 public:
  /// By the thread that runs `m`.
  void publish(const membership::swim& m);
  /// What is registered reads this object when it is scraped.
  void register_metrics(metrics& to) const;

 private:
  static constexpr std::size_t counters_count = 30;
  static constexpr std::size_t states_count = 5;
  using number = std::atomic<std::uint64_t>;

  void publish_members(const membership::swim& m);

  std::array<number, counters_count> counters_{};
  std::array<number, states_count> members_{};  // by state
  number quarantined_{0};
  number health_{0};
  number news_waiting_{0};
  number dropped_{0};
  std::uint64_t version_ = 0;  // of the members that were last counted
};

}  // namespace troupe
