#include <algorithm>
#include <set>

#include <troupe/fenced_sql.hpp>

namespace troupe {

namespace {

bool name_ok(std::string_view name) {
  return !name.empty() && name.size() <= sql_name_bytes_max && name.find('\0') == name.npos;
}

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) text.append(c == '"' ? 2 : 1, c);
  return text + "\"";
}

/// A table may be told with its schema.
expected<std::string> quoted_table(const std::string& table) {
  const auto dot = table.find('.');
  const auto name = dot == table.npos ? std::string_view(table) : std::string_view(table).substr(dot + 1);
  if (!name_ok(name) || (dot != table.npos && !name_ok(std::string_view(table).substr(0, dot)))) {
    return fail(errc::invalid_argument, "the table's name");
  }
  return dot == table.npos ? quoted(name) : quoted(table.substr(0, dot)) + "." + quoted(name);
}

std::string parameter(sql_dialect dialect, std::size_t number) {
  return (dialect == sql_dialect::sqlite ? "?" : "$") + std::to_string(number);
}

expected<std::string> checked_table(const fenced_row& row) {
  std::set<std::string> names;
  if (row.set.size() + row.key.size() > fenced_columns_max) return fail(errc::too_large, "too many columns");
  if (row.set.empty() || row.key.empty()) return fail(errc::invalid_argument, "a row to name and a column to set");
  for (const auto* list : {&row.set, &row.key}) {
    for (const auto& name : *list) {
      if (!name_ok(name) || !names.insert(name).second) return fail(errc::invalid_argument, "column '" + name + "'");
    }
  }
  for (const auto& name : {row.term_column, row.leader_column}) {
    if (!name_ok(name) || !names.insert(name).second) return fail(errc::invalid_argument, "column '" + name + "'");
  }
  return quoted_table(row.table);
}

/// Nobody later has written the row: `mine` and `my_leader` are this leader's, `before` goes before the columns.
std::string condition(const fenced_row& row, const std::string& before, const std::string& mine,
                      const std::string& my_leader) {
  const auto term = "coalesce(" + before + quoted(row.term_column) + ", 0)";
  return "(" + term + " < " + mine + " or (" + term + " = " + mine + " and " + before + quoted(row.leader_column) +
         " = " + my_leader + "))";
}

}  // namespace

expected<std::string> fenced_update(sql_dialect dialect, const fenced_row& row) {
  const auto table = checked_table(row);
  if (!table) return table;
  const auto values = row.set.size() + row.key.size();
  const auto term = parameter(dialect, values + 1);
  const auto leader = parameter(dialect, values + 2);
  std::string text = "update " + *table + " set ";
  for (std::size_t i = 0; i < row.set.size(); ++i) {
    text += quoted(row.set[i]) + " = " + parameter(dialect, i + 1) + ", ";
  }
  text += quoted(row.term_column) + " = " + term + ", " + quoted(row.leader_column) + " = " + leader + " where ";
  for (std::size_t i = 0; i < row.key.size(); ++i) {
    text += quoted(row.key[i]) + " = " + parameter(dialect, row.set.size() + i + 1) + " and ";
  }
  return text + condition(row, "", term, leader);
}

expected<std::string> fenced_upsert(sql_dialect dialect, const fenced_row& row) {
  const auto table = checked_table(row);
  if (!table) return table;
  auto columns = row.set;
  columns.insert(columns.end(), row.key.begin(), row.key.end());
  columns.push_back(row.term_column);
  columns.push_back(row.leader_column);
  std::string names, parameters, key, changes;
  const auto append = [](std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; };
  for (std::size_t i = 0; i < columns.size(); ++i) {
    append(names, quoted(columns[i]));
    append(parameters, parameter(dialect, i + 1));
    const bool names_row = std::find(row.key.begin(), row.key.end(), columns[i]) != row.key.end();
    if (!names_row) append(changes, quoted(columns[i]) + " = excluded." + quoted(columns[i]));
  }
  for (const auto& name : row.key) append(key, quoted(name));
  return "insert into " + *table + " as old (" + names + ") values (" + parameters + ") on conflict (" + key +
         ") do update set " + changes + " where " +
         condition(row, "old.", "excluded." + quoted(row.term_column), "excluded." + quoted(row.leader_column));
}

fenced_sql_values sql_values(const fenced& token) {
  return {static_cast<std::int64_t>(token.term()), to_string(token.leader())};  // terms stay below 2^62
}

expected<void> fenced_outcome(std::uint64_t rows_changed) {
  if (rows_changed > 0) return {};
  return fail(errc::stale_term, "no row was changed: it is not there, or a later leader has written it");
}

}  // namespace troupe
