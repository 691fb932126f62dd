// Hashes.
#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/base/glob.hpp"
#include "runtime/cache/procedures/functions.hpp"
#include "runtime/cache/procedures/typed.hpp"

namespace troupe::procedures {

namespace {

void hget(procedure_call& c) {
  const auto h = find_value<hash_value>(c, c[0]);
  if (!h.good) return;
  const auto value = h.value == nullptr ? std::nullopt : h.value->find(c[1]);
  value ? c.reply.bulk(*value) : c.reply.null();
}

void hmget(procedure_call& c) {
  const auto h = find_value<hash_value>(c, c[0]);
  if (!h.good) return;
  c.reply.array(c.size() - 1);
  for (std::size_t i = 1; i < c.size(); ++i) {
    const auto value = h.value == nullptr ? std::nullopt : h.value->find(c[i]);
    value ? c.reply.bulk(*value) : c.reply.null();
  }
}

void hgetall(procedure_call& c) {
  const auto h = find_value<hash_value>(c, c[0]);
  if (!h.good) return;
  c.reply.map(h.size());
  if (h.value == nullptr) return;
  h.value->for_each([&](std::string_view field, std::string_view value) {
    c.reply.bulk(field);
    c.reply.bulk(value);
  });
}

void list_parts(procedure_call& c, bool fields) {
  const auto h = find_value<hash_value>(c, c[0]);
  if (!h.good) return;
  c.reply.array(h.size());
  if (h.value == nullptr) return;
  h.value->for_each([&](std::string_view field, std::string_view value) { c.reply.bulk(fields ? field : value); });
}
void hkeys(procedure_call& c) { list_parts(c, true); }
void hvals(procedure_call& c) { list_parts(c, false); }

void hlen(procedure_call& c) {
  const auto h = find_value<hash_value>(c, c[0]);
  if (h.good) c.reply.integer(static_cast<std::int64_t>(h.size()));
}

void hexists(procedure_call& c) {
  const auto h = find_value<hash_value>(c, c[0]);
  if (h.good) c.reply.integer(h.value != nullptr && h.value->find(c[1]) ? 1 : 0);
}

void hstrlen(procedure_call& c) {
  const auto h = find_value<hash_value>(c, c[0]);
  if (!h.good) return;
  const auto value = h.value == nullptr ? std::nullopt : h.value->find(c[1]);
  c.reply.integer(value ? static_cast<std::int64_t>(value->size()) : 0);
}

// --- writing

// Fields with values from word 1 on; how many were new, or none when an error is the reply.
std::optional<std::int64_t> put_fields(procedure_call& c) {
  if (c.size() % 2 == 0) {
    c.reply.error("ERR wrong number of arguments for '" + std::string(c.name) + "' command");
    return std::nullopt;
  }
  opened_value<hash_value> h(c, c[0]);
  if (!h.good()) return std::nullopt;
  std::int64_t fresh = 0;
  std::string words;
  for (std::size_t i = 1; i < c.size(); i += 2) {
    fresh += h->put(c[i], c[i + 1]) ? 1 : 0;
    if (!c.keys.notes()) continue;
    pack_word(words, c[i]);
    pack_word(words, c[i + 1]);
  }
  if (!h.commit(value_edit::hash_put, words)) return std::nullopt;
  c.keys.tell(event_kind::hash, "hset", c[0]);
  return fresh;
}

void hset(procedure_call& c) {
  if (const auto fresh = put_fields(c)) c.reply.integer(*fresh);
}
void hmset(procedure_call& c) {
  if (put_fields(c)) c.reply.ok();
}

// `event`: what it is called.
bool put_field(procedure_call& c, opened_value<hash_value>& h, std::string_view event, std::string_view value) {
  const auto field = c[1];
  (void)h->put(field, value);
  std::string words;
  pack_word(words, field);
  pack_word(words, value);
  if (!h.commit(value_edit::hash_put, words)) return false;
  c.keys.tell(event_kind::hash, event, c[0]);
  return true;
}

void hsetnx(procedure_call& c) {
  opened_value<hash_value> h(c, c[0]);
  if (!h.good()) return;
  if (h->find(c[1])) return c.reply.integer(0);
  if (put_field(c, h, "hset", c[2])) c.reply.integer(1);
}

void hdel(procedure_call& c) {
  const auto h = find_value<hash_value>(c, c[0]);
  if (!h.good) return;
  std::int64_t gone = 0;
  std::string words;
  for (std::size_t i = 1; i < c.size() && h.value != nullptr; ++i) {
    if (!h.value->remove(c[i])) continue;
    ++gone;
    pack_word(words, c[i]);
  }
  if (gone > 0) c.keys.tell(event_kind::hash, "hdel", c[0]);
  if (gone > 0) c.keys.edited(c[0], value_edit::hash_remove, words);
  c.reply.integer(gone);
}

void hincrby(procedure_call& c) {
  const auto by = integer_word(c, 2);
  if (!by) return;
  opened_value<hash_value> h(c, c[0]);
  if (!h.good()) return;
  const auto text = h->find(c[1]);
  const auto value = text ? read_integer(*text) : 0;
  if (!value) return c.reply.error("ERR hash value is not an integer");
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*value, *by, &sum)) return c.reply.error("ERR increment or decrement would overflow");
  if (put_field(c, h, "hincrby", std::to_string(sum))) c.reply.integer(sum);
}

