#include "runtime/entities/row_text.hpp"

#include <charconv>
#include <cmath>

#include "runtime/entities/json_text.hpp"

namespace troupe {
namespace {

// As the property's kind, where a database has no such type of its own (SQLite: bool).
expected<sql_value> as_kind(const property_spec& p, const sql_value& v) {
  if (std::holds_alternative<std::monostate>(v)) return v;
  const auto read = [&](auto value) -> expected<sql_value> {
    if (auto done = read_sql(v, value); !done) return fail(errc::corrupt, p.field + ": " + done.error().context);
    return sql_value(std::move(value));
  };
  switch (p.kind) {
    case value_kind::text: return read(std::string());
    case value_kind::boolean: return read(false);
    case value_kind::integer: return read(std::int64_t{0});
    case value_kind::real: return read(0.0);
  }
  return v;
}

struct json_writer {
  std::string& to;
  void operator()(std::monostate) const { to += "null"; }
  void operator()(bool v) const { to += v ? "true" : "false"; }
  void operator()(std::int64_t v) const { to += std::to_string(v); }
  void operator()(double v) const {
    if (!std::isfinite(v)) {
      to += "null";
      return;
    }
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, v).ptr;
    to.append(text, end);
  }
  void operator()(const std::string& v) const { append_json_string(to, v); }
  void operator()(const blob&) const { to += "null"; }
};

}  // namespace

expected<entity_row> read_row(const entity_spec& e, const sql_row& values) {
  entity_row row;
  if (values.size() < 2 || !read_sql(values[0], row.id) || !read_sql(values[1], row.version))
    return fail(errc::corrupt, "a row of " + e.table + " has no id and version");
  std::size_t next = 2;
  for (const auto& p : e.properties) {
    if (!p.stored) continue;
    if (next == values.size()) return fail(errc::corrupt, "a row of " + e.table + " lacks " + p.field);
    auto v = as_kind(p, values[next++]);
    if (!v) return tl::unexpected(std::move(v.error()));
    row.fields.emplace(p.field, std::move(*v));
  }
  return row;
}

void append_row(const entity_spec& e, const entity_row& row, std::string& to) {
  to += "{\"id\":" + std::to_string(row.id);
  for (const auto& p : e.properties) {
    const auto found = row.fields.find(p.field);
    if (found == row.fields.end()) continue;
    to.append(",\"").append(p.field).append("\":");
    std::visit(json_writer{to}, found->second);
  }
  to += '}';
}

}  // namespace troupe
