#include <algorithm>
#include <utility>

#include <troupe/resilience.hpp>

#include "runtime/base/backoff.hpp"

namespace troupe {

bool is_not_done(errc code) noexcept {
  return code == errc::unavailable || code == errc::deadline_exceeded || code == errc::conflict ||
         code == errc::not_owner;
}

bool is_failure(errc code) noexcept {
  switch (code) {
    case errc::unavailable:
    case errc::deadline_exceeded:
    case errc::outcome_unknown:
    case errc::peer_lost:
    case errc::storage_failed: return true;
    default: return false;
  }
}

struct retry::waits {
  waits(const retry_options& o, std::uint64_t seed)
      : between(o.wait_first, std::max(o.wait_first, o.wait_most)), rng(seed), upcoming(between.next(rng)) {}

  backoff between;
  random rng;
  duration upcoming;
};

retry::retry(const retry_options& o, time_point deadline, std::uint64_t seed)
    : options_(o), deadline_(deadline), waits_(std::make_unique<waits>(o, seed)) {}

retry::~retry() = default;
retry::retry(retry&&) noexcept = default;
retry& retry::operator=(retry&&) noexcept = default;

std::optional<duration> retry::next(errc code, time_point now) {
  const bool open = code == errc::outcome_unknown || code == errc::peer_lost;
  const bool again = is_not_done(code) || (options_.idempotent && open);
  if (!again || attempts_ >= options_.attempts_max) return std::nullopt;
  const auto wait = waits_->upcoming;
  if (deadline_ != time_point::max() && wait >= deadline_ - now) return std::nullopt;
  ++attempts_;
  waits_->upcoming = waits_->between.next(waits_->rng);
  return wait;
}

duration retry::attempt_limit(time_point now) const noexcept {
  const duration left = deadline_ - now;
  const bool cut_short = options_.idempotent && options_.attempt_max > duration::zero() &&
                         attempts_ < options_.attempts_max && options_.attempt_max < left - waits_->upcoming;
  return cut_short ? options_.attempt_max : left;
}

}  // namespace troupe
