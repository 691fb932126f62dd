// PUT, GET, HEAD and DELETE of /v1/cache/{cache}/{key...}.
//
// What can be done on this node is done inside the handler and written straight into the connection's
// output; the rest is submitted and answered when it is done. See README.md for statuses and fields.
#pragma once

#include "actors/door_context.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

/// Both arguments must outlive the table.
[[nodiscard]] expected<void> add_cache_routes(http_routes& to, cache_access& caches, const config& settings);

}  // namespace troupe
