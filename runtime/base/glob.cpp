#include "runtime/base/glob.hpp"

#include <cstddef>
#include <utility>

namespace troupe {

namespace {

struct any_case {
  char operator()(char c) const noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
};
struct exact {
  char operator()(char c) const noexcept { return c; }
};

// One character of text against the pattern's element at `at`, which is moved behind the element.
template <class Fold>
bool matches_one(std::string_view pattern, std::size_t& at, char text, Fold lower) noexcept {
  const char c = lower(text);
  const char first = pattern[at++];
  if (first == '?') return true;
  if (first == '\\' && at < pattern.size()) return lower(pattern[at++]) == c;
  if (first != '[') return lower(first) == c;

  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted) ++at;
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    char low = lower(pattern[at]);
    char high = low;
    if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      high = lower(pattern[at + 2]);
      at += 2;
    }
    if (low > high) std::swap(low, high);
    found = found || (c >= low && c <= high);
    ++at;
  }
  if (at < pattern.size()) ++at;  // an unclosed class ends with the pattern
  return found != inverted;
}

// The classic loop: on a mismatch, let the last star take one character more.
template <class Fold>
bool matches(std::string_view pattern, std::string_view text, Fold fold) noexcept {
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
    if (p < pattern.size() && matches_one(pattern, next, text[t], fold)) {
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

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) noexcept { return matches(pattern, text, exact{}); }

bool glob_matches_any_case(std::string_view pattern, std::string_view text) noexcept {
  return matches(pattern, text, any_case{});
}

}  // namespace troupe
