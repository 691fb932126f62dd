// /v1/locks: who holds what, and locks and semaphores for programs that speak HTTP.
#pragma once

#include "actors/door_context.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

/// What the context refers to must outlive the table.
[[nodiscard]] expected<void> add_lock_routes(http_routes& to, const door_context& context);

}  // namespace troupe