void hincrbyfloat(procedure_call& c) {
  const auto by = read_long_real(c[2]);
  if (!by) return c.reply.error(not_a_float);
  if (std::isinf(*by)) return c.reply.error("ERR value is NaN or Infinity");
  opened_value<hash_value> h(c, c[0]);
  if (!h.good()) return;
  const auto text = h->find(c[1]);
  const auto value = text ? read_long_real(*text) : 0.0L;
  if (!value) return c.reply.error("ERR hash value is not a float");
  const auto sum = *value + *by;
  if (std::isnan(sum) || std::isinf(sum)) return c.reply.error("ERR increment would produce NaN or Infinity");
  const auto result = text_of_long_real(sum);
  if (put_field(c, h, "hincrbyfloat", result)) c.reply.bulk(result);
}

// --- at random, and page by page

void write_field(procedure_call& c, bool with_values, std::string_view field, std::string_view value) {
  if (with_values) c.reply.pair();
  c.reply.bulk(field);
  if (with_values) c.reply.bulk(value);
}

// `count` different ones, or all.
void pick_different(procedure_call& c, const hash_value& h, std::size_t count, bool with_values) {
  std::vector<std::pair<std::string_view, std::string_view>> all;
  all.reserve(h.size());
  h.for_each([&](std::string_view field, std::string_view value) { all.emplace_back(field, value); });
  count = std::min(count, all.size());
  for (std::size_t i = 0; i < count; ++i) std::swap(all[i], all[i + c.keys.rng().below(all.size() - i)]);
  with_values ? c.reply.pairs(count) : c.reply.array(count);
  for (std::size_t i = 0; i < count; ++i) write_field(c, with_values, all[i].first, all[i].second);
}

void hrandfield(procedure_call& c) {
  if (c.size() == 1) {
    const auto h = find_value<hash_value>(c, c[0]);
    if (!h.good) return;
    if (h.value == nullptr) return c.reply.null();
    return h.value->pick(c.keys.rng(), [&](std::string_view field, std::string_view) { c.reply.bulk(field); });
  }
  const auto count = integer_word(c, 1);
  if (!count) return;
  const bool with_values = c.size() == 3;
  if (c.size() > 3 || (with_values && !is_word(c[2], "withvalues"))) return c.reply.error(syntax_error);
  if (*count < -repeated_max || *count > std::numeric_limits<std::int64_t>::max() / 2)
    return c.reply.error(out_of_range);
  const auto h = find_value<hash_value>(c, c[0]);
  if (!h.good) return;
  if (h.value == nullptr || *count == 0) return c.reply.array(0);
  if (*count > 0) return pick_different(c, *h.value, static_cast<std::size_t>(*count), with_values);
  const auto times = static_cast<std::size_t>(-*count);
  with_values ? c.reply.pairs(times) : c.reply.array(times);
  for (std::size_t i = 0; i < times && !c.reply.full(); ++i) {
    h.value->pick(c.keys.rng(), [&](std::string_view f, std::string_view v) { write_field(c, with_values, f, v); });
  }
}

void hscan(procedure_call& c) {
  scan_request r;
  if (!read_scan(c, r)) return;
  const auto h = find_value<hash_value>(c, c[0]);
  if (!h.good) return;
  std::vector<std::string_view> found;
  std::uint64_t next = 0;
  if (h.value != nullptr) {
    next = h.value->scan(r.cursor, r.count, [&](std::string_view field, std::string_view value) {
      if (!r.pattern.empty() && !glob_matches(r.pattern, field)) return;
      found.push_back(field);
      found.push_back(value);
    });
  }
  c.reply.array(2);
  c.reply.bulk(static_cast<std::int64_t>(next));
  c.reply.array(found.size());
  for (const auto word : found) c.reply.bulk(word);
}

}  // namespace

function hash_function(procedure p) noexcept {
  switch (p) {
    case procedure::hget: return hget;
    case procedure::hmget: return hmget;
    case procedure::hgetall: return hgetall;
    case procedure::hkeys: return hkeys;
    case procedure::hvals: return hvals;
    case procedure::hlen: return hlen;
    case procedure::hexists: return hexists;
    case procedure::hstrlen: return hstrlen;
    case procedure::hset: return hset;
    case procedure::hmset: return hmset;
    case procedure::hsetnx: return hsetnx;
    case procedure::hdel: return hdel;
    case procedure::hincrby: return hincrby;
    case procedure::hincrbyfloat: return hincrbyfloat;
    case procedure::hrandfield: return hrandfield;
    case procedure::hscan: return hscan;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
