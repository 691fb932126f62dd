// What an embedder who sends own CAF messages between nodes must know.
//
// Register message types as CAF 0.17 asks (CAF_BEGIN_TYPE_ID_BLOCK from first_type_id, and
// actor_system_config::add_message_types), in actor_options::configure (caf_actors.hpp). A message that leaves the node
// must hold registered types only, no float or double (CAF's serialiser does not end on an infinity), and actor handles
// only as elements of the message itself, not inside other types. Protobuf types: caf_protobuf.hpp.
#pragma once

#include <caf/error.hpp>
#include <caf/type_id.hpp>

#include <troupe/error.hpp>

namespace troupe {

/// Ids below are CAF's and troupe's own.
inline constexpr caf::type_id_t first_type_id = caf::first_custom_type_id + 100;

/// What an error means that a request or a down message brought: its own code when it is troupe's, otherwise the
/// nearest one (a receiver that is gone is unavailable, a time-out outcome_unknown).
[[nodiscard]] error from_caf(const caf::error& e);
/// To answer with.
[[nodiscard]] caf::error to_caf(const error& e);

}  // namespace troupe
