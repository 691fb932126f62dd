// A bound on the harm that one sick observer does: within a minute it accuses so many members on its own
// probes alone. Beyond that it doubts itself first (swim_probe.cpp). Remembers no more times than the bound.
#pragma once

#include <cstdint>
#include <deque>

#include <troupe/time.hpp>

namespace troupe::membership {

class accusation_limit {
 public:
  static constexpr duration window = std::chrono::minutes(1);

  explicit accusation_limit(std::uint32_t per_window) noexcept : max_(per_window) {}

  /// Whether one more accusation within the window stays in the bound.
  [[nodiscard]] bool allows(time_point now) const noexcept {
    return max_ > 0 && (made_.size() < max_ || now - made_.front() >= window);
  }
  void note(time_point now) {
    made_.push_back(now);
    if (made_.size() > max_) made_.pop_front();
  }

 private:
  std::uint32_t max_;
  std::deque<time_point> made_;
};

}  // namespace troupe::membership
