#include <algorithm>
#include <array>
#include <cmath>

#include <troupe/sql_value.hpp>

namespace troupe {
namespace {

constexpr std::array<std::string_view, 6> names{"null", "bool", "int64", "double", "text", "blob"};
constexpr std::int64_t exact_in_double = std::int64_t{1} << 53;

tl::unexpected<error> is_not(const sql_value& v, std::string_view wanted) {
  return fail(errc::invalid_argument, "is " + std::string(type_name(v)) + ", not " + std::string(wanted));
}

template <class T>
expected<void> read_exactly(const sql_value& v, T& into, std::string_view wanted) {
  const auto* held = std::get_if<T>(&v);
  if (held == nullptr) return is_not(v, wanted);
  into = *held;
  return {};
}

}  // namespace

std::string_view type_name(const sql_value& v) noexcept { return names[v.index()]; }

expected<void> read_sql(const sql_value& v, bool& into) {
  if (const auto* number = std::get_if<std::int64_t>(&v); number != nullptr && (*number == 0 || *number == 1)) {
    into = *number == 1;
    return {};
  }
  return read_exactly(v, into, "bool");
}

expected<void> read_sql(const sql_value& v, std::int64_t& into) { return read_exactly(v, into, "int64"); }

expected<void> read_sql(const sql_value& v, double& into) {
  if (const auto* number = std::get_if<std::int64_t>(&v); number != nullptr) {
    if (*number > exact_in_double || *number < -exact_in_double)
      return fail(errc::invalid_argument, "is an int64 that no double holds exactly");
    into = static_cast<double>(*number);
    return {};
  }
  return read_exactly(v, into, "double");
}

expected<void> read_sql(const sql_value& v, std::string& into) { return read_exactly(v, into, "text"); }
expected<void> read_sql(const sql_value& v, blob& into) { return read_exactly(v, into, "blob"); }

std::optional<std::size_t> sql_result::column_of(std::string_view name) const noexcept {
  if (!columns) return std::nullopt;
  const auto found = std::find(columns->begin(), columns->end(), name);
  if (found == columns->end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns->begin());
}

const sql_value* sql_result::at(std::size_t row, std::size_t column) const noexcept {
  return row < rows.size() && column < rows[row].size() ? &rows[row][column] : nullptr;
}

std::string sql_result::no_such(std::size_t row, std::size_t column) const {
  if (row >= rows.size()) return "no row " + std::to_string(row) + " of " + std::to_string(rows.size());
  return "no column " + std::to_string(column) + " of " + std::to_string(rows[row].size());
}

std::string sql_result::wrong(std::size_t column, const error& e) const {
  const bool named = columns && column < columns->size();
  return "column " + (named ? (*columns)[column] : std::to_string(column)) + " " + e.context;
}

}  // namespace troupe
