// Which fields a violated constraint is about, read from what the database says: the index or key that it names
// (PostgreSQL), or the columns (SQLite). What it says besides stays here.
#pragma once

#include "runtime/entities/model.hpp"
#include "runtime/entities/row_refusal.hpp"

namespace troupe {

enum class entity_write : std::uint8_t { store, erase };

/// already_exists and missing_reference with their fields; any other code with a sentence of ours.
[[nodiscard]] row_refusal refusal_of(const entity_spec& e, entity_write write, const error& why);

}  // namespace troupe
