#include "gateways/db/postgres_values.hpp"

#include <charconv>
#include <cmath>
#include <cstring>

#include <troupe/database.hpp>

#include "runtime/database/sqlstate.hpp"

namespace troupe {
namespace {

// Object ids of built-in types (pg_type.dat): they never change.
constexpr Oid oid_bool = 16;
constexpr Oid oid_bytea = 17;
constexpr Oid oid_int8 = 20;
constexpr Oid oid_int2 = 21;
constexpr Oid oid_int4 = 23;
constexpr Oid oid_oid = 26;
constexpr Oid oid_float4 = 700;
constexpr Oid oid_float8 = 701;

int hex_of(char c) noexcept { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

// Bytes come as \x0123.
expected<sql_value> bytes_of(std::string_view text) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return fail(errc::corrupt, "bytes that are not hexadecimal");
  blob b;
  b.bytes.reserve(text.size() / 2 - 1);
  for (std::size_t i = 2; i + 1 < text.size(); i += 2)
    b.bytes.push_back(static_cast<char>(hex_of(text[i]) << 4 | hex_of(text[i + 1])));
  return b;
}

template <class Number>
expected<sql_value> number_of(std::string_view text) {
  Number n{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), n);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size())
    return fail(errc::corrupt, "'" + std::string(text) + "' is no number");
  return sql_value(n);
}

expected<sql_value> value_of(Oid type, std::string_view text) {
  switch (type) {
    case oid_bool: return sql_value(text == "t");
    case oid_int2:
    case oid_int4:
    case oid_int8:
    case oid_oid: return number_of<std::int64_t>(text);
    case oid_float4:
    case oid_float8:
      if (text == "Infinity") return sql_value(HUGE_VAL);
      if (text == "-Infinity") return sql_value(-HUGE_VAL);
      if (text == "NaN") return sql_value(std::nan(""));
      return number_of<double>(text);
    case oid_bytea: return bytes_of(text);
    default: return sql_value(std::string(text));
  }
}

bool are_names(const sql_columns& columns, const PGresult* r, int width) {
  if (columns.size() != static_cast<std::size_t>(width)) return false;
  for (int i = 0; i < width; ++i)
    if (columns[static_cast<std::size_t>(i)] != pq().PQfname(r, i)) return false;
  return true;
}

// SELECT and FETCH have a number behind them, too: of the rows that they return.
std::uint64_t rows_changed(const PGresult* r) {
  auto* result = const_cast<PGresult*>(r);  // libpq only reads it
  const std::string_view tag = pq().PQcmdStatus(result);
  if (tag.starts_with("SELECT") || tag.starts_with("FETCH") || tag.starts_with("MOVE")) return 0;
  const char* number = pq().PQcmdTuples(result);
  std::uint64_t rows = 0;
  std::from_chars(number, number + std::strlen(number), rows);
  return rows;
}

std::string_view field(const PGresult* r, int which) {
  const char* text = pq().PQresultErrorField(r, which);
  return text == nullptr ? std::string_view{} : text;
}

}  // namespace

postgres_parameters::postgres_parameters(const sql_row& values) {
  texts_.reserve(values.size());
  lengths_.reserve(values.size());
  formats_.reserve(values.size());
  numbers_.reserve(values.size());  // pointed into: it must not move
  for (const auto& v : values) add(v);
}

const char* postgres_parameters::number(std::string_view text) {
  auto& place = numbers_.emplace_back();
  std::memcpy(place.data(), text.data(), text.size());
  place[text.size()] = '\0';
  return place.data();
}

void postgres_parameters::add(const sql_value& v) {
  const char* text = nullptr;
  int length = 0;
  int format = 0;
  char digits[32];
  if (const auto* b = std::get_if<bool>(&v)) {
    text = *b ? "t" : "f";
  } else if (const auto* n = std::get_if<std::int64_t>(&v)) {
    const auto end = std::to_chars(digits, digits + sizeof digits - 1, *n).ptr;
    text = number({digits, static_cast<std::size_t>(end - digits)});
  } else if (const auto* d = std::get_if<double>(&v)) {
    if (std::isfinite(*d)) {
      const auto end = std::to_chars(digits, digits + sizeof digits - 1, *d).ptr;
      text = number({digits, static_cast<std::size_t>(end - digits)});
    } else {
      text = std::isnan(*d) ? "NaN" : *d > 0 ? "Infinity" : "-Infinity";
    }
  } else if (const auto* s = std::get_if<std::string>(&v)) {
    text = s->c_str();
  } else if (const auto* x = std::get_if<blob>(&v)) {
    text = x->bytes.data();
    length = static_cast<int>(x->bytes.size());
    format = 1;
  }
  texts_.push_back(text);
  lengths_.push_back(length);
  formats_.push_back(format);
}

expected<sql_result> rows_of(const PGresult* r, std::shared_ptr<const sql_columns>& columns) {
  const auto& f = pq();
  sql_result out;
  out.changed = rows_changed(r);
  if (f.PQresultStatus(r) != PGRES_TUPLES_OK) return out;
  const int width = f.PQnfields(r);
  const int height = f.PQntuples(r);
  if (!columns || !are_names(*columns, r, width)) {
    auto names = std::make_shared<sql_columns>();
    for (int i = 0; i < width; ++i) names->emplace_back(f.PQfname(r, i));
    columns = std::move(names);
  }
  out.columns = columns;
  out.rows.reserve(static_cast<std::size_t>(height));
  std::size_t bytes = 0;
  for (int row = 0; row < height; ++row) {
    auto& values = out.rows.emplace_back();
    values.reserve(static_cast<std::size_t>(width));
    for (int i = 0; i < width; ++i) {
      if (f.PQgetisnull(r, row, i) != 0) {
        values.emplace_back();
        continue;
      }
      const std::string_view text(f.PQgetvalue(r, row, i), static_cast<std::size_t>(f.PQgetlength(r, row, i)));
      auto v = value_of(f.PQftype(r, i), text);
      if (!v) return tl::unexpected(std::move(v.error()));
      bytes += sizeof(sql_value) + text.size();
      values.push_back(std::move(*v));
    }
    if (bytes > database::result_bytes_max) return fail(errc::too_large, "the rows of one statement: use a cursor");
  }
  return out;
}

std::string first_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return std::string(text.substr(0, text.find('\n')));
}

postgres_fault fault_of(const PGresult* r) {
  postgres_fault fault;
  fault.state = field(r, PG_DIAG_SQLSTATE);
  const auto severity = field(r, PG_DIAG_SEVERITY_NONLOCALIZED);
  fault.ends_session = severity == "FATAL" || severity == "PANIC";
  fault.stale_plan = spoils_prepared(fault.state, field(r, PG_DIAG_SOURCE_FUNCTION));
  fault.why = {code_of_sqlstate(fault.state), "postgres: " + first_line(pq().PQresultErrorMessage(r))};
  return fault;
}

bool tells_unreplicated(const PGresult* notice) {
  return field(notice, PG_DIAG_SOURCE_FUNCTION) == "SyncRepWaitForLSN";
}

}  // namespace troupe
