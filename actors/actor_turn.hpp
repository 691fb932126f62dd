// A turn of an actor on a thread that is none of CAF's workers. Those it wakes go to the workers.
#pragma once

#include <cstddef>

#include <caf/actor_system.hpp>
#include <caf/resumable.hpp>

namespace troupe {

/// Messages that an actor takes in one turn before whatever else the thread does.
inline constexpr std::size_t turn_messages_max = 64;

/// `job` as an execution unit got it, with its reference. True: it has more to do, and the reference is still there.
[[nodiscard]] bool take_turn(caf::resumable* job, caf::actor_system& system);

}  // namespace troupe
