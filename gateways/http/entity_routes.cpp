#include "gateways/http/entity_routes.hpp"

#include <algorithm>
#include <memory>

#include "actors/entities/entity_service.hpp"
#include "gateways/http/calls.hpp"
#include "gateways/http/conditions.hpp"
#include "gateways/http/entity_forwarder.hpp"
#include "runtime/base/integer_text.hpp"
#include "runtime/entities/json_schema.hpp"

namespace troupe {

namespace {

using calls::ok;
using calls::problem;

// Answers come at the deadline or shortly after; then the door speaks for itself.
constexpr duration answer_margin = std::chrono::milliseconds(500);

http_reply reply_of(const row_refusal& why) {
  auto reply = problem_reply(error{why.code, why.detail});
  reply.problem->errors = why.errors;
  return reply;
}

http_reply plain_reply(int status, std::string detail, std::string type) {
  return problem_reply(status, std::move(detail), std::move(type));
}

http_reply row_reply(int status, row_answer row) {
  auto reply = calls::json_reply(std::move(row.json) + "\n", status);
  reply.fields.emplace_back("ETag", '"' + std::to_string(row.version) + '"');
  return reply;
}

// As row_reply, while the row is at hand.
void write_row(answer_writer& to, const request_conditions& conditions, const cached_row& row) {
  const auto version = static_cast<std::uint64_t>(row.version);
  const int status = conditions.any_given() ? conditions.status_of_read(version) : 200;
  if (status == 412) return write_reply(to, problem_reply(error{errc::condition_failed, {}}));
  to.open(status);
  to.entity_tag(version);
  if (status != 200) return to.close();
  to.close("application/json", row.text);
}

// No type at all is taken for JSON; "application/json; charset=utf-8" too.
bool is_json(std::string_view type, bool patch) {
  auto name = type.substr(0, type.find(';'));
  while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
  return name.empty() || same_field_name(name, "application/json") ||
         (patch && same_field_name(name, "application/merge-patch+json"));
}

// What one request names: an entity, perhaps a row of it and a relation.
struct target {
  const entity_spec* entity = nullptr;
  std::int64_t id = 0;
};

class entity_door {
 public:
  explicit entity_door(entity_service& service) : service_(service) {}

  /// What the model does not have is answered here, too.
  [[nodiscard]] bool serves(std::string_view path) const {
    const auto* e = service_.model().find(path);
    return e == nullptr || service_.is_on(*e);
  }

  void names(http_exchange& ex) const { ex.answer(calls::json_reply(entity_names(service_.model()))); }

  void schema(http_exchange& ex) const {
    const auto* e = entity_of(ex);
    if (e == nullptr) return;
    auto reply = calls::json_reply(json_schema(*e));
    reply.content_type = "application/schema+json";
    ex.answer(reply);
  }

  void list(http_exchange& ex) const {
    const auto* e = entity_of(ex);
    if (e == nullptr) return;
    service_.list(*e, query_of(ex), until(ex), page_to(ex));
  }

  void create(http_exchange& ex) const {
    const auto* e = entity_of(ex);
    if (e == nullptr || !has_json(ex, false)) return;
    service_.create(*e, ex.request().body, until(ex), [later = later_of(ex), e](answered<rows_answer> created) {
      if (!created) return later(reply_of(created.error()));
      if (created->many) return later(list_reply(*created));
      auto& row = created->rows.front();
      const auto place = "/v1/entities/" + e->path + "/" + std::to_string(row.id);
      auto reply = row_reply(201, std::move(row));
      reply.fields.emplace_back("Location", place);
      later(std::move(reply));
    });
  }

  void read(http_exchange& ex) const {
    const auto t = row_of(ex);
    if (t.entity == nullptr) return;
    request_conditions conditions;
    if (const auto bad = read_conditions(ex.request(), conditions); !bad) return ex.answer(problem_reply(bad.error()));
    const bool done = service_.read_now(*t.entity, t.id, ex.now(),
                                        [&](const cached_row& row) { write_row(ex.writer(), conditions, row); });
    if (!done) service_.read(*t.entity, t.id, until(ex), row_to(ex, std::move(conditions)));
  }

  void write(http_exchange& ex, entity_operation operation) const {
    const auto t = row_of(ex);
    if (t.entity == nullptr || !has_json(ex, operation == entity_operation::patch)) return;
    const auto rule = rule_of(ex);
    if (!rule) return;
    service_.write(*t.entity, {operation, t.id, *rule}, ex.request().body, until(ex), row_to(ex, {}));
  }

  void erase(http_exchange& ex) const {
    const auto t = row_of(ex);
    if (t.entity == nullptr) return;
    const auto rule = rule_of(ex);
    if (!rule) return;
    service_.erase(*t.entity, t.id, *rule, until(ex), [later = later_of(ex)](const answered<>& done) {
      if (!done) return later(reply_of(done.error()));
      http_reply reply;
      reply.status = 204;
      later(std::move(reply));
    });
  }

