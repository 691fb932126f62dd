// The description of the HTTP interface (OpenAPI 3.1), made from the table of routes, so that it cannot
// leave one out, and a page for people that lists them.
#pragma once

#include <string>

#include "gateways/http/routes.hpp"

namespace troupe {

/// The whole document. Schemas that routes name are in its components.
[[nodiscard]] std::string openapi_json(const http_routes& routes);

/// A short HTML page with a link to every GET route without parameters.
[[nodiscard]] std::string routes_page(const http_routes& routes);

/// GET /openapi.json and GET /, which show all rows of `to`, later ones too.
[[nodiscard]] expected<void> add_description_routes(http_routes& to);

}  // namespace troupe
