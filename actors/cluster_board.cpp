#include "actors/cluster_board.hpp"

#include <utility>

namespace troupe {

cluster_board::cluster_board() : view_(std::make_shared<const cluster_view>()) {}

std::shared_ptr<const cluster_view> cluster_board::read() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

void cluster_board::update(const std::function<void(cluster_view&)>& change) {
  {
    const std::lock_guard lock(mutex_);
    auto next = std::make_shared<cluster_view>(*view_);
    change(*next);
    view_ = std::move(next);
  }
  changed_.notify_all();
  const std::lock_guard lock(listeners_mutex_);
  for (const auto& [id, f] : listeners_) f();
}

std::uint64_t cluster_board::listen(std::function<void()> f) {
  const std::lock_guard lock(listeners_mutex_);
  listeners_.emplace(++listener_ids_, std::move(f));
  return listener_ids_;
}

void cluster_board::unlisten(std::uint64_t id) {
  const std::lock_guard lock(listeners_mutex_);
  listeners_.erase(id);
}

bool cluster_board::wait(const std::function<bool(const cluster_view&)>& holds, duration deadline) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, deadline, [&] { return holds(*view_); });
}

}  // namespace troupe
