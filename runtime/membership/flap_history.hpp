// How often a name failed and came back lately. Each return adds 1 to a penalty that halves with time (as
// route flap damping does, RFC 2439); a high penalty puts the member into quarantine until it has decayed.
// A member in quarantine is alive like any other; only nothing new should be entrusted to it.
#pragma once

#include <cstdint>

#include <troupe/time.hpp>

namespace troupe::membership {

struct flap_rules {
  duration half_life = std::chrono::minutes(5);        // of the penalty
  double quarantine_penalty = 2.5;                     // from here on: the third return within about three minutes
  double release_penalty = 1.0;                        // down to here
  duration quarantine_max = std::chrono::minutes(30);  // whatever the penalty
};

struct flap_history {
  double penalty = 0;              // at `counted`
  time_point counted{};            //
  time_point quarantined_until{};  // time_point{}: in no quarantine

  /// The penalty in whole returns, as people see it.
  [[nodiscard]] std::uint32_t flaps() const noexcept { return static_cast<std::uint32_t>(penalty + 0.5); }
  [[nodiscard]] bool quarantined() const noexcept { return quarantined_until != time_point{}; }

  /// Lets the penalty decay until `now`.
  void decay(const flap_rules& rules, time_point now) noexcept;
  /// The member came back from a failure; true when a quarantine begins by it (or lasts longer now).
  bool note_return(const flap_rules& rules, time_point now) noexcept;
  /// Ends a quarantine that is over; true when it did.
  bool release(time_point now) noexcept;
};

}  // namespace troupe::membership
