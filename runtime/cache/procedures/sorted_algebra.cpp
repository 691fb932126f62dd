// Sorted sets and sets together: unions, intersections, differences, with weights.
#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/cache/procedures/functions.hpp"
#include "runtime/cache/procedures/typed.hpp"

namespace troupe::procedures {

namespace {

enum class operation { union_of_all, intersection, difference };
enum class aggregate { sum, min, max };

// A sorted set, or a set whose members have score 1.
struct source {
  const sorted_set_value* scored = nullptr;
  const set_value* plain = nullptr;
  double weight = 1;

  [[nodiscard]] std::size_t size() const noexcept { return scored ? scored->size() : plain ? plain->size() : 0; }
  [[nodiscard]] std::optional<double> score(std::string_view member) const {
    if (scored != nullptr) return scored->score(member);
    return plain != nullptr && plain->contains(member) ? std::optional(1.0) : std::nullopt;
  }
  void while_each(function_ref<bool(std::string_view member, double score)> visit) const {
    if (scored != nullptr && scored->size() > 0) scored->visit(0, visit);
    if (plain != nullptr) plain->while_each([&](std::string_view member) { return visit(member, 1.0); });
  }
  // Infinity times nothing is nothing.
  [[nodiscard]] double weighted(double score) const noexcept {
    const double product = weight * score;
    return std::isnan(product) ? 0 : product;
  }
};

struct algebra_request {
  operation what = operation::union_of_all;
  aggregate by = aggregate::sum;
  bool with_scores = false;
  std::int64_t limit = 0;
  std::vector<source> sources;
};

double combine(aggregate by, double a, double b) noexcept {
  if (by == aggregate::min) return std::min(a, b);
  if (by == aggregate::max) return std::max(a, b);
  const double sum = a + b;
  return std::isnan(sum) ? 0 : sum;
}

// The keys after their number at word `i`; where they end, or none when an error is the reply.
std::optional<std::size_t> read_sources(procedure_call& c, std::size_t i, algebra_request& r) {
  const auto keys = integer_word(c, i);
  if (!keys) return std::nullopt;
  if (*keys < 1) {
    c.reply.error("ERR at least 1 input key is needed for '" + std::string(c.name) + "' command");
    return std::nullopt;
  }
  if (static_cast<std::uint64_t>(*keys) > c.size() - i - 1) {
    c.reply.error(syntax_error);
    return std::nullopt;
  }
  const auto end = i + 1 + static_cast<std::size_t>(*keys);
  for (auto k = i + 1; k < end; ++k) {
    source s;
    if (const auto found = c.keys.find(c[k])) {
      if (found->type == value_type::sorted_set)
        s.scored = static_cast<const sorted_set_value*>(found->object);
      else if (found->type == value_type::set)
        s.plain = static_cast<const set_value*>(found->object);
      else {
        c.reply.wrong_type();
        return std::nullopt;
      }
    }
    r.sources.push_back(s);
  }
  return end;
}

bool read_weights(procedure_call& c, std::size_t i, algebra_request& r) {
  for (auto& s : r.sources) {
    const auto weight = read_real(c[i++]);
    if (!weight) {
      c.reply.error("ERR weight value is not a float");
      return false;
    }
    s.weight = *weight;
  }
  return true;
}

bool read_algebra(procedure_call& c, std::size_t i, bool stores, algebra_request& r) {
  const bool weighs = r.what != operation::difference;
  for (; i < c.size(); ++i) {
    if (weighs && is_word(c[i], "weights") && c.size() - i > r.sources.size()) {
      if (!read_weights(c, i + 1, r)) return false;
      i += r.sources.size();
    } else if (weighs && is_word(c[i], "aggregate") && i + 1 < c.size()) {
      ++i;
      if (is_word(c[i], "sum"))
        r.by = aggregate::sum;
      else if (is_word(c[i], "min"))
        r.by = aggregate::min;
      else if (is_word(c[i], "max"))
        r.by = aggregate::max;
      else {
        c.reply.error(syntax_error);
        return false;
      }
    } else if (!stores && is_word(c[i], "withscores")) {
      r.with_scores = true;
    } else {
      c.reply.error(syntax_error);
      return false;
    }
  }
  return true;
}

void intersect(const algebra_request& r, function_ref<bool(std::string_view, double)> visit) {
  auto sources = r.sources;
  std::stable_sort(sources.begin(), sources.end(),
                   [](const source& a, const source& b) { return a.size() < b.size(); });
  sources.front().while_each([&](std::string_view member, double score) {
    double all = sources.front().weighted(score);
    for (std::size_t i = 1; i < sources.size(); ++i) {
      const auto other = sources[i].score(member);
      if (!other) return true;
      all = combine(r.by, all, sources[i].weighted(*other));
    }
    return visit(member, all);
  });
}

std::unique_ptr<sorted_set_value> compute(procedure_call& c, const algebra_request& r) {
  auto result = std::make_unique<sorted_set_value>(c.keys.limits(), c.keys.hash_seed());
  if (r.what == operation::intersection) {
    intersect(r, [&](std::string_view member, double score) {
      (void)result->put(member, score);
      return true;
    });
  } else if (r.what == operation::union_of_all) {
    for (const auto& s : r.sources) {
      s.while_each([&](std::string_view member, double score) {
        const auto old = result->score(member);
        (void)result->put(member, old ? combine(r.by, *old, s.weighted(score)) : s.weighted(score));
        return true;
      });
    }
  } else {
    r.sources.front().while_each([&](std::string_view member, double score) {
      const bool elsewhere = std::any_of(r.sources.begin() + 1, r.sources.end(),
                                         [&](const source& s) { return s.score(member).has_value(); });
      if (!elsewhere) (void)result->put(member, score);
      return true;
    });
  }
  return result;
}

void show(procedure_call& c, operation what) {
  algebra_request r;
  r.what = what;
  const auto end = read_sources(c, 0, r);
  if (!end || !read_algebra(c, *end, false, r)) return;
  const auto result = compute(c, r);
  r.with_scores ? c.reply.pairs(result->size()) : c.reply.array(result->size());
  result->visit(0, [&](std::string_view member, double score) {
    if (r.with_scores) c.reply.pair();
    c.reply.bulk(member);
    if (r.with_scores) c.reply.real(score);
    return true;
  });
}
void zunion(procedure_call& c) { show(c, operation::union_of_all); }
void zinter(procedure_call& c) { show(c, operation::intersection); }
void zdiff(procedure_call& c) { show(c, operation::difference); }

void store(procedure_call& c, operation what) {
  algebra_request r;
  r.what = what;
  const auto end = read_sources(c, 1, r);
  if (!end || !read_algebra(c, *end, true, r)) return;
  auto result = compute(c, r);
  const auto size = static_cast<std::int64_t>(result->size());
  if (!put_object(c, c[0], std::move(result))) return;
  if (size != 0) c.keys.tell(event_kind::sorted_set, c.name, c[0]);
  c.reply.integer(size);
}
void zunionstore(procedure_call& c) { store(c, operation::union_of_all); }
void zinterstore(procedure_call& c) { store(c, operation::intersection); }
void zdiffstore(procedure_call& c) { store(c, operation::difference); }

void zintercard(procedure_call& c) {
  algebra_request r;
  r.what = operation::intersection;
  const auto end = read_sources(c, 0, r);
  if (!end) return;
  for (auto i = *end; i < c.size(); i += 2) {
    if (!is_word(c[i], "limit") || i + 1 >= c.size()) return c.reply.error(syntax_error);
    const auto n = read_integer(c[i + 1]);
    if (!n || *n < 0) return c.reply.error("ERR LIMIT can't be negative");
    r.limit = *n;
  }
  std::int64_t count = 0;
  intersect(r, [&](std::string_view, double) { return ++count != r.limit; });
  c.reply.integer(count);
}

}  // namespace

function sorted_algebra_function(procedure p) noexcept {
  switch (p) {
    case procedure::zunion: return zunion;
    case procedure::zinter: return zinter;
    case procedure::zdiff: return zdiff;
    case procedure::zunionstore: return zunionstore;
    case procedure::zinterstore: return zinterstore;
    case procedure::zdiffstore: return zdiffstore;
    case procedure::zintercard: return zintercard;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
