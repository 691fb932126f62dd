// Small pieces that keep the fault of one from spreading to others. They are plain values: time is an argument, nothing
// blocks, nothing is shared; an actor, or a lock, owns each. caf_resilience.hpp joins them around requests of an actor.
//
//   retry             tries again what surely was not done, later and later, never beyond the deadline
//   circuit_breaker   stops asking one that does not answer (Nygard, Release It!, 2007)
//   bulkhead          lets so many run at a time, so many wait, and refuses the rest
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

/// True for errors that say: not done, and the same may work later (unavailable, deadline_exceeded, conflict,
/// not_owner).
[[nodiscard]] bool is_not_done(errc code) noexcept;
/// True for errors that speak against the one that was asked (unavailable, deadline_exceeded, outcome_unknown,
/// peer_lost, storage_failed), not against the request.
[[nodiscard]] bool is_failure(errc code) noexcept;

struct retry_options {
  std::uint32_t attempts_max = 3;  // the first included, at least 1
  /// The wait before the n-th repetition is drawn from [b/2, b) with b = min(wait_first * 2^(n-1), wait_most).
  duration wait_first = std::chrono::milliseconds(50);
  duration wait_most = std::chrono::seconds(5);
  /// The request may be carried out twice without harm: errors that leave the outcome open are tried again as well.
  bool idempotent = false;
  /// An attempt without an answer for so long is given up and repeated, when it is idempotent: what was asked, or its
  /// answer, may be lost. Zero: each has the rest of the deadline, so that silence is never repeated.
  duration attempt_max{};
};

/// One request with its attempts.
class retry {
 public:
  /// Requests with different seeds do not step in time.
  retry(const retry_options& o, time_point deadline, std::uint64_t seed);
  ~retry();
  retry(retry&&) noexcept;
  retry& operator=(retry&&) noexcept;

  /// The attempt under way failed: how long to wait before the next one. Nothing: `code` is the answer, because it is
  /// final, no attempt is left, or the wait would end at the deadline or after it.
  [[nodiscard]] std::optional<duration> next(errc code, time_point now);
  /// How long the attempt that begins now may wait for its answer: attempt_max if there is to be another one after
  /// that, otherwise (not idempotent, the last attempt, no time for one more) the rest of the deadline.
  [[nodiscard]] duration attempt_limit(time_point now) const noexcept;
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

 private:
  struct waits;
  retry_options options_;
  time_point deadline_;
  std::uint32_t attempts_ = 1;
  std::unique_ptr<waits> waits_;
};

struct circuit_options {
  std::uint32_t failures_to_open = 5;  // in a row
  /// Open so long, then one attempt is let through; each that fails doubles it.
  duration open_first = std::chrono::seconds(1);
  duration open_most = std::chrono::seconds(60);
  /// An attempt that was let through and never ended is given up after that, so that the next one may try.
  duration attempt_max = std::chrono::seconds(30);
};

enum class circuit_state : std::uint8_t { closed, half_open, open };

class circuit_breaker {
 public:
  explicit circuit_breaker(const circuit_options& o = {});

  /// Whether to ask now; on_end() must follow when it may. errc::unavailable with when to come again.
  [[nodiscard]] expected<void> allow(time_point now);
  /// How what was allowed ended; errc::ok: well. Only is_failure() counts against it.
  void on_end(errc code, time_point now);

  [[nodiscard]] circuit_state state(time_point now) const noexcept;
  /// Refusals since the beginning.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 private:
  circuit_options options_;
  std::uint32_t failures_ = 0;  // in a row
  duration open_for_{};         // zero: closed
  time_point open_until_{};
  bool trying_ = false;  // half open, and the attempt is under way
  time_point tried_at_{};
  std::uint64_t refused_ = 0;
};

struct bulkhead_options {
  std::uint32_t running_max = 16;  // at least 1
  std::uint32_t waiting_max = 64;
};

class bulkhead {
 public:
  using ticket = std::uint64_t;
  enum class answer : std::uint8_t { runs, waits, refused };

  struct output {
    std::vector<ticket> run;      // may run now, as if enter() had said so
    std::vector<ticket> expired;  // waited until their deadline
  };

  explicit bulkhead(const bulkhead_options& o = {}) : options_(o) {}

  /// `who` is not inside. Those that wait are served in the order they came.
  [[nodiscard]] answer enter(ticket who, time_point deadline, time_point now);
  /// One that ran has ended.
  void leave(time_point now, output& out);
  /// Deadlines of those that wait.
  void on_tick(time_point now, output& out);
  [[nodiscard]] time_point next_tick() const noexcept;

  [[nodiscard]] std::size_t running() const noexcept { return running_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }

 private:
  struct waiter {
    ticket who;
    time_point deadline;
  };
  bulkhead_options options_;
  std::size_t running_ = 0;
  std::deque<waiter> waiting_;
};

}  // namespace troupe
