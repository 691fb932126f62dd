// Sets together: intersections, unions, differences.
#include <algorithm>
#include <vector>

#include "runtime/cache/procedures/functions.hpp"
#include "runtime/cache/procedures/typed.hpp"

namespace troupe::procedures {

namespace {

enum class operation { intersection, union_of_all, difference };

// The sets of words [from, to), null where there is no key. False: an error is the reply.
bool find_sets(procedure_call& c, std::size_t from, std::size_t to, std::vector<set_value*>& sets) {
  for (auto i = from; i < to; ++i) {
    const auto s = find_value<set_value>(c, c[i]);
    if (!s.good) return false;
    sets.push_back(s.value);
  }
  return true;
}

void intersect(std::vector<set_value*> sets, function_ref<bool(std::string_view)> visit) {
  if (std::find(sets.begin(), sets.end(), nullptr) != sets.end()) return;
  std::stable_sort(sets.begin(), sets.end(), [](const auto* a, const auto* b) { return a->size() < b->size(); });
  sets.front()->while_each([&](std::string_view member) {
    const bool everywhere =
        std::all_of(sets.begin() + 1, sets.end(), [&](const set_value* s) { return s->contains(member); });
    return !everywhere || visit(member);
  });
}

std::unique_ptr<set_value> compute(procedure_call& c, operation op, const std::vector<set_value*>& sets) {
  auto result = std::make_unique<set_value>(c.keys.limits(), c.keys.hash_seed());
  if (op == operation::intersection) {
    intersect(sets, [&](std::string_view member) { return result->add(member); });
  } else if (op == operation::union_of_all) {
    for (const auto* s : sets) {
      if (s != nullptr) s->for_each([&](std::string_view member) { (void)result->add(member); });
    }
  } else if (sets.front() != nullptr) {
    sets.front()->for_each([&](std::string_view member) {
      const bool elsewhere = std::any_of(sets.begin() + 1, sets.end(),
                                         [&](const set_value* s) { return s != nullptr && s->contains(member); });
      if (!elsewhere) (void)result->add(member);
    });
  }
  return result;
}

void show(procedure_call& c, operation op) {
  std::vector<set_value*> sets;
  if (!find_sets(c, 0, c.size(), sets)) return;
  const auto result = compute(c, op, sets);
  c.reply.set(result->size());
  result->for_each([&](std::string_view member) { c.reply.bulk(member); });
}
void sinter(procedure_call& c) { show(c, operation::intersection); }
void sunion(procedure_call& c) { show(c, operation::union_of_all); }
void sdiff(procedure_call& c) { show(c, operation::difference); }

void store(procedure_call& c, operation op) {
  std::vector<set_value*> sets;
  if (!find_sets(c, 1, c.size(), sets)) return;
  auto result = compute(c, op, sets);
  const auto size = static_cast<std::int64_t>(result->size());
  if (!put_object(c, c[0], std::move(result))) return;
  if (size != 0) c.keys.tell(event_kind::set, c.name, c[0]);
  c.reply.integer(size);
}
void sinterstore(procedure_call& c) { store(c, operation::intersection); }
void sunionstore(procedure_call& c) { store(c, operation::union_of_all); }
void sdiffstore(procedure_call& c) { store(c, operation::difference); }

void sintercard(procedure_call& c) {
  const auto keys = read_integer(c[0]);
  if (!keys || *keys <= 0) return c.reply.error("ERR numkeys should be greater than 0");
  const auto end = static_cast<std::uint64_t>(*keys) + 1;
  if (end > c.size()) return c.reply.error("ERR Number of keys can't be greater than number of args");
  std::int64_t limit = 0;
  for (auto i = end; i < c.size(); i += 2) {
    if (!is_word(c[i], "limit") || i + 1 >= c.size()) return c.reply.error(syntax_error);
    const auto n = read_integer(c[i + 1]);
    if (!n || *n < 0) return c.reply.error("ERR LIMIT can't be negative");
    limit = *n;
  }
  std::vector<set_value*> sets;
  if (!find_sets(c, 1, end, sets)) return;
  std::int64_t count = 0;
  intersect(sets, [&](std::string_view) { return ++count != limit; });
  c.reply.integer(count);
}

}  // namespace

function set_algebra_function(procedure p) noexcept {
  switch (p) {
    case procedure::sinter: return sinter;
    case procedure::sunion: return sunion;
    case procedure::sdiff: return sdiff;
    case procedure::sinterstore: return sinterstore;
    case procedure::sunionstore: return sunionstore;
    case procedure::sdiffstore: return sdiffstore;
    case procedure::sintercard: return sintercard;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
