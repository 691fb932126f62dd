// /v1/cluster/leader: who leads and why, and the requests to hand the lead over.
#pragma once

#include "actors/door_context.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

/// What the context refers to must outlive the table.
[[nodiscard]] expected<void> add_leader_routes(http_routes& to, const door_context& context);

}  // namespace troupe
