// A seeded generator that machines carry: same seed, same run, on every platform and compiler
// (std::uniform_int_distribution promises no such thing). xoshiro256** by Blackman and Vigna,
// seeded by splitmix64. Not for secrets.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include <troupe/time.hpp>

namespace troupe {

class random {
 public:
  explicit random(std::uint64_t seed) noexcept;

  [[nodiscard]] std::uint64_t next() noexcept;

  /// Uniform in [0, bound); bound >= 1. Lemire's multiply-shift: the bias is below 2^-32 for the
  /// small bounds used here.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept;

  /// Uniform in [0, 1).
  [[nodiscard]] double unit() noexcept;

  /// True with probability p.
  [[nodiscard]] bool chance(double p) noexcept { return unit() < p; }

  /// Uniform in [low, high); `low` when the range is empty.
  [[nodiscard]] duration between(duration low, duration high) noexcept;

  /// Fisher-Yates over any random-access range.
  template <class Range>
  void shuffle(Range& range) noexcept {
    for (std::uint64_t i = range.size(); i > 1; --i) std::swap(range[i - 1], range[below(i)]);
  }

  /// An independent generator, derived from this one.
  [[nodiscard]] random fork() noexcept { return random(next()); }

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace troupe
