// Sorted sets: ranges that are shown, counted, removed, stored.
#include <algorithm>
#include <vector>

#include "runtime/cache/procedures/functions.hpp"
#include "runtime/cache/procedures/sorted_range.hpp"

namespace troupe::procedures {

namespace {

/// What the name of the command has settled already.
struct range_form {
  bool by_settled = false;       // BYSCORE and BYLEX are no options
  bool reverse_settled = false;  // REV is none
  bool stores = false;           // WITHSCORES is none
};

struct range_request {
  sorted_range range;
  bool with_scores = false;
};

// Options from word `i` on, then the bounds at `bounds`. False: an error is the reply.
bool read_range(procedure_call& c, std::size_t bounds, const range_form& form, range_request& r) {
  for (auto i = bounds + 2; i < c.size(); ++i) {
    if (!form.stores && is_word(c[i], "withscores")) {
      r.with_scores = true;
    } else if (is_word(c[i], "limit") && i + 2 < c.size()) {
      const auto offset = integer_word(c, i + 1);
      if (!offset) return false;
      const auto limit = integer_word(c, i + 2);
      if (!limit) return false;
      r.range.offset = *offset;
      r.range.limit = *limit;
      i += 2;
    } else if (!form.reverse_settled && is_word(c[i], "rev")) {
      r.range.reverse = true;
    } else if (!form.by_settled && is_word(c[i], "bylex")) {
      r.range.by = range_by::member;
    } else if (!form.by_settled && is_word(c[i], "byscore")) {
      r.range.by = range_by::score;
    } else {
      c.reply.error(syntax_error);
      return false;
    }
  }
  const char* wrong = nullptr;
  if (r.range.limit != -1 && r.range.by == range_by::place)
    wrong = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
  else if (r.with_scores && r.range.by == range_by::member)
    wrong = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
  if (wrong != nullptr) c.reply.error(wrong);
  if (r.range.by == range_by::place) r.range.offset = 0;
  return wrong == nullptr && r.range.read_bounds(c, bounds);
}

void show_range(procedure_call& c, const range_form& form, range_request r) {
  if (!read_range(c, 1, form, r)) return;
  const auto z = find_value<sorted_set_value>(c, c[0]);
  if (!z.good) return;
  std::vector<std::pair<std::string_view, double>> members;
  // Views of small sets end with the visit's own: they are of the value, which does not change meanwhile.
  if (z.value != nullptr)
    r.range.visit(*z.value, [&](std::string_view member, double score) { members.emplace_back(member, score); });
  r.with_scores ? c.reply.pairs(members.size()) : c.reply.array(members.size());
  for (const auto& [member, score] : members) {
    if (r.with_scores) c.reply.pair();
    c.reply.bulk(member);
    if (r.with_scores) c.reply.real(score);
  }
}

void show_settled(procedure_call& c, range_by by, bool reverse) {
  range_request r;
  r.range.by = by;
  r.range.reverse = reverse;
  show_range(c, {true, true, false}, r);
}
void zrange(procedure_call& c) { show_range(c, {}, {}); }
void zrevrange(procedure_call& c) { show_settled(c, range_by::place, true); }
void zrangebyscore(procedure_call& c) { show_settled(c, range_by::score, false); }
void zrevrangebyscore(procedure_call& c) { show_settled(c, range_by::score, true); }
void zrangebylex(procedure_call& c) { show_settled(c, range_by::member, false); }
void zrevrangebylex(procedure_call& c) { show_settled(c, range_by::member, true); }

void zrangestore(procedure_call& c) {
  range_request r;
  if (!read_range(c, 2, {false, false, true}, r)) return;
  const auto z = find_value<sorted_set_value>(c, c[1]);
  if (!z.good) return;
  auto result = std::make_unique<sorted_set_value>(c.keys.limits(), c.keys.hash_seed());
  if (z.value != nullptr)
    r.range.visit(*z.value, [&](std::string_view member, double score) { (void)result->put(member, score); });
  const auto size = static_cast<std::int64_t>(result->size());
  if (!put_object(c, c[0], std::move(result))) return;
  if (size != 0) c.keys.tell(event_kind::sorted_set, c.name, c[0]);
  c.reply.integer(size);
}

void count_range(procedure_call& c, range_by by) {
  sorted_range range;
  range.by = by;
  if (!range.read_bounds(c, 1)) return;
  const auto z = find_value<sorted_set_value>(c, c[0]);
  if (z.good) c.reply.integer(z.value == nullptr ? 0 : static_cast<std::int64_t>(range.places(*z.value).count));
}
void zcount(procedure_call& c) { count_range(c, range_by::score); }
void zlexcount(procedure_call& c) { count_range(c, range_by::member); }

void remove_range(procedure_call& c, range_by by) {
  sorted_range range;
  range.by = by;
  if (!range.read_bounds(c, 1)) return;
  const auto z = find_value<sorted_set_value>(c, c[0]);
  if (!z.good) return;
  std::vector<std::string> gone;
  if (z.value != nullptr) range.visit(*z.value, [&](std::string_view member, double) { gone.emplace_back(member); });
  std::string words;
  for (const auto& member : gone) {
    (void)z.value->remove(member);
    pack_word(words, member);
  }
  if (!gone.empty()) c.keys.tell(event_kind::sorted_set, c.name, c[0]);
  if (!gone.empty()) c.keys.edited(c[0], value_edit::scores_remove, words);
  c.reply.integer(static_cast<std::int64_t>(gone.size()));
}
void zremrangebyrank(procedure_call& c) { remove_range(c, range_by::place); }
void zremrangebyscore(procedure_call& c) { remove_range(c, range_by::score); }
void zremrangebylex(procedure_call& c) { remove_range(c, range_by::member); }

}  // namespace

function sorted_range_function(procedure p) noexcept {
  switch (p) {
    case procedure::zrange: return zrange;
    case procedure::zrevrange: return zrevrange;
    case procedure::zrangebyscore: return zrangebyscore;
    case procedure::zrevrangebyscore: return zrevrangebyscore;
    case procedure::zrangebylex: return zrangebylex;
    case procedure::zrevrangebylex: return zrevrangebylex;
    case procedure::zrangestore: return zrangestore;
    case procedure::zcount: return zcount;
    case procedure::zlexcount: return zlexcount;
    case procedure::zremrangebyrank: return zremrangebyrank;
    case procedure::zremrangebyscore: return zremrangebyscore;
    case procedure::zremrangebylex: return zremrangebylex;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
