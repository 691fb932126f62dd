#include "actors/net/network_faults.hpp"

#include <utility>

namespace troupe {

void network_faults::set(silence s) {
  std::vector<std::function<void()>> held;
  {
    const std::lock_guard lock(mutex_);
    silence_ = std::move(s);
    any_ = silence_.of_all || !silence_.in.empty() || !silence_.out.empty();
    held.swap(held_);
  }
  for (const auto& again : held) again();
}

// Under the lock.
bool network_faults::is_cut(way w, std::string_view address) const {
  const auto& cut = w == way::in ? silence_.in : silence_.out;
  return silence_.of_all || cut.contains(address);
}

bool network_faults::of_all() const {
  const std::lock_guard lock(mutex_);
  return silence_.of_all;
}

bool network_faults::cut(way w, std::string_view address) const {
  if (!any()) return false;
  const std::lock_guard lock(mutex_);
  return is_cut(w, address);
}

bool network_faults::hold(way w, std::string_view address, std::function<void()> again) {
  const std::lock_guard lock(mutex_);
  if (!is_cut(w, address)) return false;
  held_.push_back(std::move(again));
  return true;
}

}  // namespace troupe
