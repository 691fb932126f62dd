#include "runtime/cluster/beat_watch.hpp"

#include <algorithm>

namespace troupe {

void beat_watch::on_message(std::string_view from, time_point now) {
  auto at = rows_.find(from);
  if (at == rows_.end()) {
    at = rows_.emplace(from, row{0, now}).first;
  } else {
    auto& r = at->second;
    r.steady = now - r.last > beat_ * 3 / 2 ? 0 : std::min(r.steady + 1, steady_after);
    r.last = now;
  }
  if (now >= plan_at_ || next_ == time_point::max()) plan(now);
}

std::vector<std::string> beat_watch::take_silent(time_point now) {
  std::vector<std::string> silent;
  if (now < next_) return silent;
  const bool late = now - next_ > beat_ / 2;
  for (auto at = rows_.begin(); at != rows_.end();) {
    if (now - at->second.last < silence_max()) {
      ++at;
      continue;
    }
    if (!late && at->second.steady >= steady_after) silent.push_back(at->first);
    at = rows_.erase(at);
  }
  plan(now);
  return silent;
}

void beat_watch::plan(time_point now) {
  plan_at_ = now + beat_;
  next_ = time_point::max();
  for (const auto& [name, r] : rows_) next_ = std::min(next_, r.last + silence_max());
}

}  // namespace troupe
