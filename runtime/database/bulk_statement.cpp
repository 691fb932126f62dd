#include "runtime/database/bulk_statement.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

namespace troupe {
namespace {

constexpr std::size_t bulk_columns_max = 256;

expected<std::string> target_text(const bulk_target& into) {
  if (into.columns.empty() || into.columns.size() > bulk_columns_max)
    return fail(errc::invalid_argument, "a bulk insert has 1 to " + std::to_string(bulk_columns_max) + " columns");
  auto text = quoted_name(into.table);
  if (!text) return text;
  for (std::size_t i = 0; i < into.columns.size(); ++i) {
    const auto column = quoted_name(into.columns[i]);
    if (!column) return column;
    text->append(i == 0 ? "(" : ", ").append(*column);
  }
  text->append(")");
  return text;
}

std::string number_text(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "Infinity" : "-Infinity";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

void append_escaped(std::string& to, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\\': to += "\\\\"; break;
      case '\t': to += "\\t"; break;
      case '\n': to += "\\n"; break;
      case '\r': to += "\\r"; break;
      default: to += c;
    }
  }
}

void append_hex(std::string& to, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  to += "\\\\x";
  for (const char c : bytes) {
    to += digits[static_cast<unsigned char>(c) >> 4U];
    to += digits[static_cast<unsigned char>(c) & 15U];
  }
}

struct copy_writer {
  std::string& to;
  void operator()(std::monostate) const { to += "\\N"; }
  void operator()(bool v) const { to += v ? 't' : 'f'; }
  void operator()(std::int64_t v) const { to += std::to_string(v); }
  void operator()(double v) const { to += number_text(v); }
  void operator()(const std::string& v) const { append_escaped(to, v); }
  void operator()(const blob& v) const { append_hex(to, v.bytes); }
};

}  // namespace

expected<std::string> quoted_name(std::string_view name) {
  if (name.empty() || name.size() > sql_name_bytes_max || name.find('\0') != name.npos)
    return fail(errc::invalid_argument, "the name of a table or column");
  std::string text = "\"";
  for (const char c : name) text.append(c == '"' ? 2 : 1, c);
  return text + "\"";
}

expected<std::string> insert_text(const bulk_target& into, sql_dialect dialect) {
  auto target = target_text(into);
  if (!target) return target;
  std::string text = "insert into " + *target + " values(";
  for (std::size_t i = 1; i <= into.columns.size(); ++i) {
    text.append(i == 1 ? "" : ", ").append(dialect == sql_dialect::sqlite ? "?" : "$").append(std::to_string(i));
  }
  return text + ")";
}

expected<std::string> copy_text(const bulk_target& into) {
  auto target = target_text(into);
  if (!target) return target;
  return "copy " + *target + " from stdin";
}

expected<void> append_copy_row(std::string& to, const sql_row& row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (const auto* text = std::get_if<std::string>(&row[i]); text != nullptr && text->find('\0') != text->npos)
      return fail(errc::invalid_argument, "text with a zero byte");
    if (i > 0) to += '\t';
    std::visit(copy_writer{to}, row[i]);
  }
  to += '\n';
  return {};
}

expected<void> check_bulk_row(const bulk_target& into, const sql_row& row, std::uint64_t number) {
  if (row.size() == into.columns.size()) return {};
  return fail(errc::invalid_argument, "row " + std::to_string(number + 1) + " has " + std::to_string(row.size()) +
                                          " values for " + std::to_string(into.columns.size()) + " columns");
}

error bulk_error(const error& e, std::uint64_t rows_before) {
  return {e.code, "row " + std::to_string(rows_before + 1) + ": " + e.context};
}

}  // namespace troupe
