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
  }
  settle(now);
}

void database_health::report_ok(const std::string& name_space, wall_time now) {
  const std::lock_guard order(order_);
  {
    const std::lock_guard lock(mutex_);
    if (failures_.erase(name_space) == 0) return;
  }
  settle(now);
}

void database_health::settle(wall_time now) {
  database_status changed;
  {
    const std::lock_guard lock(mutex_);
    const bool ok = failures_.empty();
    if (!ok && status_.reason.empty()) status_.reason = failures_.begin()->first + ": " + failures_.begin()->second;
    if (ok) status_.reason.clear();
    if (ok == status_.ok) return;
    status_.ok = ok;
    status_.since = now;
    changed = status_;
  }
  if (listener_) listener_(changed);
}

}  // namespace troupe
