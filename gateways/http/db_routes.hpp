// The routes of the databases: GET /v1/db, and for admins POST /v1/db/{name}/backup with {"file": "..."} and
// POST /v1/db/{name}/reset with {"i_mean_it": "..."}.
#pragma once

#include "actors/db/database_admin.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

/// `databases` may be null: the routes answer 503 then.
[[nodiscard]] expected<void> add_db_routes(http_routes& to, database_admin* databases);

}  // namespace troupe
