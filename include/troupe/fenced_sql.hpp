// The fence inside a database: statements that change a row only if no later leader has written it.
//
// The table has two more columns: fence_term bigint not null default 0, fence_leader text not null default ''.
// The text holds names alone; all values are parameters, in this order: one for each of `set`, one for each of `key`,
// the term as a number, the leader's id as text (sql_values). A statement that changes no row found none, or one that
// a later leader has written: fenced_outcome says so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/fenced.hpp>

namespace troupe {

/// How parameters are written: ?1 or $1.
enum class sql_dialect : std::uint8_t { sqlite, postgres };

struct fenced_row {
  std::string table;             // "jobs" or "schema.jobs"
  std::vector<std::string> set;  // columns that get new values
  std::vector<std::string> key;  // columns whose values name the row
  std::string term_column = "fence_term";
  std::string leader_column = "fence_leader";
};

inline constexpr std::size_t fenced_columns_max = 64;
inline constexpr std::size_t sql_name_bytes_max = 63;  // PostgreSQL cuts longer ones

/// `update ... where ... and term <= ours`. errc::invalid_argument for names that are empty, too long, twice there or
/// hold a NUL; errc::too_large for too many columns.
[[nodiscard]] expected<std::string> fenced_update(sql_dialect dialect, const fenced_row& row);

/// The same, or a new row. `key` is what a unique index of the table stands on.
[[nodiscard]] expected<std::string> fenced_upsert(sql_dialect dialect, const fenced_row& row);

struct fenced_sql_values {
  std::int64_t term = 0;
  std::string leader;
};
/// The last two parameters.
[[nodiscard]] fenced_sql_values sql_values(const fenced& token);

/// errc::stale_term when no row was changed.
[[nodiscard]] expected<void> fenced_outcome(std::uint64_t rows_changed);

}  // namespace troupe
