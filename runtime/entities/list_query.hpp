// What a client asks of a list: filters (year=ge:1990), $orderby, $limit, $offset, $count, $next. Read from decoded
// parameters; everything that is wrong is told at once.
//
// A page ends with a token that holds the ordering key of its last row: the next page starts behind it, so that it
// costs the same however far it is (given an index on the property that orders).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/entities/model.hpp"
#include "runtime/entities/row_refusal.hpp"
#include "runtime/entities/statements.hpp"

namespace troupe {

struct list_limits {
  std::uint32_t rows_max = 1000;  // $limit
  std::string scope = {};         // of the rows, when they are not all of the entity: "library/1/tobooks"
};
inline constexpr std::uint32_t list_rows = 50;  // without $limit
inline constexpr std::size_t list_filters_max = 16;
inline constexpr std::size_t list_in_max = 100;
inline constexpr std::size_t list_value_bytes_max = 1024;
inline constexpr std::size_t list_key_bytes_max = 4096;  // of a text that orders: it travels in the token
inline constexpr std::uint32_t list_offset_max = 100'000;

struct list_filter {
  std::string field;
  value_kind kind = value_kind::integer;
  filter_operator op = filter_operator::eq;
  std::vector<sql_value> values;  // one; several for in
};

/// The last row of a page in its order; `key` is null when the ordering property is.
struct page_position {
  sql_value key;
  std::int64_t id = 0;
};

struct list_query {
  std::vector<list_filter> filters;
  std::string order = std::string(id_field);
  bool descending = false;
  std::uint32_t limit = list_rows;
  std::uint32_t offset = 0;
  bool count = false;
  std::optional<page_position> after;
  std::string scope;  // what a token is bound to beside the entity and the order: a digest of scope and filters as read
};

using query_pairs = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] answered<list_query> read_list_query(const entity_spec& e, const query_pairs& parameters,
                                                   const list_limits& limits);

/// For list_query::scope.
[[nodiscard]] std::string token_scope(std::string_view scope, const std::vector<list_filter>& filters);
/// "$next": opaque, damage is noticed.
[[nodiscard]] std::string page_token(const entity_spec& e, const list_query& q, const page_position& last);
/// None for a token that is damaged, or of another entity, order, scope or other filters, in whatever order they stand.
[[nodiscard]] std::optional<page_position> read_page_token(const entity_spec& e, const list_query& q,
                                                           std::string_view token);

/// The statements of a page, to be run one after the other until the page is full: nulls and what is not null are two
/// ranges of an index. The last parameter of each is the number of rows that are still wanted.
[[nodiscard]] std::vector<sql_text> list_statements(const entity_spec& e, sql_dialect dialect, const list_query& q);
[[nodiscard]] sql_text count_statement(const entity_spec& e, sql_dialect dialect, const list_query& q);

}  // namespace troupe
