// How far this member should doubt itself (Lifeguard's local health multiplier, Dadgar et al. 2018): 0 is
// healthy; missed answers, missing NACKs, own stalls and having to refute raise it, answers lower it.
// Probes become rarer and more patient by it, so that a slow member accuses less. It says nothing of others.
#pragma once

#include <algorithm>
#include <cstdint>

#include <troupe/time.hpp>

namespace troupe::membership {

class health_score {
 public:
  /// Stays below `max`, which is at least 1; with 1 it is always 0.
  explicit health_score(std::uint32_t max) noexcept : highest_(max > 0 ? max - 1 : 0) {}

  void raise(std::size_t by) noexcept {
    const std::size_t room = highest_ - value_;
    value_ += static_cast<std::uint32_t>(std::min(by, room));
  }
  void lower() noexcept {
    if (value_ > 0) --value_;
  }

  [[nodiscard]] std::uint32_t value() const noexcept { return value_; }
  /// `d` times (score + 1).
  [[nodiscard]] duration stretch(duration d) const noexcept { return d * static_cast<int>(value_ + 1); }

 private:
  std::uint32_t highest_;
  std::uint32_t value_ = 0;
};

}  // namespace troupe::membership
