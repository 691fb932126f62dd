// The routes of the key ring: GET /v1/cluster/keyring, POST .../install and .../use with {"key": "..."},
// DELETE .../{key}. All are admin routes. Keys are never shown: fingerprints are.
#pragma once

#include "actors/keyring/keyring_access.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

/// `ring` is null in a cluster without a secret: the routes then answer 409.
[[nodiscard]] expected<void> add_keyring_routes(http_routes& to, keyring_access* ring);

}  // namespace troupe
