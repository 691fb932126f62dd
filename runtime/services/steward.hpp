// Who changes tables that nodes share while the leader runs no database: of the members that do, the one with the
// lowest PID, in the leader's name and term.
//
// Two that take themselves for it (their pictures differ) show the same token, and take turns by the database's own
// lock: the second finds nothing left to do. One that follows an older leader is refused by the database as that
// leader would be.
#pragma once

#include <optional>

#include <troupe/cluster.hpp>
#include <troupe/fenced.hpp>

namespace troupe {

/// The token under which the node of `view` may do so; none: it is not for this node, or nobody leads.
[[nodiscard]] std::optional<fenced> steward_right(const cluster_view& view);

}  // namespace troupe
