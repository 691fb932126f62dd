#include "runtime/entities/json_schema.hpp"

#include "runtime/entities/json_text.hpp"

namespace troupe {
namespace {

ordered_json value_of(const sql_value& v) {
  if (const auto* b = std::get_if<bool>(&v)) return *b;
  if (const auto* n = std::get_if<std::int64_t>(&v)) return *n;
  if (const auto* d = std::get_if<double>(&v)) return *d;
  if (const auto* s = std::get_if<std::string>(&v)) return *s;
  return nullptr;
}

const char* type_of(value_kind kind) {
  switch (kind) {
    case value_kind::text: return "string";
    case value_kind::boolean: return "boolean";
    case value_kind::integer: return "integer";
    case value_kind::real: return "number";
  }
  return "null";
}

ordered_json schema_of(const property_spec& p) {
  ordered_json s = ordered_json::object();
  if (p.required)
    s["type"] = type_of(p.kind);
  else
    s["type"] = {type_of(p.kind), "null"};
  if (p.kind == value_kind::integer) {
    s["minimum"] = p.lowest;
    s["maximum"] = p.highest;
  }
  if (!p.format.empty()) s["format"] = p.format;
  if (p.fallback) s["default"] = value_of(*p.fallback);
  if (!p.stored) s["description"] = "not stored";
  return s;
}

}  // namespace

std::string json_schema(const entity_spec& e) {
  ordered_json properties = ordered_json::object();
  properties[std::string(id_field)] = {{"type", "integer"}, {"readOnly", true}};
  ordered_json required = ordered_json::array();
  for (const auto& p : e.properties) {
    properties[p.field] = schema_of(p);
    if (p.required && !p.fallback) required.push_back(p.field);
  }
  ordered_json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                         {"$id", "/v1/entities/" + e.path + "/schema"},
                         {"title", e.type_name},
                         {"type", "object"},
                         {"properties", std::move(properties)},
                         {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema.dump(2) + "\n";
}

std::string entity_names(const entity_model& model) {
  ordered_json rows = ordered_json::array();
  for (const auto& e : model.entities) {
    ordered_json relations = ordered_json::array();
    for (const auto& r : e.relations)
      relations.push_back({{"name", r.paths.back()}, {"entity", model.entities[r.target].path}});
    rows.push_back({{"name", e.path},
                    {"type_name", e.type_name},
                    {"href", "/v1/entities/" + e.path},
                    {"schema", "/v1/entities/" + e.path + "/schema"},
                    {"relations", std::move(relations)}});
  }
  return ordered_json{{"entities", std::move(rows)}}.dump() + "\n";
}

}  // namespace troupe
