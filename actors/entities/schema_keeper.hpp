// Brings the tables of a model into its namespace: asks the database what it has, plans (runtime/entities/schema_plan),
// and makes what is missing in one transaction, at the leader where nodes share the database.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <troupe/fenced.hpp>

#include "actors/log.hpp"
#include "runtime/entities/model.hpp"
#include "runtime/services/database_driver.hpp"

namespace troupe {

/// What is always there: the table of items that the plan starts from.
[[nodiscard]] const std::vector<migration>& entity_migrations();

struct wanted_schema {
  const entity_model& model;
  sql_dialect dialect;
  bool notices;  // see plan_schema
};
/// Runs after the migrations. errc::bad_config for a change that cannot be made, unavailable when the leader has to
/// make it first, stale_term when a later leader has been there.
[[nodiscard]] expected<void> keep_schema(const wanted_schema& wanted, database_session& session,
                                         const std::optional<fenced>& right, event_log& log);

}  // namespace troupe
