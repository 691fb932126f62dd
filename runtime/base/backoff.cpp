#include "runtime/base/backoff.hpp"

#include <algorithm>

namespace troupe {

duration backoff::next(random& rng) noexcept {
  constexpr std::uint32_t doublings_max = 30;  // beyond it the bound would overflow
  duration bound = first_;
  for (std::uint32_t i = 0; i < std::min(tries_, doublings_max) && bound < most_; ++i) bound *= 2;
  bound = std::min(bound, most_);
  ++tries_;
  return rng.between(bound / 2, bound);
}

}  // namespace troupe