  void related(http_exchange& ex) const {
    const auto t = row_of(ex);
    if (t.entity == nullptr) return;
    const auto* relation = t.entity->find_relation(ex.request().parameters[2]);
    if (relation == nullptr) return ex.answer(plain_reply(404, "the entity has no such relation", "not-found"));
    if (relation->kind == relation_kind::has_many)
      return service_.list_related(*t.entity, {t.id, *relation}, query_of(ex), until(ex), page_to(ex));
    if (!ex.request().query.empty())
      return ex.answer(plain_reply(400, "a relation to one row takes no parameters", "bad-query"));
    request_conditions conditions;
    if (const auto bad = read_conditions(ex.request(), conditions); !bad) return ex.answer(problem_reply(bad.error()));
    service_.read_related(*t.entity, {t.id, *relation}, until(ex), row_to(ex, std::move(conditions)));
  }

 private:
  time_point until(const http_exchange& ex) const { return std::min(ex.now() + service_.deadline(), ex.deadline()); }
  http_later later_of(http_exchange& ex) const { return ex.later(until(ex) + answer_margin); }

  static query_pairs query_of(const http_exchange& ex) {
    return parse_query(ex.request().query).value_or(query_parameters{});  // the table has refused what cannot be read
  }

  // Null: it was answered.
  const entity_spec* entity_of(http_exchange& ex) const {
    const auto* e = service_.model().find(ex.request().parameters[0]);
    if (e == nullptr) ex.answer(plain_reply(404, "the model has no such entity", "not-found"));
    return e;
  }

  target row_of(http_exchange& ex) const {
    target t{entity_of(ex), 0};
    if (t.entity == nullptr) return t;
    const auto id = read_integer_text(ex.request().parameters[1]);
    if (id && *id > 0) return {t.entity, *id};
    ex.answer(plain_reply(404, "there is no such row: an id is a positive integer", "not-found"));
    return {};
  }

  static bool has_json(http_exchange& ex, bool patch) {
    if (is_json(ex.request().field("Content-Type"), patch)) return true;
    ex.answer(plain_reply(415,
                          patch ? "the body must be application/merge-patch+json or application/json"
                                : "the body must be application/json",
                          "unsupported-media-type"));
    return false;
  }

  // None: it was answered.
  static std::optional<version_rule> rule_of(http_exchange& ex) {
    request_conditions conditions;
    const auto read = read_conditions(ex.request(), conditions);
    const auto rule = read ? rule_for_write(conditions) : expected<write_rule>(tl::unexpected(read.error()));
    if (!rule) {
      ex.answer(problem_reply(rule.error()));
      return std::nullopt;
    }
    version_rule r;
    if (rule->never || rule->condition == write_condition::if_absent) r.absent = true;
    if (rule->condition == write_condition::if_version) r.version = static_cast<std::int64_t>(rule->version);
    return r;
  }

  entity_service::page_callback page_to(http_exchange& ex) const {
    return [later = later_of(ex)](answered<std::string> page) {
      later(page ? calls::json_reply(std::move(*page)) : reply_of(page.error()));
    };
  }

  entity_service::row_callback row_to(http_exchange& ex, request_conditions conditions) const {
    return [later = later_of(ex), conditions = std::move(conditions)](answered<row_answer> row) {
      if (!row) return later(reply_of(row.error()));
      const int status =
          conditions.any_given() ? conditions.status_of_read(static_cast<std::uint64_t>(row->version)) : 200;
      if (status == 412) return later(problem_reply(error{errc::condition_failed, {}}));
      later(row_reply(status, std::move(*row)));
    };
  }

  static http_reply list_reply(const rows_answer& rows) {
    std::string json = "{\"items\":[";
    for (const auto& row : rows.rows) json.append(&row == &rows.rows.front() ? "" : ",").append(row.json);
    return calls::json_reply(json + "]}\n", 201);
  }

