#include "runtime/cache/procedures/typed.hpp"

#include <charconv>

namespace troupe::procedures {

namespace {

// One character of text against the pattern's element at `at`, which is moved behind the element.
bool matches_one(std::string_view pattern, std::size_t& at, char c) noexcept {
  const char first = pattern[at++];
  if (first == '?') return true;
  if (first == '\\' && at < pattern.size()) return pattern[at++] == c;
  if (first != '[') return first == c;
  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted) ++at;
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    char low = pattern[at];
    char high = low;
    if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      high = pattern[at + 2];
      at += 2;
    }
    if (low > high) std::swap(low, high);
    found = found || (c >= low && c <= high);
    ++at;
  }
  if (at < pattern.size()) ++at;  // an unclosed class ends with the pattern
  return found != inverted;
}

}  // namespace

// On a mismatch, the last star takes one character more.
bool matches_glob(std::string_view text, std::string_view pattern) noexcept {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t after_star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      star_text = t;
      continue;
    }
    std::size_t next = p;
    if (p < pattern.size() && matches_one(pattern, next, text[t])) {
      p = next;
      ++t;
      continue;
    }
    if (after_star == std::string_view::npos) return false;
    p = after_star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool put_object(procedure_call& c, std::string_view key, std::unique_ptr<value_object> object, time_point expiry) {
  if (object == nullptr || object->size() == 0) {
    (void)c.keys.erase(key);
    return true;
  }
  const auto code = c.keys.put(key, std::move(object), expiry);
  if (code == errc::ok) return true;
  c.reply.error(code == errc::too_large ? "ERR the value would be larger than cache.value_max" : out_of_memory_words);
  return false;
}

bool read_scan(procedure_call& c, scan_request& r) {
  const auto text = c[1];
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), r.cursor);
  if (failed != std::errc{} || end != text.data() + text.size()) {
    c.reply.error("ERR invalid cursor");
    return false;
  }
  for (std::size_t i = 2; i < c.size(); i += 2) {
    const bool pairs = i + 1 < c.size();
    if (pairs && is_word(c[i], "count")) {
      const auto count = integer_word(c, i + 1);
      if (!count) return false;
      if (*count >= 1) {
        r.count = static_cast<std::size_t>(*count);
        continue;
      }
    } else if (pairs && is_word(c[i], "match")) {
      r.pattern = c[i + 1] == "*" ? std::string_view() : c[i + 1];
      continue;
    }
    c.reply.error(syntax_error);
    return false;
  }
  return true;
}

}  // namespace troupe::procedures
