#include "actors/actor_turn.hpp"

#include <caf/intrusive_ptr.hpp>
#include <caf/scoped_execution_unit.hpp>

namespace troupe {

bool take_turn(caf::resumable* job, caf::actor_system& system) {
  // The system's own unit: an actor keeps the last one it ran on, and may send through it as late as in on_exit().
  if (job->resume(system.dummy_execution_unit(), turn_messages_max) == caf::resumable::resume_later) return true;
  caf::intrusive_ptr_release(job);
  return false;
}

}  // namespace troupe
