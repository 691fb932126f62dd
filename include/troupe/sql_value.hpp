// What goes into a statement and what comes out of it, the same for every database: a value is null, bool, int64,
// double, text or bytes. Types that a database has beyond these (times, numerics, uuids, JSON) are text.
//
// Access is typed and never throws: a value of another type is an error that names the column. SQLite has no bool:
// 0 and 1 read as one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <troupe/error.hpp>

namespace troupe {

struct blob {
  std::string bytes;
  bool operator==(const blob&) const = default;
};

/// A parameter or a column. Text is UTF-8 without a zero byte.
using sql_value = std::variant<std::monostate, bool, std::int64_t, double, std::string, blob>;
using sql_row = std::vector<sql_value>;
using sql_columns = std::vector<std::string>;

/// "null", "bool", "int64", "double", "text" or "blob".
[[nodiscard]] std::string_view type_name(const sql_value& v) noexcept;

/// errc::invalid_argument, "it is text, not int64", for another type and for a number that does not fit.
[[nodiscard]] expected<void> read_sql(const sql_value& v, bool& into);
[[nodiscard]] expected<void> read_sql(const sql_value& v, std::int64_t& into);
[[nodiscard]] expected<void> read_sql(const sql_value& v, double& into);
[[nodiscard]] expected<void> read_sql(const sql_value& v, std::string& into);
[[nodiscard]] expected<void> read_sql(const sql_value& v, blob& into);

template <class T>
[[nodiscard]] expected<void> read_sql(const sql_value& v, std::optional<T>& into) {
  into.reset();
  if (std::holds_alternative<std::monostate>(v)) return {};
  return read_sql(v, into.emplace());
}

/// The rows that a statement returned and the number of rows that it changed.
struct sql_result {
  std::shared_ptr<const sql_columns> columns;  // their names; may be null without rows
  std::vector<sql_row> rows;
  std::uint64_t changed = 0;  // inserted, updated or deleted

  [[nodiscard]] bool empty() const noexcept { return rows.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return rows.size(); }

  /// The value in a row. T: bool, std::int64_t, double, std::string, blob, or std::optional of one for what may be
  /// null. errc::not_found without such a row or column, errc::invalid_argument for another type.
  template <class T>
  [[nodiscard]] expected<T> get(std::size_t row, std::size_t column) const {
    const auto* v = at(row, column);
    if (v == nullptr) return fail(errc::not_found, no_such(row, column));
    T value{};
    if (auto read = read_sql(*v, value); !read) return fail(read.error().code, wrong(column, read.error()));
    return value;
  }
  template <class T>
  [[nodiscard]] expected<T> get(std::size_t row, std::string_view column) const {
    const auto index = column_of(column);
    if (!index) return fail(errc::not_found, "no column '" + std::string(column) + "'");
    return get<T>(row, *index);
  }

  [[nodiscard]] std::optional<std::size_t> column_of(std::string_view name) const noexcept;

 private:
  [[nodiscard]] const sql_value* at(std::size_t row, std::size_t column) const noexcept;
  [[nodiscard]] std::string no_such(std::size_t row, std::size_t column) const;
  [[nodiscard]] std::string wrong(std::size_t column, const error& e) const;
};

}  // namespace troupe
