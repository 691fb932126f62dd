// One loop of the pool, and the threads that run it: Leader/Followers (Schmidt, O'Ryan, Kircher, Pyarali 2000) with one
// follower. A handler may leave work that its thread does next, outside of the loop: an actor whose message came alone
// runs where it arrived, and no other thread wakes for it. Should that work last, the follower takes the loop over; the
// thread that was held up follows then. So handlers run one at a time as on a single thread, and no work stops them for
// longer than twice `patience`.
//
//   none -- leave_work --> promised -- handler returns --> running -- work returns --> none
//                                                             |
//                                                             +-- follower: taken -- work returns --> none
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace troupe {

class io_loop {
 public:
  using time_source = std::chrono::steady_clock;

  struct limits {
    /// How long work may hold the loop up: after one to two times this, the follower takes over.
    time_source::duration patience = std::chrono::milliseconds(5);
    /// Work that took longer is paid for: none is taken for rest_factor times as long.
    time_source::duration long_work = std::chrono::microseconds(200);
    int rest_factor = 50;
    /// None is taken for so long after a takeover; twice as long after the next, up to taken_rest_max, unless ten
    /// times the last such rest went well in between.
    time_source::duration taken_rest = std::chrono::seconds(1);
    time_source::duration taken_rest_max = std::chrono::minutes(1);
  };

  io_loop() : io_loop(limits{}) {}
  explicit io_loop(limits l);
  ~io_loop();

  io_loop(const io_loop&) = delete;
  io_loop& operator=(const io_loop&) = delete;

  void start();
  /// Takes no more work until reopen(), and waits for what is under way, which may need this loop: it goes on. False
  /// when that is not over after `limit`; at once when the calling thread does it.
  bool close(time_source::duration limit);
  void reopen() { closing_ = false; }
  /// Ends the loop. Handlers that did not run are destroyed with it.
  void stop();
  /// Waits for the threads of a loop that was stopped, but not for one that still does work: the destructor does.
  void join();

  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }

  /// The loop whose handler or work the calling thread runs; null on every other thread.
  [[nodiscard]] static io_loop* here() noexcept { return here_; }

  /// Called by a handler of this loop: its thread does `work` after it. False: there is work already, the follower has
  /// the loop, or earlier work took long; then the caller has it done elsewhere.
  [[nodiscard]] bool leave_work(std::function<void()> work);

  /// What was done on the loop's own threads, and how often the follower took the loop over.
  [[nodiscard]] std::uint64_t works() const noexcept { return works_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t takeovers() const noexcept { return takeovers_.load(std::memory_order_relaxed); }

 private:
  // The lowest bits of state_; the others number the works.
  enum phase : std::uint32_t { none = 0, promised = 1, running = 2, taken = 3 };
  static constexpr std::uint32_t phase_bits = 3;

  void serve(std::size_t thread);
  [[nodiscard]] bool lead(std::size_t thread);
  [[nodiscard]] bool follow();
  [[nodiscard]] bool do_work(std::size_t thread);
  [[nodiscard]] bool have_follower();
  void take_over();
  void arm(time_source::duration after);

  static inline constinit thread_local io_loop* here_ = nullptr;

  const limits limits_;
  boost::asio::io_context context_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> open_;
  std::array<std::thread, 2> threads_;  // the first leads at the start; the second comes with the first work

  std::atomic<std::uint32_t> state_{none};
  std::atomic<bool> armed_{false};  // the timer is set, so that the follower looks at state_ soon
  std::atomic<bool> closing_{false};
  std::atomic<bool> ended_{false};
  int timer_ = -1;  // the follower waits for it
  bool no_follower_ = false;

  // Of the thread that leads.
  std::function<void()> work_;
  time_source::time_point rests_until_{};
  time_source::time_point taken_at_{};
  time_source::duration taken_rest_;
  std::size_t working_ = 0;  // the thread that does work, or did last

  std::atomic<std::uint64_t> works_{0};
  std::atomic<std::uint64_t> takeovers_{0};
};

}  // namespace troupe
