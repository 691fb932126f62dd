// Counts down to a moment that several threads report and one waits for.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <mutex>

#include <troupe/time.hpp>

namespace troupe {

class countdown {
 public:
  explicit countdown(std::size_t count) : left_(count) {}

  void arrive() {
    const std::lock_guard lock(mutex_);
    if (left_ > 0) --left_;
    reached_.notify_all();
  }
  bool wait(duration limit) {
    std::unique_lock lock(mutex_);
    return reached_.wait_for(lock, std::max(limit, duration::zero()), [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable reached_;
  std::size_t left_;
};

}  // namespace troupe
