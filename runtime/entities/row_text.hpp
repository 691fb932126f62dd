// Rows on their way out: a result of the statements in statements.hpp as typed values, then as JSON in the model's
// order. Reals are written with the digits that read back to the same number.
#pragma once

#include <cstdint>
#include <string>

#include <troupe/entities.hpp>

#include "runtime/entities/model.hpp"

namespace troupe {

struct entity_row {
  std::int64_t id = 0;
  std::int64_t version = 0;
  entity_fields fields;
};

/// `values`: id, _version and the stored properties in order. errc::corrupt when one is of another type.
[[nodiscard]] expected<entity_row> read_row(const entity_spec& e, const sql_row& values);

/// {"id": 1, "name": "..."}; properties that are not stored only when they are there.
void append_row(const entity_spec& e, const entity_row& row, std::string& to);

}  // namespace troupe
