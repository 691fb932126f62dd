#include <algorithm>

#include <troupe/resilience.hpp>

namespace troupe {

bulkhead::answer bulkhead::enter(ticket who, time_point deadline, time_point now) {
  if (running_ < options_.running_max && waiting_.empty()) {
    ++running_;
    return answer::runs;
  }
  if (waiting_.size() >= options_.waiting_max || deadline <= now) return answer::refused;
  waiting_.push_back({who, deadline});
  return answer::waits;
}

void bulkhead::leave(time_point now, output& out) {
  if (running_ > 0) --running_;
  on_tick(now, out);
}

void bulkhead::on_tick(time_point now, output& out) {
  std::erase_if(waiting_, [&](const waiter& w) {
    if (now < w.deadline) return false;
    out.expired.push_back(w.who);
    return true;
  });
  while (running_ < options_.running_max && !waiting_.empty()) {
    out.run.push_back(waiting_.front().who);
    waiting_.pop_front();
    ++running_;
  }
}

time_point bulkhead::next_tick() const noexcept {
  auto next = time_point::max();
  for (const auto& w : waiting_) next = std::min(next, w.deadline);
  return next;
}

}  // namespace troupe