  entity_service& service_;
};

const std::vector<std::pair<std::string, std::string>> list_parameters = {
    {"$limit", "rows of the page"},
    {"$offset", "rows that are passed over; slow when there are many, see $next"},
    {"$orderby", "a field, asc or desc after a blank: name desc"},
    {"$count", "true: with the number of all rows that the filters let through"},
    {"$next", "the token `next` of the page before"}};

const route_answer no_row = problem(404, "no such entity or row");
const route_answer bad = problem(400, "fields or parameters that are at fault, all of them in errors");
const route_answer not_held = problem(412, "the condition did not hold");
const route_answer taken = problem(409, "another row has a value that is unique");
const route_answer no_reference = problem(422, "a row that is referred to is missing, or others refer to this one");
const route_answer away = problem(503, "not done: try again after Retry-After");

// What a route is about: one entity, which may be off here, or what every model tells.
enum class subject : std::uint8_t { rows, model };

using door_handler = std::function<void(http_exchange&, const entity_door&)>;

http_route route_of(http_method method, std::string pattern, std::string summary, std::vector<route_answer> answers,
                    http_handler handler) {
  http_route route;
  route.method = method;
  route.pattern = std::move(pattern);
  route.summary = std::move(summary);
  route.answers = std::move(answers);
  route.takes_body = method == http_method::post || method == http_method::put || method == http_method::patch;
  route.handler = std::move(handler);
  return route;
}

}  // namespace

expected<void> add_entity_routes(http_routes& to, entity_service* entities,
                                 std::shared_ptr<entity_forwarder> forwarder) {
  const auto door = entities != nullptr ? std::make_shared<const entity_door>(*entities) : nullptr;
  const auto served = [door, forwarder](door_handler f, subject about = subject::rows) -> http_handler {
    return [door, forwarder, about, f = std::move(f)](http_exchange& ex) {
      const auto path = ex.request().parameters[0];
      if (door != nullptr && (about == subject::model || door->serves(path))) return f(ex, *door);
      if (forwarder != nullptr) return forwarder->forward(ex, about == subject::model ? std::string_view() : path);
      ex.answer(
          problem_reply(error{errc::unavailable, door != nullptr ? "the entity is off at this node"
                                                                 : "this node does not run the service entities"}));
    };
  };
  const std::string rows = "/v1/entities/{entity}";
  const std::string row = rows + "/{id}";
  const auto write = [&](entity_operation operation) {
    return served([operation](http_exchange& ex, const entity_door& d) { d.write(ex, operation); });
  };
  std::vector<http_route> routes;
  routes.push_back(route_of(http_method::get, "/v1/entities", "The entities of the model",
                            {ok(200, "a row each", "entities"), away},
                            served([](http_exchange& ex, const entity_door& d) { d.names(ex); }, subject::model)));
  routes.push_back(route_of(http_method::get, std::string(entity_schema_pattern), "The JSON Schema of an entity's rows",
                            {{200, "the schema", "application/schema+json", ""}, no_row, away},
                            served([](http_exchange& ex, const entity_door& d) { d.schema(ex); }, subject::model)));
  routes.push_back(route_of(http_method::get, rows, "A page of rows; filters are FIELD=OPERATOR:VALUE",
                            {ok(200, "the rows, and a token when there are more", "rows"), bad, no_row, away},
                            served([](http_exchange& ex, const entity_door& d) { d.list(ex); })));
  routes.back().query = list_parameters;
  routes.back().any_query = true;
  routes.push_back(route_of(
      http_method::post, rows, "Creates a row, or all rows of a list in one transaction",
      {ok(201, "the row, with Location and ETag; or {\"items\": [...]}", ""), bad, no_row, taken, no_reference, away},
      served([](http_exchange& ex, const entity_door& d) { d.create(ex); })));
  routes.push_back(route_of(
      http_method::get, row, "Reads a row",
      {ok(200, "the row; ETag is its version", ""), {304, "it still has that version", "", ""}, no_row, not_held, away},
      served([](http_exchange& ex, const entity_door& d) { d.read(ex); })));
  routes.push_back(route_of(http_method::put, row, "Replaces all fields of a row",
                            {ok(200, "the row", ""), bad, no_row, taken, not_held, no_reference, away},
                            write(entity_operation::replace)));
  routes.push_back(route_of(http_method::patch, row, "Changes some fields of a row (JSON merge patch)",
                            {ok(200, "the row", ""), bad, no_row, taken, not_held, no_reference, away},
                            write(entity_operation::patch)));
  routes.push_back(route_of(http_method::erase, row, "Removes a row",
                            {{204, "removed", "", ""}, no_row, not_held, no_reference, away},
                            served([](http_exchange& ex, const entity_door& d) { d.erase(ex); })));
  routes.push_back(route_of(http_method::get, row + "/{relation}",
                            "The rows, or the row, on the other side of a relation",
                            {ok(200, "a page of rows, or the row", ""), bad, no_row, away},
                            served([](http_exchange& ex, const entity_door& d) { d.related(ex); })));
  routes.back().query = list_parameters;
  routes.back().any_query = true;
  for (auto& route : routes) {
    if (auto added = to.add(std::move(route)); !added) return added;
  }
  return {};
}

expected<void> add_entity_switch_route(http_routes& to, entity_service* entities) {
  http_route route;
  route.method = http_method::put;
  route.pattern = "/v1/services/entities/{entity}";
  route.summary = "Serves an entity here, or no more: then its requests are forwarded. Until the node restarts";
  route.query = {{"state", "on or off"}};
  route.admin = true;
  route.answers = {{204, "so it is, and the other members know", "", ""}, bad, no_row, away};
  route.handler = [entities](http_exchange& ex) {
    if (entities == nullptr)
      return ex.answer(problem_reply(error{errc::unavailable, "this node does not run the service entities"}));
    const auto state = calls::value_of(ex.request(), "state");
    if (state != "on" && state != "off") return ex.answer(plain_reply(400, "state must be on or off", "bad-query"));
    auto done = [later = ex.later(ex.now() + calls::call_deadline)](const expected<void>& turned) {
      http_reply reply;
      reply.status = 204;
      later(turned ? std::move(reply) : problem_reply(turned.error()));
    };
    entities->turn(std::string(ex.request().parameters[0]), state == "on", std::move(done));
  };
  return to.add(std::move(route));
}

}  // namespace troupe
