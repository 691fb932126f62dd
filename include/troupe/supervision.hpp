// Who watches an actor, and what happens when it fails: supervisors as in Erlang/OTP, their rules as plain values.
// caf_supervision.hpp starts one.
#pragma once

#include <cstdint>
#include <limits>

#include <troupe/time.hpp>

namespace troupe {

/// Whose restart the failure of one child asks for.
enum class restart_strategy : std::uint8_t {
  one_for_one,   // only its own
  all_for_one,   // that of all: they are of no use without each other
  rest_for_one,  // its own and that of all children named after it: later ones lean on earlier ones
};

/// When a child that ended is started again.
enum class child_restart : std::uint8_t {
  transient,  // when it failed; one that ended by itself is done
  permanent,  // always
  temporary,  // never
};

/// Of one supervisor. Ranges are checked by supervise().
struct supervisor_options {
  static constexpr std::uint32_t no_limit = std::numeric_limits<std::uint32_t>::max();

  restart_strategy strategy = restart_strategy::one_for_one;
  /// The budget: more than restarts_max restarts in restarts_within, and the supervisor gives up: it ends its children
  /// and fails itself, so that the supervisor above restarts the whole.
  std::uint32_t restarts_max = 10;
  duration restarts_within = std::chrono::seconds(60);
  /// A failed child waits before its restart, each time up to twice as long, half of it by chance.
  duration wait_first = std::chrono::milliseconds(50);
  duration wait_most = std::chrono::seconds(10);
  /// A child that lived so long waits briefly again.
  duration stable_after = std::chrono::seconds(30);
  /// A child that was asked to end is killed after that.
  duration stop_max = std::chrono::seconds(2);
};

}  // namespace troupe
