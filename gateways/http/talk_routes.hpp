// /v1/cluster/tags, events, queries and rtt: what an operator says to the members and asks of them.
#pragma once

#include "actors/door_context.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

[[nodiscard]] expected<void> add_talk_routes(http_routes& to, const door_context& context);

}  // namespace troupe
