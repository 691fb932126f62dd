// /v1/entities: rows of the entities service, here or at a member that serves them.
#pragma once

#include <memory>

#include "actors/door_context.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

class entity_forwarder;

/// What every model tells, whatever is off.
inline constexpr std::string_view entity_schema_pattern = "/v1/entities/{entity}/schema";

/// What this node does not serve, all of it when `entities` is null, is forwarded; 503 without a forwarder.
[[nodiscard]] expected<void> add_entity_routes(http_routes& to, entity_service* entities,
                                               std::shared_ptr<entity_forwarder> forwarder = nullptr);

/// PUT /v1/services/entities/{entity}?state=on|off; 503 without the service.
[[nodiscard]] expected<void> add_entity_switch_route(http_routes& to, entity_service* entities);

}  // namespace troupe
