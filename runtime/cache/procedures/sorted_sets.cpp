// Sorted sets: members and their scores, the ends, some at random.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "runtime/base/glob.hpp"
#include "runtime/cache/procedures/functions.hpp"
#include "runtime/cache/procedures/typed.hpp"
#include "runtime/cache/procedures/waiting_words.hpp"

namespace troupe::procedures {

namespace {

void zcard(procedure_call& c) {
  const auto z = find_value<sorted_set_value>(c, c[0]);
  if (z.good) c.reply.integer(static_cast<std::int64_t>(z.size()));
}

void write_score(procedure_call& c, std::optional<double> score) { score ? c.reply.real(*score) : c.reply.null(); }

void zscore(procedure_call& c) {
  const auto z = find_value<sorted_set_value>(c, c[0]);
  if (z.good) write_score(c, z.value == nullptr ? std::nullopt : z.value->score(c[1]));
}

void zmscore(procedure_call& c) {
  const auto z = find_value<sorted_set_value>(c, c[0]);
  if (!z.good) return;
  c.reply.array(c.size() - 1);
  for (std::size_t i = 1; i < c.size(); ++i) write_score(c, z.value == nullptr ? std::nullopt : z.value->score(c[i]));
}

void tell_rank(procedure_call& c, bool reverse) {
  const bool with_score = c.size() == 3;
  if (c.size() > 3 || (with_score && !is_word(c[2], "withscore"))) return c.reply.error(syntax_error);
  const auto z = find_value<sorted_set_value>(c, c[0]);
  if (!z.good) return;
  const auto place = z.value == nullptr ? std::nullopt : z.value->rank(c[1]);
  if (!place) return with_score ? c.reply.null_array() : c.reply.null();
  if (with_score) c.reply.array(2);
  c.reply.integer(static_cast<std::int64_t>(reverse ? z.size() - 1 - *place : *place));
  if (with_score) write_score(c, z.value->score(c[1]));
}
void zrank(procedure_call& c) { tell_rank(c, false); }
void zrevrank(procedure_call& c) { tell_rank(c, true); }

// --- adding

struct add_request {
  bool nx = false, xx = false, gt = false, lt = false, changed = false, increment = false;
  std::size_t first = 1;  // word of the first score
  std::vector<double> scores;
};

bool read_add(procedure_call& c, add_request& r) {
  for (; r.first < c.size(); ++r.first) {
    const auto word = c[r.first];
    bool* const which = is_word(word, "nx")     ? &r.nx
                        : is_word(word, "xx")   ? &r.xx
                        : is_word(word, "gt")   ? &r.gt
                        : is_word(word, "lt")   ? &r.lt
                        : is_word(word, "ch")   ? &r.changed
                        : is_word(word, "incr") ? &r.increment
                                                : nullptr;
    if (which == nullptr) break;
    *which = true;
  }
  const auto words = c.size() - r.first;
  const char* wrong = nullptr;
  if (words == 0 || words % 2 != 0)
    wrong = "ERR syntax error";
  else if (r.nx && r.xx)
    wrong = "ERR XX and NX options at the same time are not compatible";
  else if ((r.gt && r.nx) || (r.lt && r.nx) || (r.gt && r.lt))
    wrong = "ERR GT, LT, and/or NX options at the same time are not compatible";
  else if (r.increment && words > 2)
    wrong = "ERR INCR option supports a single increment-element pair";
  for (auto i = r.first; wrong == nullptr && i < c.size(); i += 2) {
    const auto score = read_real(c[i]);
    if (score)
      r.scores.push_back(*score);
    else
      wrong = "ERR value is not a valid float";
  }
  if (wrong != nullptr) c.reply.error(wrong);
  return wrong == nullptr;
}

// What a member's score becomes; none: it stays as it is. `score` is the result of an increment.
std::optional<double> score_after(const add_request& r, std::optional<double> old, double& score) {
  if (!old) return r.xx ? std::nullopt : std::optional(score);
  if (r.nx) return std::nullopt;
  if (r.increment) score += *old;
  if ((r.gt && score <= *old) || (r.lt && score >= *old) || std::isnan(score)) return std::nullopt;
  return score;
}

void add_scores(procedure_call& c, add_request& r) {
  opened_value<sorted_set_value> z(c, c[0]);
  if (!z.good()) return;
  std::int64_t added = 0;
  std::int64_t updated = 0;
  bool done = false;
  double score = 0;
  std::string words;
  for (std::size_t i = 0; i < r.scores.size(); ++i) {
    const auto member = c[r.first + 2 * i + 1];
    const auto old = z->score(member);
    score = r.scores[i];
    const auto becomes = score_after(r, old, score);
    if (std::isnan(score)) return c.reply.error("ERR resulting score is not a number (NaN)");
    done = done || becomes;
    if (!becomes || (old && *old == *becomes)) continue;
    (void)z->put(member, *becomes);
    (old ? updated : added) += 1;
    if (!c.keys.notes() || z.fresh()) continue;
    pack_score(words, *becomes);
    pack_word(words, member);
  }
  if (added + updated > 0) {
    if (!z.commit(value_edit::scores_put, words)) return;
    c.keys.tell(event_kind::sorted_set, r.increment ? "zincr" : "zadd", c[0]);
  }
  if (!r.increment) return c.reply.integer(r.changed ? added + updated : added);
  write_score(c, done ? std::optional(score) : std::nullopt);
}

void zadd(procedure_call& c) {
  add_request r;
  if (read_add(c, r)) add_scores(c, r);
}

void zincrby(procedure_call& c) {
  add_request r;
  r.increment = true;
  const auto by = read_real(c[1]);
  if (!by) return c.reply.error(not_a_float);
  r.scores.push_back(*by);
  add_scores(c, r);
}

void zrem(procedure_call& c) {
  const auto z = find_value<sorted_set_value>(c, c[0]);
  if (!z.good) return;
  std::int64_t gone = 0;
  std::string words;
  for (std::size_t i = 1; i < c.size() && z.value != nullptr; ++i) {
    if (!z.value->remove(c[i])) continue;
    ++gone;
    pack_word(words, c[i]);
  }
  if (gone > 0) c.keys.tell(event_kind::sorted_set, "zrem", c[0]);
  if (gone > 0) c.keys.edited(c[0], value_edit::scores_remove, words);
  c.reply.integer(gone);
}

// --- the ends

struct scored {
  std::string member;
  double score;
};

// Takes members off one end.
std::vector<scored> take_off(procedure_call& c, std::string_view key, sorted_set_value& z, bool lowest,
                             std::size_t count) {
  std::vector<scored> taken;
  count = std::min(count, z.size());
  if (count == 0) return taken;
  const auto take = [&](std::string_view member, double score) {
    taken.push_back({std::string(member), score});
    return taken.size() < count;
  };
  lowest ? z.visit(0, take) : z.visit_back(z.size() - 1, take);
  std::string words;
  for (const auto& t : taken) {
    (void)z.remove(t.member);
    pack_word(words, t.member);
  }
  c.keys.tell(event_kind::sorted_set, lowest ? "zpopmin" : "zpopmax", key);
  c.keys.edited(key, value_edit::scores_remove, words);
  return taken;
}

void pop(procedure_call& c, bool lowest) {
  if (c.size() > 2) return c.reply.error(syntax_error);
  std::int64_t count = 1;
  if (c.size() == 2) {
    const auto n = read_integer(c[1]);
    if (!n || *n < 0) return c.reply.error(must_be_positive);
    count = *n;
  }
  const auto z = find_value<sorted_set_value>(c, c[0]);
  if (!z.good) return;
  if (z.value == nullptr || count == 0) return c.reply.array(0);
  const auto taken = take_off(c, c[0], *z.value, lowest, static_cast<std::size_t>(count));
  c.size() == 2 ? c.reply.pairs(taken.size()) : c.reply.array(2);
  for (const auto& t : taken) {
    if (c.size() == 2) c.reply.pair();
    c.reply.bulk(t.member);
    c.reply.real(t.score);
  }
}
void zpopmin(procedure_call& c) { pop(c, true); }
void zpopmax(procedure_call& c) { pop(c, false); }

void mpop(procedure_call& c, std::size_t count_at) {
  const auto which = read_pop_keys(c, count_at);
  if (!which) return;
  const bool lowest = is_word(c[*which], "min");
  if (!lowest && !is_word(c[*which], "max")) return c.reply.error(syntax_error);
  const auto count = read_pop_count(c, *which);
  if (!count) return;
  for (std::size_t i = count_at + 1; i < *which; ++i) {
    const auto z = find_value<sorted_set_value>(c, c[i]);
    if (!z.good) return;
    if (z.value == nullptr) continue;
    const auto taken = take_off(c, c[i], *z.value, lowest, *count);
    c.reply.array(2);
    c.reply.bulk(c[i]);
    c.reply.array(taken.size());
    for (const auto& t : taken) {
      c.reply.array(2);
      c.reply.bulk(t.member);
      c.reply.real(t.score);
    }
    return;
  }
  c.reply.null_array();
}
void zmpop(procedure_call& c) { mpop(c, 0); }

// The forms that a client may wait for: here there is something, or there is not.
void bzmpop(procedure_call& c) {
  if (check_timeout(c, 0)) mpop(c, 1);
}

void pop_any(procedure_call& c, bool lowest) {
  if (!check_timeout(c, c.size() - 1)) return;
  for (std::size_t i = 0; i + 1 < c.size(); ++i) {
    const auto z = find_value<sorted_set_value>(c, c[i]);
    if (!z.good) return;
    if (z.value == nullptr) continue;
    const auto taken = take_off(c, c[i], *z.value, lowest, 1);
    c.reply.array(3);
    c.reply.bulk(c[i]);
    c.reply.bulk(taken.front().member);
    return c.reply.real(taken.front().score);
  }
  c.reply.null_array();
}
void bzpopmin(procedure_call& c) { pop_any(c, true); }
void bzpopmax(procedure_call& c) { pop_any(c, false); }

// --- at random, and page by page

void write_member(procedure_call& c, bool with_scores, std::string_view member, double score) {
  if (with_scores) c.reply.pair();
  c.reply.bulk(member);
  if (with_scores) c.reply.real(score);
}

void zrandmember(procedure_call& c) {
  std::optional<std::int64_t> count;
  if (c.size() > 1) {
    count = integer_word(c, 1);
    if (!count) return;
  }
  const bool with_scores = c.size() == 3;
  if (c.size() > 3 || (with_scores && !is_word(c[2], "withscores"))) return c.reply.error(syntax_error);
  if (count && (*count < -repeated_max || *count > std::numeric_limits<std::int64_t>::max() / 2))
    return c.reply.error(out_of_range);
  const auto z = find_value<sorted_set_value>(c, c[0]);
  if (!z.good) return;
  if (z.value == nullptr || (count && *count == 0)) return count ? c.reply.array(0) : c.reply.null();
  auto& rng = c.keys.rng();
  const auto show_at = [&](std::size_t place) {
    z.value->visit(place, [&](std::string_view member, double score) {
      write_member(c, with_scores, member, score);
      return false;
    });
  };
  if (!count) return show_at(rng.below(z.size()));
  const auto total =
      *count < 0 ? static_cast<std::size_t>(-*count) : std::min(static_cast<std::size_t>(*count), z.size());
  with_scores ? c.reply.pairs(total) : c.reply.array(total);
  if (*count < 0) {
    for (std::size_t i = 0; i < total && !c.reply.full(); ++i) show_at(rng.below(z.size()));
    return;
  }
  std::vector<std::size_t> places(z.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  for (std::size_t i = 0; i < total; ++i) {
    std::swap(places[i], places[i + rng.below(places.size() - i)]);
    show_at(places[i]);
  }
}

void zscan(procedure_call& c) {
  scan_request r;
  if (!read_scan(c, r)) return;
  const auto z = find_value<sorted_set_value>(c, c[0]);
  if (!z.good) return;
  std::vector<std::pair<std::string_view, double>> found;
  std::uint64_t next = 0;
  if (z.value != nullptr) {
    next = z.value->scan(r.cursor, r.count, [&](std::string_view member, double score) {
      if (r.pattern.empty() || glob_matches(r.pattern, member)) found.emplace_back(member, score);
    });
  }
  c.reply.array(2);
  c.reply.bulk(static_cast<std::int64_t>(next));
  c.reply.array(2 * found.size());
  for (const auto& [member, score] : found) {
    c.reply.bulk(member);
    c.reply.bulk_real(score);
  }
}

}  // namespace

function sorted_set_function(procedure p) noexcept {
  switch (p) {
    case procedure::zcard: return zcard;
    case procedure::zscore: return zscore;
    case procedure::zmscore: return zmscore;
    case procedure::zrank: return zrank;
    case procedure::zrevrank: return zrevrank;
    case procedure::zadd: return zadd;
    case procedure::zincrby: return zincrby;
    case procedure::zrem: return zrem;
    case procedure::zpopmin: return zpopmin;
    case procedure::zpopmax: return zpopmax;
    case procedure::zmpop: return zmpop;
    case procedure::bzpopmin: return bzpopmin;
    case procedure::bzpopmax: return bzpopmax;
    case procedure::bzmpop: return bzmpop;
    case procedure::zrandmember: return zrandmember;
    case procedure::zscan: return zscan;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
