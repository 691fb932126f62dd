#include "gateways/http/dispatch.hpp"

#include <algorithm>

#include "gateways/http/origin.hpp"
#include "gateways/http/uri.hpp"

namespace troupe {

namespace {

// An empty list: the query is in order.
std::vector<std::string> faults_of_query(const http_route& route, std::string_view query) {
  const auto parameters = parse_query(query);
  if (!parameters) return {"the query has a broken percent escape or too many parameters"};
  if (route.any_query) return {};
  std::vector<std::string> faults;
  for (const auto& [name, value] : *parameters) {
    const auto known = [&n = name](const auto& p) { return p.first == n; };
    if (std::none_of(route.query.begin(), route.query.end(), known)) faults.push_back("unknown: " + name);
  }
  return faults;
}

}  // namespace

void dispatch(const http_routes& routes, http_request& request, http_exchange& ex, bool admin_allowed) {
  const auto found = routes.find(request.method, request.path);
  if (found.route == nullptr) {
    if (!found.path_known) return ex.answer(problem_reply(404, "there is no such route", "no-route"));
    http_reply reply = problem_reply(405, "the route does not take this method", "wrong-method");
    reply.fields.emplace_back("Allow", routes.allowed(request.path));
    return ex.answer(reply);
  }
  if (found.route->admin && !admin_allowed) {
    return ex.answer(
        problem_reply(403, "answered only on a loopback address: there is no authentication", "admin-only"));
  }
  const bool changes = request.method != http_method::get && request.method != http_method::head;
  if (changes && is_from_elsewhere(request))
    return ex.answer(problem_reply(403, "the Origin is not this host", "foreign-origin"));
  if (!request.query.empty()) {
    auto faults = faults_of_query(*found.route, request.query);
    if (!faults.empty()) {
      http_reply reply = problem_reply(400, "the query is not understood", "bad-query");
      reply.problem->errors = std::move(faults);
      return ex.answer(reply);
    }
  }
  request.parameters = found.parameters;
  found.route->handler(ex);
}

}  // namespace troupe
