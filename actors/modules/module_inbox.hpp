// Where hooks leave their answers and the board its news for the driver of a node's modules. Outlives the driver: a
// hook that is left behind leaves its answer here, and nobody reads it.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/modules/module_machine.hpp"

namespace troupe {

class module_inbox {
 public:
  using input = std::function<void(module_machine&, time_point now, module_output& out)>;

  void push(input i) {
    const std::lock_guard lock(mutex_);
    inputs_.push_back(std::move(i));
    changed_.notify_all();
  }
  /// Something changed that the driver looks at itself.
  void wake() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  /// Waits until something is there, or `until`.
  [[nodiscard]] std::vector<input> take(time_point until) {
    std::unique_lock lock(mutex_);
    const auto there = [this] { return woken_ || !inputs_.empty(); };
    if (until == time_point::max())
      changed_.wait(lock, there);
    else
      changed_.wait_until(lock, until, there);
    woken_ = false;
    return std::exchange(inputs_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<input> inputs_;
  bool woken_ = false;
};

}  // namespace troupe
