#include "gateways/http/db_routes.hpp"

#include <nlohmann/json.hpp>

#include "gateways/http/calls.hpp"

namespace troupe {

namespace {

using json = nlohmann::ordered_json;
using calls::ok;
using calls::problem;

constexpr std::size_t body_max = 8 * 1024;

bool refused(http_exchange& ex, const database_admin* databases) {
  if (databases != nullptr) return false;
  ex.answer(problem_reply(error{errc::unavailable, "this node does not run the service db"}));
  return true;
}

void on_list(http_exchange& ex, database_admin* databases) {
  if (refused(ex, databases)) return;
  json rows = json::array();
  for (const auto& row : databases->namespaces()) {
    rows.push_back({{"name", row.name}, {"open", row.open}});
    if (!row.role.empty()) rows.back()["role"] = row.role;
  }
  ex.answer(calls::json_reply(json{{"driver", databases->driver_name()}, {"namespaces", rows}}.dump() + "\n"));
}

// The one text field of a body; none: it was answered.
std::optional<std::string> field_of(http_exchange& ex, const char* field) {
  const auto body = ex.request().body;
  const auto parsed = body.size() > body_max ? json(json::value_t::discarded) : json::parse(body, nullptr, false);
  if (parsed.is_object() && parsed.size() == 1 && parsed.contains(field) && parsed[field].is_string())
    return parsed[field].get<std::string>();
  ex.answer(problem_reply(400, "the body must be {\"" + std::string(field) + "\": \"...\"}", "bad-body"));
  return std::nullopt;
}

done_callback reply_to(http_exchange& ex) {
  auto later = ex.later(ex.now() + database_admin::backup_max + std::chrono::seconds(1));
  return [later = std::move(later)](const expected<void>& done) {
    http_reply reply;
    reply.status = 204;
    later(done ? std::move(reply) : problem_reply(done.error()));
  };
}

void on_change(http_exchange& ex, database_admin* databases, const char* field,
               void (database_admin::*change)(const std::string&, const std::string&, done_callback)) {
  if (refused(ex, databases)) return;
  const auto name = percent_decode(ex.request().parameters[0]);
  if (!name) return ex.answer(problem_reply(400, "the path has a broken percent escape", "bad-path"));
  const auto value = field_of(ex, field);
  if (value) (databases->*change)(*name, *value, reply_to(ex));
}

http_route change_route(std::string pattern, std::string summary, http_handler handler) {
  http_route route;
  route.method = http_method::post;
  route.pattern = std::move(pattern);
  route.summary = std::move(summary);
  route.answers = {{204, "done", "", ""},
                   problem(403, "the door is not bound to a loopback address"),
                   problem(404, "no such namespace is open on this node"),
                   problem(409, "the file is there already"),
                   problem(412, "i_mean_it is not the name of the namespace")};
  route.admin = true;
  route.takes_body = true;
  route.handler = std::move(handler);
  return route;
}

}  // namespace

expected<void> add_db_routes(http_routes& to, database_admin* databases) {
  http_route list;
  list.pattern = "/v1/db";
  list.summary = "The namespaces that this node has open";
  list.answers = {ok(200, "the driver, a row for each namespace", "databases")};
  list.handler = [databases](http_exchange& ex) { on_list(ex, databases); };
  http_route routes[] = {
      std::move(list),
      change_route("/v1/db/{name}/backup", "Copies a namespace into a new file on the node",
                   [databases](http_exchange& ex) { on_change(ex, databases, "file", &database_admin::backup); }),
      change_route("/v1/db/{name}/reset", "Drops all that a namespace holds",
                   [databases](http_exchange& ex) { on_change(ex, databases, "i_mean_it", &database_admin::reset); }),
  };
  for (auto& route : routes) {
    if (auto r = to.add(std::move(route)); !r) return r;
  }
  return {};
}

}  // namespace troupe
