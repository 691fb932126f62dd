// From a request to its handler: the table's rules (404, 405 with Allow, 403, unknown query parameters)
// in front of every handler.
#pragma once

#include "gateways/http/routes.hpp"

namespace troupe {

/// Fills the request's parameters and calls the handler, or answers with the rule's problem.
/// `admin_allowed`: the door is bound where only this host can reach it.
void dispatch(const http_routes& routes, http_request& request, http_exchange& ex, bool admin_allowed);

}  // namespace troupe
