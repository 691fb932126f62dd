// GET /v1/services/{service}/why: why a service or a module does not run, with what other members say of what it lacks.
#pragma once

#include "actors/door_context.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

/// What the context refers to must outlive the table.
[[nodiscard]] expected<void> add_service_routes(http_routes& to, const door_context& context);

}  // namespace troupe
