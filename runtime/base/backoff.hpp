// Exponential backoff with jitter: how long to wait before try number n.
//
// The n-th wait is drawn from [b/2, b) with b = min(first * 2^n, most): half fixed, half random, so
// that many waiters neither run in step nor hurry ("equal jitter", AWS Architecture Blog, 2015).
#pragma once

#include <cstdint>

#include <troupe/time.hpp>

#include "runtime/base/random.hpp"

namespace troupe {

class backoff {
 public:
  /// first > 0 and most >= first.
  backoff(duration first, duration most) noexcept : first_(first), most_(most) {}

  /// The wait before the next try; each call doubles the bound of the one after.
  [[nodiscard]] duration next(random& rng) noexcept;

  /// A try succeeded: the next wait is short again.
  void reset() noexcept { tries_ = 0; }

  [[nodiscard]] std::uint32_t tries() const noexcept { return tries_; }

 private:
  duration first_;
  duration most_;
  std::uint32_t tries_ = 0;
};

}  // namespace troupe
