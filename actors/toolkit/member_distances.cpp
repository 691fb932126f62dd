#include "actors/toolkit/member_distances.hpp"

#include <utility>

#include "actors/clock.hpp"

namespace troupe {

distances member_distances::read() {
  const auto now = clock_now();
  bool old = false;
  {
    const std::lock_guard lock(mutex_);
    old = asked_ == time_point{} || now >= asked_ + age_max;
    if (old) asked_ = now;
  }
  if (old) refresh();
  const std::lock_guard lock(mutex_);
  return known_;
}

void member_distances::refresh() {
  const auto view = board_.read();
  for (const auto& m : view->members) {
    if (m.id == view->id || !takes_part(m)) continue;
    ask_(view->node, m.name, [weak = weak_from_this(), name = m.name](const expected<duration>& d) {
      const auto self = weak.lock();
      if (!self) return;
      const std::lock_guard lock(self->mutex_);
      if (d)
        self->known_[name] = *d;
      else
        self->known_.erase(name);
    });
  }
}

}  // namespace troupe
