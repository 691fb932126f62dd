// Rings at a moment that may be set again and again. Setting it is one system call and wakes no thread; what was
// put off does not ring. (CAF's clock wakes its thread for every delayed message, and delivers those too that
// no longer matter: in an idle node that was a quarter of all work.) Linux: a timerfd on an I/O thread. Made on a
// thread that runs simulated nodes, it goes by their clock.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

class alarm {
 public:
  explicit alarm(boost::asio::io_context& loop);
  ~alarm();

  alarm(const alarm&) = delete;
  alarm& operator=(const alarm&) = delete;

  /// `ring` runs on the I/O thread, at the time set or shortly after; it must not block. Once; errc::unavailable
  /// when the system gives no timer.
  [[nodiscard]] expected<void> start(std::function<void()> ring);

  /// Replaces the time set before; max(): never. A time that has passed rings at once. From any thread.
  void set(time_point at);

  /// Rings no more, but for a call under way. Idempotent, from any thread.
  void close();

 private:
  class core;
  std::shared_ptr<core> core_;
};

}  // namespace troupe
