// How threads of the node tell a singleton_actor something: by a handle that does not keep it alive.
#pragma once

#include <utility>

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/send.hpp>

#include <troupe/time.hpp>

#include "actors/clock.hpp"

namespace troupe {

inline time_point read_clock() { return clock_now(); }

template <class... Ts>
void tell(const caf::weak_actor_ptr& whom, Ts&&... news) {
  if (const auto alive = whom.lock()) caf::anon_send(caf::actor_cast<caf::actor>(alive), std::forward<Ts>(news)...);
}

}  // namespace troupe
