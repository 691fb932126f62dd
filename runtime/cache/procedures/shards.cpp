#include "runtime/cache/procedures/shards.hpp"

#include <algorithm>

#include "runtime/base/glob.hpp"
#include "runtime/cache/procedures/functions.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

std::uint64_t scan_tag_of(std::uint64_t hash_seed) noexcept {
  std::uint64_t h = hash_seed + 0x9e3779b97f4a7c15u;  // splitmix64's finisher
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
  return (h ^ (h >> 31)) % scan_tags;
}

std::string pack(const shard_scan_request& r) {
  std::string words;
  pack_number(words, r.tag);
  pack_number(words, r.position);
  pack_number(words, r.count);
  pack_number(words, r.slot ? std::uint64_t{*r.slot} + 1 : 0);
  pack_word(words, r.pattern);
  pack_word(words, r.type);
  return words;
}

std::optional<shard_page> read_shard_page(std::string_view reply) {
  const auto number = [&reply]() -> std::optional<std::uint64_t> {
    const auto word = take_word(reply);
    return word ? number_of(*word) : std::nullopt;
  };
  const auto tag = number();
  const auto next = number();
  const auto looked_at = number();
  if (!tag || !next || !looked_at || *tag >= scan_tags || *next > UINT32_MAX) return std::nullopt;
  shard_page page{*tag, *next, *looked_at, {}};
  while (!reply.empty()) {
    const auto key = take_word(reply);
    if (!key) return std::nullopt;
    page.keys.push_back(*key);
  }
  return page;
}

std::string pack_clear(std::uint64_t tag, std::uint64_t position) {
  std::string words;
  pack_number(words, tag);
  pack_number(words, position);
  pack_number(words, clear_count_max);
  return words;
}

std::optional<std::vector<std::uint64_t>> read_shard_numbers(std::string_view reply, std::size_t count) {
  std::vector<std::uint64_t> numbers;
  while (!reply.empty()) {
    const auto word = take_word(reply);
    const auto n = word ? number_of(*word) : std::nullopt;
    if (!n || numbers.size() == count) return std::nullopt;
    numbers.push_back(*n);
  }
  if (numbers.size() != count) return std::nullopt;
  return numbers;
}

namespace procedures {

namespace {

constexpr std::string_view malformed = "ERR malformed request to a shard";

void write_number(procedure_call& c, std::uint64_t n) {
  std::string word;
  pack_number(word, n);
  c.reply.raw(word);
}

void scan(procedure_call& c) {
  const auto tag = number_of(c[0]);
  const auto position = number_of(c[1]);
  const auto count = number_of(c[2]);
  const auto slot = number_of(c[3]);
  if (!tag || !position || !count || !slot) return c.reply.error(malformed);
  const auto pattern = c[4];
  const auto type = c[5];
  const auto mine = scan_tag_of(c.keys.hash_seed());
  const bool any = pattern == "*";
  std::uint64_t looked_at = 0;
  std::string keys;
  const auto next =
      c.keys.scan(*tag == mine || *tag == scan_tag_any ? *position : 0,
                  std::clamp<std::uint64_t>(*count, 1, scan_count_max), [&](const shard_store::entry_view& e) {
                    ++looked_at;
                    const auto what = e.object == nullptr ? value_type::string : e.object->type;
                    if (*slot != 0 && slot_of(e.key) + 1 != *slot) return;
                    if (!type.empty() && !is_word(type, name_of(what))) return;
                    if (!any && !glob_matches(pattern, e.key)) return;
                    pack_word(keys, e.key);
                  });
  write_number(c, mine);
  write_number(c, next);
  write_number(c, looked_at);
  c.reply.raw(keys);
}

void count(procedure_call& c) { write_number(c, c.keys.count()); }

void clear(procedure_call& c) {
  const auto tag = number_of(c[0]);
  const auto position = number_of(c[1]);
  const auto most = number_of(c[2]);
  if (!tag || !position || !most) return c.reply.error(malformed);
  const auto mine = scan_tag_of(c.keys.hash_seed());
  std::vector<std::string> names;
  const auto from = *tag == mine ? *position : 0;  // a position in another process says nothing here
  const auto next = c.keys.scan(from, std::clamp<std::uint64_t>(*most, 1, clear_count_max),
                                [&](const shard_store::entry_view& e) { names.emplace_back(e.key); });
  for (const auto& name : names) (void)c.keys.take_away(name);
  write_number(c, mine);
  write_number(c, next);
  write_number(c, names.size());
}

void drop(procedure_call& c) { c.keys.drop(); }

}  // namespace

function shard_function(procedure p) noexcept {
  switch (p) {
    case procedure::shard_scan: return scan;
    case procedure::shard_count: return count;
    case procedure::shard_clear: return clear;
    case procedure::shard_drop: return drop;
    default: return nullptr;
  }
}

}  // namespace procedures

}  // namespace troupe
