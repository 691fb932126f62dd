#include "actors/db/database_health.hpp"

namespace troupe {

database_status database_health::read() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void database_health::report_failed(const std::string& name_space, const error& why, wall_time now) {
  const std::lock_guard order(order_);
  {
    const std::lock_guard lock(mutex_);
    failures_.try_emplace(name_space, describe(why));
    waiting_.erase(name_space);
  }
  settle(now);
}

void database_health::report_waiting(const std::string& name_space, const error& why, wall_time now) {
  const std::lock_guard order(order_);
  {
    const std::lock_guard lock(mutex_);
    waiting_.try_emplace(name_space, describe(why));
    failures_.erase(name_space);
  }
  settle(now);
}

void database_health::report_ok(const std::string& name_space, wall_time now) {
  const std::lock_guard order(order_);
  {
    const std::lock_guard lock(mutex_);
    if (failures_.erase(name_space) + waiting_.erase(name_space) == 0) return;
  }
  settle(now);
}

void database_health::settle(wall_time now) {
  database_status changed;
  {
    const std::lock_guard lock(mutex_);
    const bool ok = failures_.empty() && waiting_.empty();
    const bool waits = failures_.empty() && !waiting_.empty();
    const auto& shown = waits ? waiting_ : failures_;
    if (ok == status_.ok && waits == status_.waits) return;
    status_.ok = ok;
    status_.waits = waits;
    status_.reason = ok ? "" : shown.begin()->first + ": " + shown.begin()->second;
    status_.since = now;
    changed = status_;
  }
  if (listener_) listener_(changed);
}

}  // namespace troupe
