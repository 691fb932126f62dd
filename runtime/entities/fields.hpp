// Rows as clients send them: JSON into typed fields, and the model's rules on them. All faults are told at once, each
// with its field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <troupe/entities.hpp>

#include "runtime/entities/model.hpp"
#include "runtime/entities/row_refusal.hpp"

namespace troupe {

struct sent_rows {
  std::vector<entity_fields> rows;
  bool many = false;  // a list was sent
};

/// One JSON object, or with `rows_max` above 0 also a list of 1 to so many. Integers are read as such; what fits no
/// type of a field is at fault here, the rest in check_fields.
[[nodiscard]] answered<sent_rows> read_fields(const entity_spec& e, std::string_view json, std::size_t rows_max);

/// One object for the row `id`: it may name that id.
[[nodiscard]] answered<entity_fields> read_fields_of(const entity_spec& e, std::string_view json, std::int64_t id);

/// The model's rules. Fields that are not given get their default, or null; those of a patch stay away. Numbers become
/// those of the property's kind. `place`: in front of each fault, for rows of a list.
void check_fields(const entity_spec& e, entity_operation operation, entity_fields& fields, std::string_view place,
                  std::vector<std::string>& faults);

inline constexpr std::size_t field_faults_max = 100;

}  // namespace troupe
