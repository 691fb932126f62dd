// Fuzz entry: what entities are asked and read: JSON of clients, models, the parameters of a list with its token
// ("year=gt:1990&$next=..."), rows in the cache. The first byte chooses. What passes keeps the limits and reads back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/entities/cached_row.hpp"
#include "runtime/entities/json_text.hpp"
#include "runtime/entities/list_query.hpp"
#include "runtime/entities/model_reader.hpp"
#include "tests/fuzz/book_model.hpp"

namespace {

using namespace troupe;

void read_rows(std::string_view bytes) {
  if (const auto row = read_cached_row(bytes)) {
    const auto json = row->text.substr(0, row->text.size() - 1);
    TROUPE_CHECK(pack_cached_row(row->version, json) == bytes);
  }
  if (const auto key = read_cached_row_key(bytes)) {
    const auto again = text_of(*key);
    const auto second = read_cached_row_key(again);
    TROUPE_CHECK(second && second->entity == key->entity && second->id == key->id && key->id > 0);
  }
}

query_pairs pairs_of(std::string_view text) {
  query_pairs all;
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto name = pair.substr(0, pair.find('='));
    all.emplace_back(name, pair.substr(std::min(pair.size(), name.size() + 1)));
  }
  return all;
}

void read_list(std::string_view text) {
  static const auto file = read_model(book_model);
  TROUPE_CHECK(file.has_value());
  const auto& book = file->model.entities.at(0);
  const auto q = read_list_query(book, pairs_of(text), {});
  if (!q) return;
  TROUPE_CHECK(q->filters.size() <= list_filters_max && q->limit >= 1 && q->limit <= list_limits{}.rows_max);
  for (const auto dialect : {sql_dialect::sqlite, sql_dialect::postgres})
    TROUPE_CHECK(!list_statements(book, dialect, *q).empty());
  if (!q->after) return;
  const auto again = read_page_token(book, *q, page_token(book, *q, *q->after));
  TROUPE_CHECK(again && again->id == q->after->id && again->key == q->after->key);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: (void)read_json(bytes); break;
    case 1: (void)read_model(bytes); break;
    case 2: read_list(bytes); break;
    default: read_rows(bytes); break;
  }
  return 0;
}
