#include "actors/alarm.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "actors/clock.hpp"

namespace troupe {

namespace {

itimerspec spec_of(time_point at) {
  itimerspec spec{};  // zero: never
  if (at == time_point::max()) return spec;
  using std::chrono::nanoseconds;
  const auto since = std::max(std::chrono::duration_cast<nanoseconds>(at.time_since_epoch()), nanoseconds(1));
  constexpr nanoseconds::rep second = 1'000'000'000;
  spec.it_value.tv_sec = since.count() / second;
  spec.it_value.tv_nsec = since.count() % second;
  return spec;
}

}  // namespace

class alarm::core : public std::enable_shared_from_this<core> {
 public:
  explicit core(boost::asio::io_context& loop) : simulated_(virtual_clock::here()), timer_(loop) {}

  expected<void> start(std::function<void()> ring) {
    if (simulated_ != nullptr) {
      ring_ = std::move(ring);
      return {};
    }
    const int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) return fail(errc::unavailable, "no timer: " + std::string(std::strerror(errno)));
    const std::lock_guard lock(mutex_);
    timer_.assign(fd);
    ring_ = std::move(ring);
    wait();
    return {};
  }

  void set(time_point at) {
    if (simulated_ != nullptr) return set_simulated(at);
    const std::lock_guard lock(mutex_);
    if (!timer_.is_open()) return;
    const auto spec = spec_of(at);
    ::timerfd_settime(timer_.native_handle(), TFD_TIMER_ABSTIME, &spec, nullptr);
  }

  void close() {
    if (simulated_ != nullptr) wanted_ = time_point::max();
    const std::lock_guard lock(mutex_);
    boost::system::error_code ignored;
    timer_.close(ignored);
  }

 private:
  using descriptor = boost::asio::posix::stream_descriptor;

  void wait() {
    if (!timer_.is_open()) return;
    timer_.async_wait(descriptor::wait_read, [self = shared_from_this()](boost::system::error_code failed) {
      if (!failed) self->on_time();
    });
  }

  // It may have been set again since it went off: then it rings for nothing, or the read finds nothing.
  void on_time() {
    std::uint64_t times = 0;
    {
      const std::lock_guard lock(mutex_);
      if (!timer_.is_open()) return;
      if (::read(timer_.native_handle(), &times, sizeof times) != sizeof times) times = 0;
      wait();
    }
    if (times > 0) ring_();
  }

  // The earliest call asked for stands; one that comes too early asks for the next.
  void set_simulated(time_point at) {
    wanted_ = at;
    if (!ring_ || at >= called_at_) return;
    called_at_ = at;
    simulated_->call_at(at, [weak = weak_from_this(), at] {
      if (const auto self = weak.lock()) self->on_called(at);
    });
  }

  void on_called(time_point at) {
    if (at != called_at_) return;  // an earlier one took its place
    called_at_ = time_point::max();
    if (wanted_ > simulated_->now()) return set_simulated(wanted_);
    wanted_ = time_point::max();
    ring_();
  }

  virtual_clock* const simulated_;  // null: the machine's
  time_point wanted_ = time_point::max();
  time_point called_at_ = time_point::max();
  std::mutex mutex_;  // set() comes from actors, the rest from the I/O thread
  descriptor timer_;
  std::function<void()> ring_;
};

alarm::alarm(boost::asio::io_context& loop) : core_(std::make_shared<core>(loop)) {}

alarm::~alarm() { close(); }

expected<void> alarm::start(std::function<void()> ring) { return core_->start(std::move(ring)); }

void alarm::set(time_point at) { core_->set(at); }

void alarm::close() { core_->close(); }

}  // namespace troupe
