// A list's SQL. In both databases null is the smallest value and text is ordered by its bytes.
#include <array>

#include "runtime/entities/list_query.hpp"

namespace troupe {
namespace {

constexpr std::array<std::string_view, 6> signs{" = ", " <> ", " < ", " <= ", " > ", " >= "};  // as filter_operator

// SQLite's LIKE takes small for large letters and PostgreSQL's does not; GLOB does not either.
std::string as_glob(std::string_view pattern) {
  std::string glob;
  for (const char c : pattern) {
    if (c == '%')
      glob += '*';
    else if (c == '_')
      glob += '?';
    else if (c == '*' || c == '?' || c == '[')
      glob.append("[").append(1, c).append("]");
    else
      glob += c;
  }
  return glob;
}

class writer {
 public:
  writer(const entity_spec& e, sql_dialect dialect, const list_query& q) : e_(e), dialect_(dialect), q_(q) {}

  // `range`: what bounds the page in its order, or nothing.
  sql_text page(const std::string& range, sql_row range_values, std::uint32_t offset, bool by_id = false) {
    sql_text s{"select " + row_columns(e_) + " from " + in_quotes_sql(e_.table), {}};
    write_filters(s);
    if (!range.empty()) {
      s.text += q_.filters.empty() ? " where " : " and ";
      write_range(s, range, std::move(range_values));
    }
    write_order(s, by_id);
    const auto skipped = offset == 0 ? std::string() : " offset " + next(s, static_cast<std::int64_t>(offset));
    s.text += " limit $" + std::to_string(s.values.size() + 1) + skipped;
    return s;
  }

  sql_text count() {
    sql_text s{"select count(*) from " + in_quotes_sql(e_.table), {}};
    write_filters(s);
    return s;
  }

 private:
  static std::string next(sql_text& s, sql_value v) {
    s.values.push_back(std::move(v));
    return "$" + std::to_string(s.values.size());
  }

  void write_filters(sql_text& s) {
    for (const auto& f : q_.filters) {
      s.text += &f == &q_.filters.front() ? " where " : " and ";
      write_filter(s, f);
    }
  }

  void write_filter(sql_text& s, const list_filter& f) const {
    const auto column = in_quotes_sql(f.field);
    if (f.op == filter_operator::like) {
      const auto& pattern = std::get<std::string>(f.values.front());
      if (dialect_ == sql_dialect::sqlite)
        s.text += column + " glob " + next(s, as_glob(pattern));
      else
        s.text += column + " like " + next(s, pattern) + " escape ''";
      return;
    }
    if (f.op != filter_operator::in) {
      s.text += column + std::string(signs[static_cast<std::size_t>(f.op)]) + next(s, f.values.front());
      return;
    }
    s.text += column + " in (";
    for (const auto& v : f.values) s.text += (&v == &f.values.front() ? "" : ", ") + next(s, v);
    s.text += ")";
  }

  // The places of the range's own parameters are written % in it.
  static void write_range(sql_text& s, const std::string& range, sql_row values) {
    std::size_t used = 0;
    for (const char c : range) {
      if (c == '%')
        s.text += next(s, std::move(values[used++]));
      else
        s.text += c;
    }
  }

  void write_order(sql_text& s, bool by_id) const {
    const std::string way = q_.descending ? " desc" : "";
    s.text += " order by ";
    if (q_.order != id_field && !by_id) {
      s.text += in_quotes_sql(q_.order) + way;
      if (dialect_ == sql_dialect::postgres) s.text += q_.descending ? " nulls last" : " nulls first";
      s.text += ", ";
    }
    s.text += in_quotes_sql(id_field) + way;
  }

  const entity_spec& e_;
  const sql_dialect dialect_;
  const list_query& q_;
};

}  // namespace

// A unique index holds no id in PostgreSQL: the rows without a value have an index of their own there, by id.
std::vector<sql_text> list_statements(const entity_spec& e, sql_dialect dialect, const list_query& q) {
  writer w(e, dialect, q);
  const auto* p = e.find(q.order);
  const bool apart = p != nullptr && p->unique && !p->required;  // nulls are
  if (!q.after && (!apart || q.offset != 0)) return {w.page({}, {}, q.offset)};
  const std::string further = q.descending ? " < " : " > ";
  if (q.order == id_field) return {w.page("\"id\"" + further + "%", {q.after->id}, 0)};
  const auto column = in_quotes_sql(q.order);
  const auto nulls = [&](const std::string& rest, sql_row values) {
    return w.page(column + " is null" + rest, std::move(values), 0, apart);
  };
  std::vector<sql_text> ranges;
  if (!q.after) {
    ranges = {nulls({}, {}), w.page(column + " is not null", {}, 0)};
    if (q.descending) std::swap(ranges[0], ranges[1]);
  } else if (std::holds_alternative<std::monostate>(q.after->key)) {
    ranges = {nulls(" and \"id\"" + further + "%", {q.after->id})};
    if (!q.descending) ranges.push_back(w.page(column + " is not null", {}, 0));
  } else {
    ranges = {w.page("(" + column + ", \"id\")" + further + "(%, %)", {q.after->key, q.after->id}, 0)};
    if (q.descending) ranges.push_back(nulls({}, {}));
  }
  return ranges;
}

sql_text count_statement(const entity_spec& e, sql_dialect dialect, const list_query& q) {
  return writer(e, dialect, q).count();
}

}  // namespace troupe
