#include "runtime/entities/fields.hpp"

#include <cmath>
#include <limits>

#include "runtime/entities/formats.hpp"
#include "runtime/entities/json_text.hpp"

namespace troupe {
namespace {

std::string shown(std::string_view name) {
  constexpr std::size_t most = 64;
  return name.size() <= most ? std::string(name) : std::string(name.substr(0, most)) + "...";
}

void add(std::vector<std::string>& faults, std::string_view place, std::string_view field, const std::string& what) {
  if (faults.size() == field_faults_max) return;
  faults.push_back(std::string(place) + shown(field) + ": " + what);
}

std::string must_be(value_kind kind) {
  switch (kind) {
    case value_kind::text: return "must be text";
    case value_kind::boolean: return "must be true or false";
    case value_kind::integer: return "must be an integer";
    case value_kind::real: return "must be a number";
  }
  return {};
}

std::string range_of(const property_spec& p) {
  return "must be from " + std::to_string(p.lowest) + " to " + std::to_string(p.highest);
}

constexpr auto integer_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

// A field's value; a fault for what no value can hold.
void read_value(const entity_spec& e, const std::string& field, const ordered_json& v, std::string_view place,
                entity_fields& to, std::vector<std::string>& faults) {
  const auto* p = e.find(field);
  if (p == nullptr && field != id_field) return add(faults, place, field, "there is no such field");
  if (v.is_null())
    to[field] = std::monostate{};
  else if (v.is_boolean())
    to[field] = v.get<bool>();
  else if (v.is_string())
    to[field] = v.get<std::string>();
  else if (v.is_number_float())
    to[field] = v.get<double>();
  else if (v.is_number_unsigned() && v.get<std::uint64_t>() > integer_max && p != nullptr &&
           p->kind == value_kind::real)
    to[field] = v.get<double>();
  else if (v.is_number_unsigned() && v.get<std::uint64_t>() > integer_max)
    add(faults, place, field,
        p == nullptr || p->kind != value_kind::integer ? must_be(p ? p->kind : value_kind::integer) : range_of(*p));
  else if (v.is_number())
    to[field] = v.get<std::int64_t>();
  else
    add(faults, place, field, must_be(p != nullptr ? p->kind : value_kind::integer) + ", is " + type_words(v));
}

void read_object(const entity_spec& e, const ordered_json& object, std::string_view place, entity_fields& to,
                 std::vector<std::string>& faults) {
  for (const auto& [field, v] : object.items()) read_value(e, field, v, place, to, faults);
}

// Empty: it is good.
std::string fault_of(const property_spec& p, sql_value& v) {
  if (std::holds_alternative<std::monostate>(v)) return p.required ? "is required" : "";
  if (p.kind == value_kind::real && std::holds_alternative<std::int64_t>(v))
    v = static_cast<double>(std::get<std::int64_t>(v));
  switch (p.kind) {
    case value_kind::text: {
      const auto* text = std::get_if<std::string>(&v);
      if (text == nullptr) return must_be(p.kind);
      if (!is_storable_text(*text)) return "must be UTF-8 without a zero character";
      return has_format(*text, p.format) ? "" : "must be of the format " + p.format;
    }
    case value_kind::boolean: return std::holds_alternative<bool>(v) ? "" : must_be(p.kind);
    case value_kind::integer: {
      const auto* n = std::get_if<std::int64_t>(&v);
      if (n == nullptr) return must_be(p.kind);
      return *n >= p.lowest && *n <= p.highest ? "" : range_of(p);
    }
    case value_kind::real: {
      const auto* d = std::get_if<double>(&v);
      if (d == nullptr || !std::isfinite(*d)) return must_be(p.kind);
      return p.single && std::abs(*d) > std::numeric_limits<float>::max() ? "is too large for a float32" : "";
    }
  }
  return {};
}

tl::unexpected<row_refusal> bad_body(std::string detail) { return refuse(errc::invalid_argument, std::move(detail)); }

}  // namespace

answered<sent_rows> read_fields(const entity_spec& e, std::string_view json, std::size_t rows_max) {
  auto root = read_json(json);
  if (!root) return bad_body(root.error().context);
  sent_rows sent;
  std::vector<std::string> faults;
  if (root->is_object()) {
    read_object(e, *root, {}, sent.rows.emplace_back(), faults);
  } else if (root->is_array() && rows_max > 0) {
    sent.many = true;
    if (root->empty()) return bad_body("the list is empty");
    if (root->size() > rows_max)
      return refuse(errc::too_large, "the list has more than " + std::to_string(rows_max) + " rows");
    for (std::size_t i = 0; i < root->size(); ++i) {
      const auto place = "[" + std::to_string(i) + "].";
      auto& fields = sent.rows.emplace_back();
      if ((*root)[i].is_object())
        read_object(e, (*root)[i], place, fields, faults);
      else
        add(faults, "", "[" + std::to_string(i) + "]", "must be an object, is " + type_words((*root)[i]));
    }
  } else {
    return bad_body("the body must be " + std::string(rows_max > 0 ? "an object or a list of them" : "an object") +
                    ", is " + type_words(*root));
  }
  for (std::size_t i = 0; i < sent.rows.size(); ++i) {
    if (sent.rows[i].count(std::string(id_field)) == 0) continue;
    add(faults, sent.many ? "[" + std::to_string(i) + "]." : "", id_field, "is given by the database");
  }
  if (!faults.empty()) return refuse(errc::invalid_argument, "some fields are at fault", std::move(faults));
  return sent;
}

answered<entity_fields> read_fields_of(const entity_spec& e, std::string_view json, std::int64_t id) {
  auto root = read_json(json);
  if (!root) return bad_body(root.error().context);
  if (!root->is_object()) return bad_body("the body must be an object, is " + type_words(*root));
  entity_fields fields;
  std::vector<std::string> faults;
  read_object(e, *root, {}, fields, faults);
  if (const auto given = fields.find(std::string(id_field)); given != fields.end()) {
    if (given->second != sql_value(id)) add(faults, {}, id_field, "cannot be changed, is " + std::to_string(id));
    fields.erase(given);
  }
  if (!faults.empty()) return refuse(errc::invalid_argument, "some fields are at fault", std::move(faults));
  return fields;
}

void check_fields(const entity_spec& e, entity_operation operation, entity_fields& fields, std::string_view place,
                  std::vector<std::string>& faults) {
  for (const auto& [field, unused] : fields) {
    if (e.find(field) == nullptr) add(faults, place, field, "there is no such field");
  }
  for (const auto& p : e.properties) {
    auto given = fields.find(p.field);
    if (given == fields.end()) {
      if (operation == entity_operation::patch) continue;
      given = fields.emplace(p.field, p.fallback.value_or(std::monostate{})).first;
    }
    if (auto fault = fault_of(p, given->second); !fault.empty()) add(faults, place, p.field, fault);
  }
}

}  // namespace troupe
