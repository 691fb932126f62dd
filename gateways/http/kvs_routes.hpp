// The key-value service over HTTP: GET, HEAD, PUT and DELETE of /v1/kvs/{key}, its state and its flush at /v1/kvs.
#pragma once

#include "actors/kvs/kvs_access.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

inline constexpr duration kvs_request_max = std::chrono::seconds(2);
inline constexpr duration kvs_flush_max = std::chrono::seconds(30);

/// `kvs` may be null: the routes answer 503 then.
[[nodiscard]] expected<void> add_kvs_routes(http_routes& to, kvs_access* kvs);

}  // namespace troupe
