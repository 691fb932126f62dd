// Lists.
#include <algorithm>
#include <limits>
#include <vector>

#include "runtime/cache/procedures/functions.hpp"
#include "runtime/cache/procedures/typed.hpp"
#include "runtime/cache/procedures/waiting_words.hpp"

namespace troupe::procedures {

namespace {

// None: the index is outside.
std::optional<std::size_t> place_of(std::int64_t index, std::size_t size) noexcept {
  const auto length = static_cast<std::int64_t>(size);
  if (index < 0) index += length;
  if (index < 0 || index >= length) return std::nullopt;
  return static_cast<std::size_t>(index);
}

// --- reading

void llen(procedure_call& c) {
  const auto l = find_value<list_value>(c, c[0]);
  if (l.good) c.reply.integer(static_cast<std::int64_t>(l.size()));
}

void lindex(procedure_call& c) {
  const auto l = find_value<list_value>(c, c[0]);
  if (!l.good) return;
  if (l.value == nullptr) return c.reply.null();
  const auto index = integer_word(c, 1);
  if (!index) return;
  const auto place = place_of(*index, l.size());
  place ? c.reply.bulk(l.value->at(*place)) : c.reply.null();
}

void lrange(procedure_call& c) {
  const auto start = integer_word(c, 1);
  if (!start) return;
  const auto stop = integer_word(c, 2);
  if (!stop) return;
  const auto l = find_value<list_value>(c, c[0]);
  if (!l.good) return;
  const auto part = clip_range(*start, *stop, l.size());
  c.reply.array(part.count);
  auto left = part.count;
  if (left == 0) return;
  l.value->visit(part.first, [&](std::size_t, std::string_view word) {
    c.reply.bulk(word);
    return --left > 0;
  });
}

// --- the ends

void tell_pushed(procedure_call& c, std::string_view key, bool front) {
  c.keys.tell(event_kind::list, front ? "lpush" : "rpush", key);
}

void tell_popped(procedure_call& c, std::string_view key, bool front) {
  c.keys.tell(event_kind::list, front ? "lpop" : "rpop", key);
}

// So many were taken off one end.
void taken_off(procedure_call& c, std::string_view key, bool front, std::size_t count) {
  std::string words;
  pack_number(words, count);
  c.keys.edited(key, front ? value_edit::pop_front : value_edit::pop_back, words);
}

void push(procedure_call& c, bool front, bool if_present) {
  if (if_present && !c.keys.look(c[0])) return c.reply.integer(0);
  opened_value<list_value> l(c, c[0]);
  if (!l.good()) return;
  std::string words;
  for (std::size_t i = 1; i < c.size(); ++i) {
    front ? l->push_front(c[i]) : l->push_back(c[i]);
    if (c.keys.notes() && !l.fresh()) pack_word(words, c[i]);
  }
  const auto size = static_cast<std::int64_t>(l->size());
  if (!l.commit(front ? value_edit::push_front : value_edit::push_back, words)) return;
  tell_pushed(c, c[0], front);
  c.reply.integer(size);
}
void lpush(procedure_call& c) { push(c, true, false); }
void rpush(procedure_call& c) { push(c, false, false); }
void lpushx(procedure_call& c) { push(c, true, true); }
void rpushx(procedure_call& c) { push(c, false, true); }

// Replies with elements off one end, an array of `count`, and takes them away.
void take_off(procedure_call& c, std::string_view key, list_value& l, bool front, std::size_t count) {
  count = std::min(count, l.size());
  auto left = count;
  const auto show = [&](std::size_t, std::string_view word) {
    c.reply.bulk(word);
    return --left > 0;
  };
  c.reply.array(count);
  if (count == 0) return;
  front ? l.visit(0, show) : l.visit_back(l.size() - 1, show);
  l.keep_range(front ? count : 0, l.size() - count);
  tell_popped(c, key, front);
  taken_off(c, key, front, count);
}

void pop_one(procedure_call& c, std::string_view key, list_value& l, bool front) {
  const auto place = front ? 0 : l.size() - 1;
  c.reply.bulk(l.at(place));
  l.erase(place);
  tell_popped(c, key, front);
  taken_off(c, key, front, 1);
}

void pop(procedure_call& c, bool front) {
  std::optional<std::int64_t> count;
  if (c.size() > 2) return c.reply.error("ERR wrong number of arguments for '" + std::string(c.name) + "' command");
  if (c.size() == 2) {
    count = read_integer(c[1]);
    if (!count || *count < 0) return c.reply.error(must_be_positive);
  }
  const auto l = find_value<list_value>(c, c[0]);
  if (!l.good) return;
  if (l.value == nullptr) return count ? c.reply.null_array() : c.reply.null();
  if (count) return take_off(c, c[0], *l.value, front, static_cast<std::size_t>(*count));
  pop_one(c, c[0], *l.value, front);
}
void lpop(procedure_call& c) { pop(c, true); }
void rpop(procedure_call& c) { pop(c, false); }

// --- in between

void linsert(procedure_call& c) {
  const bool after = is_word(c[1], "after");
  if (!after && !is_word(c[1], "before")) return c.reply.error(syntax_error);
  const auto l = find_value<list_value>(c, c[0]);
  if (!l.good) return;
  if (l.value == nullptr) return c.reply.integer(0);
  std::optional<std::size_t> place;
  l.value->visit(0, [&](std::size_t index, std::string_view word) {
    if (word == c[2]) place = index;
    return !place;
  });
  if (!place) return c.reply.integer(-1);
  if (!may_grow(c, *l.value)) return;
  const auto index = *place + (after ? 1 : 0);
  l.value->insert(index, c[3]);
  std::string words;
  pack_number(words, index);
  pack_word(words, c[3]);
  const auto size = static_cast<std::int64_t>(l.size());
  c.keys.tell(event_kind::list, "linsert", c[0]);
  c.keys.edited(c[0], value_edit::insert_at, words);
  c.reply.integer(size);
}

void lset(procedure_call& c) {
  const auto l = find_value<list_value>(c, c[0]);
  if (!l.good) return;
  if (l.value == nullptr) return c.reply.error(no_such_key);
  const auto index = integer_word(c, 1);
  if (!index) return;
  const auto place = place_of(*index, l.size());
  if (!place) return c.reply.error("ERR index out of range");
  if (!may_grow(c, *l.value)) return;
  l.value->replace(*place, c[2]);
  std::string words;
  pack_number(words, *place);
  pack_word(words, c[2]);
  c.keys.tell(event_kind::list, "lset", c[0]);
  c.keys.edited(c[0], value_edit::replace_at, words);
  c.reply.ok();
}

void lrem(procedure_call& c) {
  const auto count = integer_word(c, 1);
  if (!count) return;
  const auto l = find_value<list_value>(c, c[0]);
  if (!l.good) return;
  std::vector<std::size_t> places;
  const auto most = *count == 0
                        ? std::numeric_limits<std::uint64_t>::max()
                        : (*count > 0 ? static_cast<std::uint64_t>(*count) : 0 - static_cast<std::uint64_t>(*count));
  const auto look = [&](std::size_t index, std::string_view word) {
    if (word == c[2]) places.push_back(index);
    return places.size() < most;
  };
  if (l.value != nullptr) *count < 0 ? l.value->visit_back(l.size() - 1, look) : l.value->visit(0, look);
  std::sort(places.rbegin(), places.rend());
  std::string words;
  for (const auto place : places) {
    l.value->erase(place);
    pack_number(words, place);
  }
  if (!places.empty()) c.keys.tell(event_kind::list, "lrem", c[0]);
  if (!places.empty()) c.keys.edited(c[0], value_edit::erase_at, words);
  c.reply.integer(static_cast<std::int64_t>(places.size()));
}

void ltrim(procedure_call& c) {
  const auto start = integer_word(c, 1);
  if (!start) return;
  const auto stop = integer_word(c, 2);
  if (!stop) return;
  const auto l = find_value<list_value>(c, c[0]);
  if (!l.good) return;
  if (l.value == nullptr) return c.reply.ok();
  const auto part = clip_range(*start, *stop, l.size());
  c.keys.tell(event_kind::list, "ltrim", c[0]);
  if (part.count < l.size()) {
    l.value->keep_range(part.first, part.count);
    std::string words;
    pack_number(words, part.first);
    pack_number(words, part.count);
    c.keys.edited(c[0], value_edit::keep_range, words);
  }
  c.reply.ok();
}

// --- from one to another

void move_element(procedure_call& c, bool from_front, bool to_front) {
  const auto from = find_value<list_value>(c, c[0]);
  if (!from.good) return;
  if (from.value == nullptr) return c.reply.null();
  const auto to = c.keys.find(c[1]);
  if (to && to->type != value_type::list) return c.reply.wrong_type();
  const auto last = from_front ? 0 : from.size() - 1;
  const std::string word(from.value->at(last));
  // Before anything is changed: the element would be lost.
  if (to && c[0] != c[1] && !may_grow(c, *to->object, word.size() + element_overhead)) return;
  from.value->erase(last);
  const bool same = c[0] == c[1];
  if (same && from.size() == 0) {
    // It would be erased in between, and keeps its time to live.
    from.value->push_back(word);
  } else {
    if (same) taken_off(c, c[0], from_front, 1);
    opened_value<list_value> target(c, c[1], growth::known);  // what it takes was asked above, or it takes nothing
    to_front ? target->push_front(word) : target->push_back(word);
    std::string words;
    pack_word(words, word);
    if (!target.commit(to_front ? value_edit::push_front : value_edit::push_back, words)) {
      // Of a new list only, for want of memory: the element stays where it was.
      from_front ? from.value->push_front(word) : from.value->push_back(word);
      return;
    }
  }
  tell_pushed(c, c[1], to_front);
  tell_popped(c, c[0], from_front);
  if (!same) taken_off(c, c[0], from_front, 1);
  c.reply.bulk(word);
}

// LEFT is true. None: an error is the reply.
std::optional<bool> read_end(procedure_call& c, std::size_t i) {
  if (is_word(c[i], "left")) return true;
  if (is_word(c[i], "right")) return false;
  c.reply.error(syntax_error);
  return std::nullopt;
}

void lmove(procedure_call& c) {
  const auto from = read_end(c, 2);
  if (!from) return;
  if (const auto to = read_end(c, 3)) move_element(c, *from, *to);
}

void rpoplpush(procedure_call& c) { move_element(c, false, true); }

void mpop(procedure_call& c, std::size_t count_at) {
  const auto which = read_pop_keys(c, count_at);
  if (!which) return;
  const auto front = read_end(c, *which);
  if (!front) return;
  const auto count = read_pop_count(c, *which);
  if (!count) return;
  for (std::size_t i = count_at + 1; i < *which; ++i) {
    const auto l = find_value<list_value>(c, c[i]);
    if (!l.good) return;
    if (l.value == nullptr) continue;
    c.reply.array(2);
    c.reply.bulk(c[i]);
    return take_off(c, c[i], *l.value, *front, *count);
  }
  c.reply.null_array();
}
void lmpop(procedure_call& c) { mpop(c, 0); }

// --- the forms that a client may wait for: here there is something, or there is not

void blmpop(procedure_call& c) {
  if (check_timeout(c, 0)) mpop(c, 1);
}

void pop_any(procedure_call& c, bool front) {
  if (!check_timeout(c, c.size() - 1)) return;
  for (std::size_t i = 0; i + 1 < c.size(); ++i) {
    const auto l = find_value<list_value>(c, c[i]);
    if (!l.good) return;
    if (l.value == nullptr) continue;
    c.reply.array(2);
    c.reply.bulk(c[i]);
    return pop_one(c, c[i], *l.value, front);
  }
  c.reply.null_array();
}
void blpop(procedure_call& c) { pop_any(c, true); }
void brpop(procedure_call& c) { pop_any(c, false); }

void blmove(procedure_call& c) {
  const auto from = read_end(c, 2);
  if (!from) return;
  const auto to = read_end(c, 3);
  if (to && check_timeout(c, 4)) move_element(c, *from, *to);
}

void brpoplpush(procedure_call& c) {
  if (check_timeout(c, 2)) move_element(c, false, true);
}

}  // namespace

function list_function(procedure p) noexcept {
  switch (p) {
    case procedure::llen: return llen;
    case procedure::lindex: return lindex;
    case procedure::lrange: return lrange;
    case procedure::lpush: return lpush;
    case procedure::rpush: return rpush;
    case procedure::lpushx: return lpushx;
    case procedure::rpushx: return rpushx;
    case procedure::lpop: return lpop;
    case procedure::rpop: return rpop;
    case procedure::linsert: return linsert;
    case procedure::lset: return lset;
    case procedure::lrem: return lrem;
    case procedure::ltrim: return ltrim;
    case procedure::lmove: return lmove;
    case procedure::rpoplpush: return rpoplpush;
    case procedure::lmpop: return lmpop;
    case procedure::blpop: return blpop;
    case procedure::brpop: return brpop;
    case procedure::blmove: return blmove;
    case procedure::brpoplpush: return brpoplpush;
    case procedure::blmpop: return blmpop;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
