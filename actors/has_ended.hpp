// Whether an actor, or the one behind a handle of another node, has ended: what is sent to it now is lost. Those who
// monitor it are told a little later.
#pragma once

#include <caf/abstract_actor.hpp>
#include <caf/actor_control_block.hpp>

namespace troupe {

[[nodiscard]] inline bool has_ended(const caf::strong_actor_ptr& p) {
  return p->get()->getf(caf::abstract_actor::is_terminated_flag | caf::abstract_actor::is_cleaned_up_flag);
}

}  // namespace troupe
