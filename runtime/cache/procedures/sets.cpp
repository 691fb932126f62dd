// Sets, one at a time.
#include <algorithm>
#include <limits>
#include <set>
#include <vector>

#include "runtime/base/glob.hpp"
#include "runtime/cache/procedures/functions.hpp"
#include "runtime/cache/procedures/typed.hpp"

namespace troupe::procedures {

namespace {

void scard(procedure_call& c) {
  const auto s = find_value<set_value>(c, c[0]);
  if (s.good) c.reply.integer(static_cast<std::int64_t>(s.size()));
}

void sismember(procedure_call& c) {
  const auto s = find_value<set_value>(c, c[0]);
  if (s.good) c.reply.integer(s.value != nullptr && s.value->contains(c[1]) ? 1 : 0);
}

void smismember(procedure_call& c) {
  const auto s = find_value<set_value>(c, c[0]);
  if (!s.good) return;
  c.reply.array(c.size() - 1);
  for (std::size_t i = 1; i < c.size(); ++i) c.reply.integer(s.value != nullptr && s.value->contains(c[i]) ? 1 : 0);
}

void smembers(procedure_call& c) {
  const auto s = find_value<set_value>(c, c[0]);
  if (!s.good) return;
  c.reply.set(s.size());
  if (s.value != nullptr) s.value->for_each([&](std::string_view member) { c.reply.bulk(member); });
}

void sadd(procedure_call& c) {
  opened_value<set_value> s(c, c[0]);
  if (!s.good()) return;
  std::int64_t added = 0;
  std::string words;
  for (std::size_t i = 1; i < c.size(); ++i) {
    if (!s->add(c[i])) continue;
    ++added;
    if (c.keys.notes() && !s.fresh()) pack_word(words, c[i]);
  }
  if (added != 0 && !s.commit(value_edit::set_add, words)) return;
  if (added != 0) c.keys.tell(event_kind::set, "sadd", c[0]);
  c.reply.integer(added);
}

void srem(procedure_call& c) {
  const auto s = find_value<set_value>(c, c[0]);
  if (!s.good) return;
  std::int64_t gone = 0;
  std::string words;
  for (std::size_t i = 1; i < c.size() && s.value != nullptr; ++i) {
    if (!s.value->remove(c[i])) continue;
    ++gone;
    pack_word(words, c[i]);
  }
  if (gone > 0) c.keys.tell(event_kind::set, "srem", c[0]);
  if (gone > 0) c.keys.edited(c[0], value_edit::set_remove, words);
  c.reply.integer(gone);
}

void smove(procedure_call& c) {
  const auto from = find_value<set_value>(c, c[0]);
  if (!from.good) return;
  if (from.value == nullptr) return c.reply.integer(0);
  const auto to = c.keys.find(c[1]);
  if (to && to->type != value_type::set) return c.reply.wrong_type();
  if (c[0] == c[1]) return c.reply.integer(from.value->contains(c[2]) ? 1 : 0);
  if (!from.value->contains(c[2])) return c.reply.integer(0);
  std::string words;
  pack_word(words, c[2]);
  // It is there before it is here no more: a target that cannot take it leaves it where it was.
  opened_value<set_value> target(c, c[1]);
  if (!target.good()) return;
  const bool added = target->add(c[2]);
  if (added && !target.commit(value_edit::set_add, words)) return;
  (void)from.value->remove(c[2]);
  c.keys.tell(event_kind::set, "srem", c[0]);
  c.keys.edited(c[0], value_edit::set_remove, words);
  if (added) c.keys.tell(event_kind::set, "sadd", c[1]);
  c.reply.integer(1);
}

// --- at random

std::vector<std::string> members_of(const set_value& s) {
  std::vector<std::string> all;
  all.reserve(s.size());
  s.for_each([&](std::string_view member) { all.emplace_back(member); });
  return all;
}

// `count` different ones, fewer than there are.
std::vector<std::string> pick_different(procedure_call& c, const set_value& s, std::size_t count) {
  // A few of many: drawn until they are different. Otherwise all are laid out.
  if (count <= s.size() / 4) {
    std::set<std::string> drawn;
    while (drawn.size() < count) drawn.insert(s.pick(c.keys.rng()));
    std::vector<std::string> picked(drawn.begin(), drawn.end());
    c.keys.rng().shuffle(picked);
    return picked;
  }
  auto all = members_of(s);
  for (std::size_t i = 0; i < count; ++i) std::swap(all[i], all[i + c.keys.rng().below(all.size() - i)]);
  all.resize(count);
  return all;
}

void srandmember(procedure_call& c) {
  if (c.size() > 2) return c.reply.error(syntax_error);
  std::optional<std::int64_t> count;
  if (c.size() == 2) {
    count = integer_word(c, 1);
    if (!count) return;
    if (*count < -repeated_max || *count > std::numeric_limits<std::int64_t>::max() / 2)
      return c.reply.error(out_of_range);
  }
  const auto s = find_value<set_value>(c, c[0]);
  if (!s.good) return;
  if (!count) return s.value == nullptr ? c.reply.null() : c.reply.bulk(s.value->pick(c.keys.rng()));
  if (s.value == nullptr || *count == 0) return c.reply.array(0);
  if (*count < 0) {
    c.reply.array(static_cast<std::size_t>(-*count));
    for (auto left = -*count; left > 0 && !c.reply.full(); --left) c.reply.bulk(s.value->pick(c.keys.rng()));
    return;
  }
  const auto n = std::min(static_cast<std::size_t>(*count), s.size());
  const auto picked = n == s.size() ? members_of(*s.value) : pick_different(c, *s.value, n);
  c.reply.array(picked.size());
  for (const auto& member : picked) c.reply.bulk(member);
}

// Copies are told which ones went.
void spop(procedure_call& c) {
  if (c.size() > 2) return c.reply.error(syntax_error);
  std::optional<std::int64_t> count;
  if (c.size() == 2) {
    count = read_integer(c[1]);
    if (!count || *count < 0) return c.reply.error(must_be_positive);
  }
  const auto s = find_value<set_value>(c, c[0]);
  if (!s.good) return;
  if (s.value == nullptr && !count) return c.reply.null();
  const auto n = s.value == nullptr ? 0 : std::min(static_cast<std::size_t>(count.value_or(1)), s.size());
  if (count) c.reply.set(n);
  if (n == 0) return;
  const auto picked = n == s.size() ? members_of(*s.value) : pick_different(c, *s.value, n);
  std::string words;
  for (const auto& member : picked) {
    c.reply.bulk(member);
    (void)s.value->remove(member);
    pack_word(words, member);
  }
  c.keys.tell(event_kind::set, "spop", c[0]);
  c.keys.edited(c[0], value_edit::set_remove, words);
}

void sscan(procedure_call& c) {
  scan_request r;
  if (!read_scan(c, r)) return;
  const auto s = find_value<set_value>(c, c[0]);
  if (!s.good) return;
  std::vector<std::string> found;
  std::uint64_t next = 0;
  if (s.value != nullptr) {
    next = s.value->scan(r.cursor, r.count, [&](std::string_view member) {
      if (r.pattern.empty() || glob_matches(r.pattern, member)) found.emplace_back(member);
    });
  }
  c.reply.array(2);
  c.reply.bulk(static_cast<std::int64_t>(next));
  c.reply.array(found.size());
  for (const auto& member : found) c.reply.bulk(member);
}

}  // namespace

function set_function(procedure p) noexcept {
  switch (p) {
    case procedure::scard: return scard;
    case procedure::sismember: return sismember;
    case procedure::smismember: return smismember;
    case procedure::smembers: return smembers;
    case procedure::sadd: return sadd;
    case procedure::srem: return srem;
    case procedure::smove: return smove;
    case procedure::srandmember: return srandmember;
    case procedure::spop: return spop;
    case procedure::sscan: return sscan;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
