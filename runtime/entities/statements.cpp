#include "runtime/entities/statements.hpp"

namespace troupe {
namespace {

std::string parameter(std::size_t number) { return "$" + std::to_string(number); }

}  // namespace

std::string in_quotes_sql(std::string_view name) { return "\"" + std::string(name) + "\""; }

std::string row_columns(const entity_spec& e) {
  std::string text = in_quotes_sql(id_field) + ", " + in_quotes_sql(version_column);
  for (const auto& p : e.properties) {
    if (p.stored) text += ", " + in_quotes_sql(p.field);
  }
  return text;
}

std::string select_row(const entity_spec& e) {
  return "select " + row_columns(e) + " from " + in_quotes_sql(e.table) + " where \"id\" = $1";
}

std::string select_version(const entity_spec& e) {
  return "select \"_version\" from " + in_quotes_sql(e.table) + " where \"id\" = $1";
}

std::string insert_row(const entity_spec& e) {
  std::string columns;
  std::string values;
  std::size_t number = 0;
  for (const auto& p : e.properties) {
    if (!p.stored) continue;
    columns.append(columns.empty() ? "" : ", ").append(in_quotes_sql(p.field));
    values.append(values.empty() ? "" : ", ").append(parameter(++number));
  }
  const auto what = columns.empty() ? std::string(" default values") : "(" + columns + ") values(" + values + ")";
  return "insert into " + in_quotes_sql(e.table) + what + " returning " + row_columns(e);
}

std::string delete_row(const entity_spec& e, bool of_version) {
  return "delete from " + in_quotes_sql(e.table) + " where \"id\" = $1" + (of_version ? " and \"_version\" = $2" : "");
}

std::string update_row(const entity_spec& e, const std::vector<std::string>& columns, bool of_version) {
  std::string text = "update " + in_quotes_sql(e.table) + " set ";
  std::size_t number = 0;
  for (const auto& c : columns) text += in_quotes_sql(c) + " = " + parameter(++number) + ", ";
  text += "\"_version\" = \"_version\" + 1 where \"id\" = " + parameter(++number);
  if (of_version) text += " and \"_version\" = " + parameter(++number);
  return text + " returning " + row_columns(e);
}

std::vector<std::string> stored_columns(const entity_spec& e, const entity_fields& fields) {
  std::vector<std::string> columns;
  for (const auto& p : e.properties) {
    if (p.stored && fields.count(p.field) != 0) columns.push_back(p.field);
  }
  return columns;
}

sql_row stored_values(const entity_spec& e, const entity_fields& fields) {
  sql_row values;
  for (const auto& p : e.properties) {
    const auto found = fields.find(p.field);
    if (p.stored && found != fields.end()) values.push_back(found->second);
  }
  return values;
}

}  // namespace troupe
