// The cache beyond one value: numbers, batches, a look at all keys.
#pragma once

#include "actors/door_context.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

[[nodiscard]] expected<void> add_cache_batch_routes(http_routes& to, cache_access& caches, const config& settings);

}  // namespace troupe
