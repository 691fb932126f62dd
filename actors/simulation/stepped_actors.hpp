// The actors of a simulated node, run by hand: CAF's scheduler for tests, whose clock is set and whose actors run one
// message at a time. Which of those that have messages runs next is drawn, so that seeds differ in that too.
#pragma once

#include <functional>
#include <string>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/message.hpp>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/base/random.hpp"

namespace caf::scheduler {
class test_coordinator;
}

namespace troupe {

class stepped_actors {
 public:
  /// `system` is one of actor_runtime::stepped, and outlives this object.
  stepped_actors(caf::actor_system& system, random rng);

  /// Delayed messages and timeouts until then are due.
  void go_to(time_point now);
  /// One message of one actor; false: none waits.
  bool run_one();
  /// Of the next delayed message; max(): there is none.
  [[nodiscard]] time_point next_due() const;
  /// Nothing runs here any more: what waits and what is delayed is dropped. Before the system ends.
  void abandon();

 private:
  caf::scheduler::test_coordinator& scheduler_;
  random rng_;
};

/// A client: sends the request, and tells the answer, an error of the answer, or errc::outcome_unknown after
/// `deadline`. Once; not at all when its node ends before.
void ask_once(caf::actor_system& system, const caf::actor& whom, caf::message what, duration deadline,
              std::function<void(expected<caf::message>)> done);

}  // namespace troupe
