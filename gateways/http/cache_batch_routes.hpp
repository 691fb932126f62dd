// The cache beyond one value: numbers, batches, a look at all keys.
#pragma once

#include "gateways/http/routes.hpp"
#include "runtime/cache/cache_access.hpp"

namespace troupe {

[[nodiscard]] expected<void> add_cache_batch_routes(http_routes& to, cache_access& caches, const config& settings);

}  // namespace troupe
