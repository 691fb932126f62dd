// The JSON Schema (2020-12) of an entity's rows.
#pragma once

#include <string>

#include "runtime/entities/model.hpp"

namespace troupe {

[[nodiscard]] std::string json_schema(const entity_spec& e);

/// {"entities": [{"name": ..., "type_name": ..., "href": ..., "schema": ..., "relations": [...]}]}
[[nodiscard]] std::string entity_names(const entity_model& model);

}  // namespace troupe
