// /v1/entities: rows of the entities service.
#pragma once

#include "actors/door_context.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

/// `entities` null: this node does not run the service, and its routes answer 503.
[[nodiscard]] expected<void> add_entity_routes(http_routes& to, entity_service* entities);

}  // namespace troupe
