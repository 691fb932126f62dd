#include <algorithm>
#include <string>

#include <troupe/resilience.hpp>

namespace troupe {

circuit_breaker::circuit_breaker(const circuit_options& o) : options_(o) {}

circuit_state circuit_breaker::state(time_point now) const noexcept {
  if (open_for_ == duration::zero()) return circuit_state::closed;
  return now < open_until_ ? circuit_state::open : circuit_state::half_open;
}

expected<void> circuit_breaker::allow(time_point now) {
  const auto is = state(now);
  if (is == circuit_state::closed) return {};
  const bool another_tries = trying_ && now - tried_at_ < options_.attempt_max;
  if (is == circuit_state::half_open && !another_tries) {
    trying_ = true;
    tried_at_ = now;
    return {};
  }
  ++refused_;
  if (is == circuit_state::half_open)
    return fail(errc::unavailable, "the circuit is half open: one attempt is under way");
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(open_until_ - now);
  return fail(errc::unavailable, "the circuit is open for " + std::to_string(left.count()) + " ms more");
}

void circuit_breaker::on_end(errc code, time_point now) {
  const auto was = state(now);
  if (!is_failure(code)) {
    // An answer from before it opened says nothing of now.
    if (was == circuit_state::open) return;
    failures_ = 0;
    open_for_ = duration::zero();
    trying_ = false;
    return;
  }
  if (was == circuit_state::open) return;
  ++failures_;
  if (was == circuit_state::half_open)
    open_for_ = std::min(options_.open_most, open_for_ * 2);
  else if (failures_ >= options_.failures_to_open)
    open_for_ = options_.open_first;
  else
    return;
  open_until_ = now + open_for_;
  trying_ = false;
}

}  // namespace troupe
