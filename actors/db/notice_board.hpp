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
  /// Called when the first listener of a channel comes and when its last one went.
  using change = std::function<void(const std::string& channel, bool wanted)>;

  explicit notice_board(change f = {}) : changed_(std::move(f)) {}

  [[nodiscard]] subscription add(const std::string& channel, listener f) {
    auto kept = std::make_shared<listener>(std::move(f));
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      auto& all = channels_[channel];
      first = all.empty();
      all.push_back(kept);
    }
    if (first && changed_) changed_(channel, true);
    return {kept.get(), [board = weak_from_this(), channel, kept](void*) {
              if (const auto b = board.lock()) b->remove(channel, kept);
            }};
  }

  void tell(const notification& n) const {
    for (const auto& f : listeners_of(n.channel)) (*f)(n);
  }

  [[nodiscard]] std::vector<std::string> channels() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, all] : channels_) names.push_back(name);
    return names;
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
    if (changed_) changed_(channel, false);
  }

  const change changed_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<kept_listener>> channels_;
};

}  // namespace troupe
