// GET /v1/cache/{cache}/changes: what happens to the keys of a cache in the whole cluster, as server-sent events.
#pragma once

#include "gateways/http/routes.hpp"
#include "runtime/cache/cache_access.hpp"

namespace troupe {

/// `caches` outlives the table and its streams.
[[nodiscard]] expected<void> add_change_routes(http_routes& to, cache_access& caches);

}  // namespace troupe
