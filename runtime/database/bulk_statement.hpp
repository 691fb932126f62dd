// The statements of a bulk insert: names in quotes, never values.
#pragma once

#include <cstdint>
#include <string>

#include <troupe/database.hpp>

namespace troupe {

/// `"books"`, quotes inside doubled. errc::invalid_argument for a name that is empty, too long or holds a NUL.
[[nodiscard]] expected<std::string> quoted_name(std::string_view name);

/// insert into "t"("a", "b") values(?1, ?2)
[[nodiscard]] expected<std::string> insert_text(const bulk_target& into, sql_dialect dialect);

/// copy "t"("a", "b") from stdin
[[nodiscard]] expected<std::string> copy_text(const bulk_target& into);

/// A row in COPY's text format, with its line end, appended. errc::invalid_argument for text with a zero byte.
[[nodiscard]] expected<void> append_copy_row(std::string& to, const sql_row& row);

/// errc::invalid_argument for a row with another number of values.
[[nodiscard]] expected<void> check_bulk_row(const bulk_target& into, const sql_row& row, std::uint64_t number);

/// The error with the number of the row, counted from 1.
[[nodiscard]] error bulk_error(const error& e, std::uint64_t rows_before);

}  // namespace troupe
