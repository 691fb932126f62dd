// Who uses which connection of a namespace, when to open one, and when to say no: the pool as a pure machine.
//
//   state of a connection   left by
//   dialling                on_dialled (ready), on_dial_failed (gone)
//   ready                   want, tick: a use, a check, or closed when idle for long
//   checking                on_checked (ready), tick: closed when it does not answer
//   retired                 on_lost: it takes nothing more, but is open and counts until then
//
// Small statements share connections: they are pipelined on `shared_width` of them, and on more only while those
// stand still. A transaction has a connection alone. The circuit breaker: after `failures_to_open` dials in a row
// failed and no connection is left, it is open: all that waits and comes is refused at once. While it is, one dial at a
// time is tried (half-open); the first that succeeds closes it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/resilience.hpp>
#include <troupe/time.hpp>

#include "runtime/base/backoff.hpp"
#include "runtime/base/random.hpp"

namespace troupe {

struct pool_limits {
  std::size_t connections_min = 1;
  std::size_t connections_max = 8;
  std::size_t shared_width = 2;
  std::size_t depth_max = 256;  // statements on one connection at a time
  std::size_t queue_max = 10000;
  duration queue_timeout = std::chrono::seconds(1);
  duration idle = std::chrono::minutes(5);
  duration health_interval = std::chrono::seconds(10);  // 0: never
  duration check_timeout = std::chrono::seconds(2);
  duration stall = std::chrono::milliseconds(10);  // without an answer for so long a connection stands still
  duration dial_first = std::chrono::milliseconds(20);
  duration dial_most = std::chrono::milliseconds(400);
  std::uint32_t failures_to_open = 3;
};

enum class pool_use : std::uint8_t { shared, exclusive };

class connection_pool {
 public:
  using connection = std::uint32_t;
  using ticket = std::uint64_t;

  struct grant {
    ticket who = 0;
    connection where = 0;
  };
  struct refusal {
    ticket who = 0;
    errc code = errc::unavailable;
    std::string why;
  };
  struct output {
    std::vector<connection> dial;
    std::vector<connection> check;
    std::vector<connection> close;  // unused, or silent: the machine has forgotten it
    std::vector<grant> granted;
    std::vector<refusal> refused;
  };

  connection_pool(const pool_limits& limits, std::uint64_t seed)
      : limits_(limits), rng_(seed), dial_(backoff_of(limits)) {}

  /// Granted or refused now or later, once. A grant ends with finished() or with on_lost() of its connection.
  void want(ticket who, pool_use use, time_point deadline, time_point now, output& out);
  void finished(connection c, time_point now, output& out);

  void on_dialled(connection c, time_point now, output& out);
  void on_dial_failed(connection c, std::string why, time_point now, output& out);
  /// It broke, or is to be used no more: whatever it was used for is over.
  void on_lost(connection c, time_point now, output& out);
  void on_checked(connection c, time_point now, output& out);
  /// It takes nothing more; what it has goes on until on_lost().
  void on_retired(connection c, time_point now, output& out);
  /// From now on at most so many; what is open beyond it is closed as soon as nobody uses it.
  void set_connections_max(std::size_t most, time_point now, output& out);
  void on_tick(time_point now, output& out);
  /// When on_tick has something to do.
  [[nodiscard]] time_point next_tick() const;

  /// Refuses what waits and what comes; opens nothing more.
  void stop(output& out);

  [[nodiscard]] circuit_state breaker() const noexcept;
  [[nodiscard]] std::size_t open_connections() const noexcept { return ready_ + retired_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return shared_.size() + exclusive_.size(); }
  [[nodiscard]] std::size_t in_use() const noexcept;
  [[nodiscard]] std::uint64_t dial_failures() const noexcept { return dial_failures_; }
  [[nodiscard]] const std::string& last_failure() const noexcept { return last_failure_; }

 private:
  enum class phase : std::uint8_t { dialling, ready, checking, retired };
  struct slot {
    phase state = phase::dialling;
    std::size_t uses = 0;
    bool exclusive = false;
    bool reserved = false;  // takes no more statements: an exclusive use waits for it
    time_point moved{};     // when a use began on it idle or one last ended; when it was checked
    time_point last_use{};
  };
  struct waiter {
    ticket who;
    time_point deadline;  // of the caller
    time_point until;     // the earlier of it and the longest wait
  };
  // By the order in which they came: one queue for each kind of use, because one kind may find a connection when the
  // other does not.
  using queue = std::map<std::uint64_t, waiter>;

  [[nodiscard]] static backoff backoff_of(const pool_limits& l) { return {l.dial_first, l.dial_most}; }
  [[nodiscard]] bool refuses_all() const noexcept { return failures_ >= limits_.failures_to_open && ready_ == 0; }
  [[nodiscard]] bool grant_now(ticket who, pool_use use, time_point now, output& out);
  [[nodiscard]] std::map<connection, slot>::iterator pick_shared(time_point now);
  [[nodiscard]] std::map<connection, slot>::iterator pick_idle();
  [[nodiscard]] bool stalled(const slot& s, time_point now) const;
  [[nodiscard]] bool wants_more_width(time_point now) const;
  void settle(time_point now, output& out);
  void reserve_for_waiting();
  void dial_more(time_point now, bool wider, output& out);
  [[nodiscard]] queue& queue_of(pool_use use) noexcept { return use == pool_use::shared ? shared_ : exclusive_; }
  void refuse_all(const std::string& why, output& out);
  void expire(time_point now, output& out);
  void look_after_idle(time_point now, output& out);
  void close_surplus(output& out);

  pool_limits limits_;
  random rng_;
  backoff dial_;
  std::map<connection, slot> slots_;  // ordered: the output depends on it
  queue shared_, exclusive_;
  std::set<std::pair<time_point, std::uint64_t>> expiring_;  // of both, by `until`
  std::uint64_t arrivals_ = 0;
  connection next_ = 1;
  std::size_t ready_ = 0;  // ready or checking
  std::size_t retired_ = 0;
  std::size_t dialling_ = 0;
  std::uint32_t failures_ = 0;  // dials in a row
  std::uint64_t dial_failures_ = 0;
  time_point dial_at_{};  // not before
  std::string last_failure_;
  bool stopped_ = false;
};

}  // namespace troupe
