#include "actors/event_hub.hpp"

#include "actors/clock.hpp"

namespace troupe {

void event_hub::publish(std::string kind, std::vector<std::pair<std::string, std::string>> fields) {
  auto e = std::make_shared<event>();
  e->kind = std::move(kind);
  e->fields = std::move(fields);
  const std::lock_guard lock(mutex_);
  e->sequence = ++sequence_;
  e->time = std::chrono::time_point_cast<std::chrono::milliseconds>(wall_clock_now());
  history_.push_back(e);
  if (history_.size() > history_max) history_.pop_front();
  for (const auto& [id, f] : listeners_) f(history_.back());
}

std::uint64_t event_hub::listen(listener f, std::uint64_t resume_after) {
  const std::lock_guard lock(mutex_);
  for (const auto& e : history_) {
    if (e->sequence > resume_after) f(e);
  }
  listeners_.emplace(++listener_ids_, std::move(f));
  return listener_ids_;
}

void event_hub::unlisten(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(id);
}

std::uint64_t event_hub::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return sequence_;
}

}  // namespace troupe
