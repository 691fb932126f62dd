// What a node says of itself and its cluster: health probes, metrics, /v1/cluster..., /v1/services, and
// the requests to leave.
#pragma once

#include "actors/door_context.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

/// What the context refers to must outlive the table.
[[nodiscard]] expected<void> add_cluster_routes(http_routes& to, const door_context& context);

}  // namespace troupe
