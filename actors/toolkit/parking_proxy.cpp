#include "actors/toolkit/parking_proxy.hpp"

#include <caf/exit_reason.hpp>
#include <caf/make_message.hpp>

#include "actors/clock.hpp"
#include "actors/has_ended.hpp"
#include "actors/messages/error.hpp"

namespace troupe {

namespace {

time_point read_clock() { return clock_now(); }

}  // namespace

// Passed on under the lock, so that it comes after what waited.
void parking_proxy::enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) {
  if (!what) return;
  const char* refused = nullptr;
  std::function<void()> wake;
  caf::strong_actor_ptr ended;
  condition over;
  {
    const std::lock_guard lock(mutex_);
    if (target_ && (has_ended(target_) || (still_ && !still_()))) {
      ended.swap(target_);
      over.swap(still_);
    }
    if (closed_) {
      refused = "the node stops";
    } else if (target_) {
      target_->get()->enqueue(std::move(what), host);
    } else if (waiting_.size() >= limits_.waiting_max) {
      refused = "too many messages wait for the singleton";
    } else {
      waiting_.emplace_back(read_clock(), std::move(what));
      if (waiting_.size() == 1) wake = wake_;
    }
  }
  if (refused != nullptr) refuse(*what, refused);
  if (wake) wake();
}

void parking_proxy::on_first(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_.swap(wake);
}

void parking_proxy::aim(caf::strong_actor_ptr target, condition still) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  target_.swap(target);
  still_.swap(still);
  if (!target_ || (still_ && !still_())) return;
  for (auto& [since, what] : std::exchange(waiting_, {})) target_->get()->enqueue(std::move(what), nullptr);
}

void parking_proxy::park() {
  caf::strong_actor_ptr ended;  // it may end with its last handle: not under the lock
  condition over;
  const std::lock_guard lock(mutex_);
  ended.swap(target_);
  over.swap(still_);
}

bool parking_proxy::aimed() const {
  const std::lock_guard lock(mutex_);
  return target_ != nullptr;
}

void parking_proxy::refuse_waiting(const char* words) {
  std::deque<row> over;
  {
    const std::lock_guard lock(mutex_);
    over.swap(waiting_);
  }
  for (auto& [since, what] : over) refuse(*what, words);
}

time_point parking_proxy::expire(time_point now) {
  std::deque<row> over;
  auto next = time_point::max();
  {
    const std::lock_guard lock(mutex_);
    while (!waiting_.empty() && now >= waiting_.front().first + limits_.wait_max) {
      over.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    if (!waiting_.empty()) next = waiting_.front().first + limits_.wait_max;
  }
  for (auto& [since, what] : over) refuse(*what, "nobody ran the singleton for too long");
  return next;
}

void parking_proxy::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    wake_ = nullptr;
  }
  park();
  refuse_waiting("the node stops");
  kill_proxy(nullptr, to_caf({errc::unavailable, "the node stops"}));
}

std::size_t parking_proxy::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void parking_proxy::refuse(caf::mailbox_element& what, const char* words) {
  const error why{errc::unavailable, words};
  letters_->note(dead_letters::way::out, why, read_clock());
  if (what.sender && what.mid.is_request())
    what.sender->enqueue(nullptr, what.mid.response_id(), caf::make_message(to_caf(why)), nullptr);
}

void parking_proxy::kill_proxy(caf::execution_unit* host, caf::error reason) { cleanup(std::move(reason), host); }

}  // namespace troupe
