#include "actors/cluster/lease_watch.hpp"

#include "actors/clock.hpp"

namespace troupe {

bool lease_watch::holds(std::uint64_t term) const {
  const auto now = clock_now();
  const std::lock_guard lock(mutex_);
  return term != 0 && term == term_ && now < until_;
}

std::optional<std::uint64_t> lease_watch::term() const {
  const auto now = clock_now();
  const std::lock_guard lock(mutex_);
  return term_ != 0 && now < until_ ? std::optional(term_) : std::nullopt;
}

void lease_watch::publish(std::uint64_t term, time_point until) {
  const std::lock_guard lock(mutex_);
  term_ = term;
  until_ = until;
}

}  // namespace troupe
