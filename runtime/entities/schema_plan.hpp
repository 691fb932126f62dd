// From a model to tables, forward only: what the database has is known as a list of items (kept in the table
// troupe_entities), what the model wants is another, and the plan is the statements for what is missing.
//
//   item                         shape                 missing               another shape
//   table library                                      create table
//   column library.name          text                  alter table add       refused: the type changed
//   index library_name_ix        library(name)         create [unique] index (the name tells columns and kind)
//   reference book.library_id    library.id            foreign key           refused
//   notices book                 entities:rows         triggers              refused
//
// What a newer model no longer has stays as it is: nothing is ever dropped.
#pragma once

#include <string>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/fenced_sql.hpp>

#include "runtime/entities/model.hpp"

namespace troupe {

struct schema_item {
  std::string item;
  std::string shape;
  bool operator==(const schema_item&) const = default;
};

struct schema_step {
  std::string statement;
  std::string what;  // the item, for a fault
};

struct schema_plan {
  std::vector<schema_step> steps;
  std::vector<schema_item> added;  // to be noted with the steps, in one transaction
  std::vector<std::string> stays;  // items that the model does not have
};

/// Where a table's triggers tell of changed rows: the channel as the server knows it. The payload is "book/7", or
/// "book/" for all rows of the table.
inline constexpr std::string_view row_notices_channel = "rows";
inline constexpr std::string_view row_notices_name = "entities:rows";

/// `notices`: every table tells of its changes (PostgreSQL). errc::bad_config with every change that cannot be made.
[[nodiscard]] expected<schema_plan> plan_schema(const entity_model& model, sql_dialect dialect,
                                                const std::vector<schema_item>& present, bool notices = false);

/// The indices of an entity as the plan names them: the property's own, then the composite ones.
struct named_index {
  std::string name;
  std::vector<std::string> fields;
  bool unique = false;
};
[[nodiscard]] std::vector<named_index> indices_of(const entity_spec& e);

/// The name of the foreign key of a field.
[[nodiscard]] std::string reference_name(const entity_spec& e, const property_spec& p);

}  // namespace troupe
