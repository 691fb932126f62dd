#include "actors/io_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <pthread.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace troupe {

namespace {

constexpr auto look_again = std::chrono::milliseconds(1);

}  // namespace

io_loop::io_loop(limits l) : limits_(l), open_(context_.get_executor()), taken_rest_(l.taken_rest) {}

io_loop::~io_loop() {
  stop();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  if (timer_ >= 0) ::close(timer_);
}

void io_loop::start() {
  threads_[0] = std::thread([this] { serve(0); });
}

bool io_loop::close(time_source::duration limit) {
  closing_ = true;
  const auto end = time_source::now() + limit;
  while ((state_ & phase_bits) != none) {
    if (here_ == this || time_source::now() >= end) return false;
    std::this_thread::sleep_for(look_again);
  }
  return true;
}

void io_loop::stop() {
  closing_ = true;
  ended_ = true;
  context_.stop();
  if (timer_ >= 0) arm(std::chrono::nanoseconds(1));
}

void io_loop::join() {
  const bool held_up = (state_ & phase_bits) != none;
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    if (threads_[i].joinable() && !(held_up && i == working_)) threads_[i].join();
  }
}

bool io_loop::leave_work(std::function<void()> work) {
  const auto s = state_.load(std::memory_order_acquire);
  if ((s & phase_bits) != none) return false;
  if (rests_until_ != time_source::time_point{}) {
    if (time_source::now() < rests_until_) return false;
    rests_until_ = {};
  }
  state_ = s | promised;
  if (closing_ || !have_follower()) {
    state_ = s;
    return false;
  }
  work_ = std::move(work);
  return true;
}

void io_loop::serve(std::size_t thread) {
  pthread_setname_np(pthread_self(), "troupe-io");
  for (bool leads = thread == 0; leads ? lead(thread) : follow(); leads = !leads) {
  }
}

// True when it lost the loop, false when the loop has ended.
bool io_loop::lead(std::size_t thread) {
  here_ = this;
  // Not run(): the doors look whether the context is stopped, so it may not be left by stop() and restart().
  while (context_.run_one() > 0) {
    if (work_ && !do_work(thread)) {
      here_ = nullptr;
      return true;
    }
  }
  return false;
}

// Outside of the context: what the work posts or dispatches goes through its queue, whoever runs it by then.
bool io_loop::do_work(std::size_t thread) {
  const auto work = std::exchange(work_, nullptr);
  const auto began = time_source::now();
  auto s = state_.load(std::memory_order_relaxed) + (running - promised);
  const auto next = (s | phase_bits) + 1;
  working_ = thread;
  state_ = s;
  if (!armed_.exchange(true)) arm(limits_.patience);
  work();
  works_.fetch_add(1, std::memory_order_relaxed);
  if (!state_.compare_exchange_strong(s, next)) {
    state_ = next;  // from here on this thread follows
    return false;
  }
  const auto ended = time_source::now();
  if (ended - began > limits_.long_work) rests_until_ = ended + limits_.rest_factor * (ended - began);
  return true;
}

// True when it has the loop, false when the loop has ended.
bool io_loop::follow() {
  std::uint32_t seen = none;
  for (;;) {
    std::uint64_t expirations = 0;
    if (::read(timer_, &expirations, sizeof(expirations)) < 0 && errno != EINTR) return false;
    if (ended_) return false;
    armed_ = false;
    auto s = state_.load();
    if ((s & phase_bits) != running) continue;
    if (s == seen && state_.compare_exchange_strong(s, (s & ~phase_bits) | taken)) {
      take_over();
      return true;
    }
    seen = s;
    if (!armed_.exchange(true)) arm(limits_.patience);
  }
}

void io_loop::take_over() {
  const auto now = time_source::now();
  takeovers_.fetch_add(1, std::memory_order_relaxed);
  const bool soon = takeovers_ > 1 && now - taken_at_ < 11 * taken_rest_;
  taken_rest_ = soon ? std::min(2 * taken_rest_, limits_.taken_rest_max) : limits_.taken_rest;
  taken_at_ = now;
  rests_until_ = now + taken_rest_;
}

bool io_loop::have_follower() {
  if (threads_[1].joinable()) return true;
  if (no_follower_) return false;
  timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  try {
    if (timer_ >= 0) threads_[1] = std::thread([this] { serve(1); });
  } catch (const std::system_error&) {
  }
  no_follower_ = !threads_[1].joinable();
  return !no_follower_;
}

void io_loop::arm(time_source::duration after) {
  const auto nanoseconds = std::max<std::int64_t>(1, std::chrono::nanoseconds(after).count());
  itimerspec when{};
  when.it_value.tv_sec = nanoseconds / 1'000'000'000;
  when.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  (void)::timerfd_settime(timer_, 0, &when, nullptr);
}

}  // namespace troupe
