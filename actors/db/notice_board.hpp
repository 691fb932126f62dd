// Who listens to which channel. Thread-safe; listeners are called by whoever tells, outside of the lock.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <troupe/database.hpp>

namespace troupe {

class notice_board : public std::enable_shared_from_this<notice_board> {
 public:
  using listener = std::function<void(const notification&)>;
  /// Called when a listener of a channel came and when its last one went: has() tells what is. Calls of two threads may
  /// come in any order.
  using change = std::function<void(const std::string& channel)>;

  explicit notice_board(change f = {}) : changed_(std::move(f)) {}

  [[nodiscard]] subscription add(const std::string& channel, listener f) {
    auto kept = std::make_shared<listener>(std::move(f));
    {
      const std::lock_guard lock(mutex_);
      channels_[channel].push_back(kept);
    }
    if (changed_) changed_(channel);
    return {kept.get(), [board = weak_from_this(), channel, kept](void*) {
              if (const auto b = board.lock()) b->remove(channel, kept);
            }};
  }

  void tell(const notification& n) const {
    for (const auto& f : listeners_of(n.channel)) (*f)(n);
  }

  [[nodiscard]] bool has(const std::string& channel) const {
    const std::lock_guard lock(mutex_);
    return channels_.count(channel) > 0;
  }

 private:
  using kept_listener = std::shared_ptr<listener>;

  [[nodiscard]] std::vector<kept_listener> listeners_of(const std::string& channel) const {
    const std::lock_guard lock(mutex_);
    const auto found = channels_.find(channel);
    return found == channels_.end() ? std::vector<kept_listener>{} : found->second;
  }

  void remove(const std::string& channel, const kept_listener& f) {
    {
      const std::lock_guard lock(mutex_);
      auto& all = channels_[channel];
      std::erase(all, f);
      if (!all.empty()) return;
      channels_.erase(channel);
    }
    if (changed_) changed_(channel);
  }

  const change changed_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<kept_listener>> channels_;
};

}  // namespace troupe
