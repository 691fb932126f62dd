// LPOS: where an element stands in a list.
#include <algorithm>
#include <limits>
#include <vector>

#include "runtime/cache/procedures/functions.hpp"
#include "runtime/cache/procedures/typed.hpp"

namespace troupe::procedures {

namespace {

struct lpos_request {
  std::int64_t rank = 1;
  std::optional<std::int64_t> count;
  std::int64_t most = 0;  // comparisons; 0: no limit
};

bool read_lpos(procedure_call& c, lpos_request& r) {
  for (std::size_t i = 2; i < c.size(); i += 2) {
    const bool pairs = i + 1 < c.size();
    if (pairs && is_word(c[i], "rank")) {
      const auto rank = integer_word(c, i + 1);
      if (!rank) return false;
      if (*rank == std::numeric_limits<std::int64_t>::min()) {
        c.reply.error("ERR value is out of range, must be positive");
        return false;
      }
      r.rank = *rank;
      if (r.rank != 0) continue;
      c.reply.error(
          "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start "
          "from "
          "the end of the list");
      return false;
    }
    const bool counts = pairs && is_word(c[i], "count");
    if (counts || (pairs && is_word(c[i], "maxlen"))) {
      const auto n = read_integer(c[i + 1]);
      if (!n || *n < 0) {
        c.reply.error(counts ? "ERR COUNT can't be negative" : "ERR MAXLEN can't be negative");
        return false;
      }
      if (counts)
        r.count = *n;
      else
        r.most = *n;
      continue;
    }
    c.reply.error(syntax_error);
    return false;
  }
  return true;
}

void lpos(procedure_call& c) {
  lpos_request r;
  if (!read_lpos(c, r)) return;
  const auto l = find_value<list_value>(c, c[0]);
  if (!l.good) return;
  std::vector<std::size_t> places;
  auto skip = (r.rank > 0 ? r.rank : -r.rank) - 1;
  const auto wanted = static_cast<std::size_t>(r.count.value_or(1));
  std::int64_t compared = 0;
  const auto look = [&](std::size_t index, std::string_view word) {
    if (word == c[1] && skip-- <= 0) places.push_back(index);
    ++compared;
    return (wanted == 0 || places.size() < wanted) && (r.most == 0 || compared < r.most);
  };
  if (l.value != nullptr) r.rank > 0 ? l.value->visit(0, look) : l.value->visit_back(l.size() - 1, look);
  if (!r.count) return places.empty() ? c.reply.null() : c.reply.integer(static_cast<std::int64_t>(places.front()));
  c.reply.array(places.size());
  for (const auto place : places) c.reply.integer(static_cast<std::int64_t>(place));
}

}  // namespace

function list_search_function(procedure p) noexcept { return p == procedure::lpos ? lpos : nullptr; }

}  // namespace troupe::procedures
