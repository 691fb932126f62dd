#include "runtime/cache/procedures/waiting_words.hpp"

#include <cmath>

#include "runtime/cache/procedures/call.hpp"

namespace troupe {

std::optional<duration> read_timeout(std::string_view word, std::string_view& error) noexcept {
  using std::chrono::milliseconds;
  const auto seconds = procedures::read_long_real(word);
  if (!seconds) {
    error = "ERR timeout is not a float or out of range";
    return std::nullopt;
  }
  const auto ms = std::ceil(*seconds * 1000.0L);
  if (ms >= 9223372036854775807.0L) {
    error = "ERR timeout is out of range";
    return std::nullopt;
  }
  if (ms < 0) {
    error = "ERR timeout is negative";
    return std::nullopt;
  }
  constexpr auto most = std::chrono::duration_cast<milliseconds>(wait_max).count();
  if (ms >= static_cast<long double>(most)) return duration::zero();
  return milliseconds(static_cast<std::int64_t>(ms));
}

std::string_view timeout_of(const procedure_row& row, const word_list& words) noexcept {
  const bool in_front = row.number == procedure::blmpop || row.number == procedure::bzmpop;
  if (words.size() == 0) return {};
  return words[in_front ? 0 : words.size() - 1];
}

value_type waits_for(procedure p) noexcept {
  const bool sorted = p == procedure::bzpopmin || p == procedure::bzpopmax || p == procedure::bzmpop;
  return sorted ? value_type::sorted_set : value_type::list;
}

std::vector<std::string_view> waited_keys(const procedure_row& row, const word_list& words) {
  std::vector<std::string_view> keys;
  keys_of(row, words, [&](std::string_view key) { keys.push_back(key); });
  const bool moves = row.number == procedure::blmove || row.number == procedure::brpoplpush;
  if (moves && keys.size() > 1) keys.resize(1);
  return keys;
}

bool is_null_reply(std::string_view reply) noexcept {
  return reply == "*-1\r\n" || reply == "$-1\r\n" || reply == "_\r\n";
}

std::string pack(const wait_words& w) {
  std::string packed;
  pack_number(packed, static_cast<std::uint64_t>(w.type));
  for (const auto key : w.keys) pack_word(packed, key);
  return packed;
}

std::optional<wait_words> read_wait_words(std::string_view packed) {
  const auto first = take_word(packed);
  const auto type = first ? number_of(*first) : std::nullopt;
  wait_words w;
  if (type != static_cast<std::uint64_t>(value_type::list) &&
      type != static_cast<std::uint64_t>(value_type::sorted_set))
    return std::nullopt;
  w.type = static_cast<value_type>(*type);
  while (!packed.empty()) {
    const auto key = take_word(packed);
    if (!key || key->size() > key_bytes_max || w.keys.size() == waited_keys_max) return std::nullopt;
    w.keys.push_back(*key);
  }
  return w.keys.empty() ? std::nullopt : std::optional(std::move(w));
}

bool procedures::check_timeout(procedure_call& c, std::size_t word) {
  std::string_view error;
  if (read_timeout(c[word], error)) return true;
  c.reply.error(error);
  return false;
}

}  // namespace troupe
