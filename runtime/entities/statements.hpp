// SQL for single rows of an entity: the same text for both databases, names in quotes, every value a parameter ($1).
// A statement that returns a row returns id, _version and the stored properties in the model's order.
#pragma once

#include <string>
#include <vector>

#include <troupe/database.hpp>
#include <troupe/entities.hpp>

#include "runtime/entities/model.hpp"

namespace troupe {

/// A statement before it is prepared.
struct sql_text {
  std::string text;
  sql_row values;
};

/// `"name"`; names of a model need no escapes.
[[nodiscard]] std::string in_quotes_sql(std::string_view name);

/// `"id", "_version", "name", ...`
[[nodiscard]] std::string row_columns(const entity_spec& e);

[[nodiscard]] std::string select_row(const entity_spec& e);                   // id
[[nodiscard]] std::string select_version(const entity_spec& e);               // id
[[nodiscard]] std::string insert_row(const entity_spec& e);                   // the stored properties
[[nodiscard]] std::string delete_row(const entity_spec& e, bool of_version);  // id[, version]

/// Sets `columns`, raises the version; parameters: the columns, id[, version]. No row: it is not there, or it has
/// another version.
[[nodiscard]] std::string update_row(const entity_spec& e, const std::vector<std::string>& columns, bool of_version);

/// The stored ones of `fields` in the model's order: all for insert_row, those of a patch for update_row.
[[nodiscard]] std::vector<std::string> stored_columns(const entity_spec& e, const entity_fields& fields);
[[nodiscard]] sql_row stored_values(const entity_spec& e, const entity_fields& fields);

}  // namespace troupe
