// The bounded queue between the threads that publish events and the one connection that sends them to its
// client. A client that does not keep up loses its connection, not events in the middle: when events_max live
// ones wait, the queue is overrun and takes no more.
//
// Shared with the hub's listener, which may still run while the connection is being destroyed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "actors/event_hub.hpp"

namespace troupe {

class event_queue {
 public:
  static constexpr std::size_t events_max = 1024;
  using kinds = std::set<std::string, std::less<>>;

  /// `wake` is called when something waits and the reader does not know it yet.
  explicit event_queue(std::function<void()> wake) : wake_(std::move(wake)) {}

  /// Listens to `hub` for events of `wanted` kinds (empty: all), first for those after `resume_after` that it
  /// keeps. A number that the hub has not reached is of an earlier life: all that is kept is new. Returns the
  /// listener's number.
  [[nodiscard]] static std::uint64_t fill(const std::shared_ptr<event_queue>& q, event_hub& hub, kinds wanted,
                                          std::uint64_t resume_after) {
    if (resume_after != UINT64_MAX && resume_after > hub.last_sequence()) resume_after = 0;
    auto listener = [q, wanted = std::move(wanted)](const std::shared_ptr<const event>& e) {
      if (wanted.empty() || wanted.contains(e->kind)) q->push(e);
    };
    const auto id = hub.listen(std::move(listener), resume_after);
    const std::lock_guard lock(q->mutex_);
    q->replaying_ = false;
    return id;
  }

  /// The reader is awake: the next event wakes it anew.
  void begin() {
    const std::lock_guard lock(mutex_);
    woken_ = false;
  }

  /// The next event, or null.
  [[nodiscard]] std::shared_ptr<const event> pop() {
    const std::lock_guard lock(mutex_);
    if (events_.empty()) return nullptr;
    auto first = std::move(events_.front());
    events_.pop_front();
    room_ = std::min(room_ + 1, events_max);
    return first;
  }

  [[nodiscard]] bool overrun() const {
    const std::lock_guard lock(mutex_);
    return overrun_;
  }

 private:
  void push(const std::shared_ptr<const event>& e) {
    const std::lock_guard lock(mutex_);
    if (overrun_) return;
    if (!replaying_ && room_ == 0) {  // what is replayed is bounded by the hub's history
      overrun_ = true;
    } else {
      events_.push_back(e);
      if (!replaying_) --room_;
    }
    if (!std::exchange(woken_, true)) wake_();
  }

  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const event>> events_;
  std::size_t room_ = events_max;  // events that may still be added
  bool overrun_ = false;
  bool woken_ = false;  // a wake is on its way
  bool replaying_ = true;
  std::function<void()> wake_;
};

}  // namespace troupe
