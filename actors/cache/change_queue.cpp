#include "actors/cache/change_queue.hpp"

#include <array>
#include <utility>

namespace troupe {

std::string_view name_of(change_kind k) noexcept {
  static constexpr std::array<std::string_view, 7> names = {"open",    "put",     "erased", "expired",
                                                            "evicted", "dropped", "gap"};
  const auto i = static_cast<std::size_t>(k);
  return i < names.size() ? names[i] : std::string_view();
}

change_queue::change_queue(const change_options& o, std::function<void()> leave)
    : backlog_(o.changes_max, o.bytes_max), wake_(o.wake), leave_(std::move(leave)) {}

bool change_queue::push(cache_change c) {
  const std::lock_guard lock(mutex_);
  if (closed_ || ended_) return false;
  backlog_.push(std::move(c));
  return !std::exchange(woken_, true);
}

void change_queue::wake() {
  arrived_.notify_all();
  if (!wake_) return;
  const std::lock_guard alone(waking_);
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
  }
  wake_();
}

void change_queue::end() {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || std::exchange(ended_, true)) return;
  }
  wake();
}

std::optional<cache_change> change_queue::try_next() {
  const std::lock_guard lock(mutex_);
  auto first = backlog_.pop();
  if (!first) woken_ = false;
  return first;
}

expected<cache_change> change_queue::next(duration deadline) {
  std::unique_lock lock(mutex_);
  if (backlog_.empty()) woken_ = false;  // what comes from now on wakes
  arrived_.wait_for(lock, deadline, [this] { return !backlog_.empty() || ended_ || closed_; });
  if (auto first = backlog_.pop()) return std::move(*first);
  woken_ = false;
  if (ended_ || closed_) return fail(errc::unavailable, "nothing more is told: the node stops");
  return fail(errc::deadline_exceeded);
}

void change_queue::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
  }
  arrived_.notify_all();
  { const std::lock_guard alone(waking_); }
  leave_();
}

bool change_queue::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

std::uint64_t change_queue::discarded() const {
  const std::lock_guard lock(mutex_);
  return backlog_.discarded();
}

// --- the public handle

change_subscription::change_subscription(std::shared_ptr<change_queue> queue) noexcept : queue_(std::move(queue)) {}

change_subscription& change_subscription::operator=(change_subscription&& other) noexcept {
  if (this != &other) {
    close();
    queue_ = std::move(other.queue_);
  }
  return *this;
}

change_subscription::~change_subscription() { close(); }

std::optional<cache_change> change_subscription::try_next() {
  return queue_ ? queue_->try_next() : std::optional<cache_change>();
}

expected<cache_change> change_subscription::next(duration deadline) {
  return queue_ ? queue_->next(deadline) : fail(errc::unavailable, "the subscription was moved away");
}

void change_subscription::close() noexcept {
  if (queue_) queue_->close();
}

}  // namespace troupe
