// The rules of a supervisor (Erlang/OTP's, Armstrong 2003) without actors: children are numbers in the order of their
// start.
//
//   a child is   becomes             by
//   running      waiting             its end, when it is to be started again; alone, or with its group
//   running      ending              the end of its group or of the supervisor: last started first, one after the other
//   ending       down                its end, or its being killed after stop_max
//   waiting      running             its time; a group when all of it are down
//   running      done                its end, when it is not to be started again
//
// A failure beyond the budget ends all children, then the supervisor (`ended`, with gave_up()).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include <troupe/supervision.hpp>

#include "runtime/base/backoff.hpp"
#include "runtime/base/random.hpp"

namespace troupe {

class supervision {
 public:
  using child = std::size_t;

  struct output {
    std::vector<child> start;  // in this order
    std::vector<child> end;    // to be asked to end; on_down follows
    std::vector<child> kill;   // did not end in time
    bool ended = false;        // nothing runs and nothing will
  };

  supervision(const supervisor_options& o, std::vector<child_restart> children, std::uint64_t seed);

  void on_start(time_point now, output& out);
  /// A child that runs or was asked to end has ended; `failed`: not by itself and not because it was asked.
  void on_down(child c, bool failed, time_point now, output& out);
  void on_tick(time_point now, output& out);
  /// Ends all, the last one first. Idempotent.
  void stop(time_point now, output& out);

  /// max(): nothing is to come but by an event.
  [[nodiscard]] time_point next_tick() const;
  /// When the child is started again, as far as it is known.
  [[nodiscard]] std::optional<time_point> restart_at(child c) const;
  [[nodiscard]] bool running(child c) const { return rows_[c].is == phase::running; }
  /// The budget is used up.
  [[nodiscard]] bool gave_up() const noexcept { return gave_up_; }
  [[nodiscard]] std::uint64_t restarts() const noexcept { return restarts_; }

 private:
  enum class phase : std::uint8_t { down, running, ending, waiting, done };

  struct row {
    child_restart restart;
    backoff wait;
    phase is = phase::down;
    time_point at{};  // running: since; ending: to be killed; waiting: to be started
  };

  [[nodiscard]] bool within_budget(time_point now);
  void plan_restart(child c, time_point now);
  /// True when none of them runs.
  bool bring_down(child from, time_point now, output& out);
  void start(child c, time_point now, output& out);
  void step(time_point now, output& out);

  supervisor_options options_;
  random rng_;
  std::vector<row> rows_;
  backoff group_wait_;
  std::optional<child> group_;  // it and those behind it are ended and started anew
  time_point group_at_{};
  std::deque<time_point> failures_;
  std::uint64_t restarts_ = 0;
  bool stopping_ = false, gave_up_ = false, ended_ = false;
};

}  // namespace troupe
