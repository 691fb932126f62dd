#include "gateways/resp/inline_words.hpp"

namespace troupe::resp {

namespace {

// isspace of the C locale.
bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char escaped(char c) noexcept {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
  }
}

struct cursor {
  char* line;
  std::size_t count;
  std::size_t read = 0;
  std::size_t write = 0;

  [[nodiscard]] bool ended() const noexcept { return read == count; }
  void put(char c) noexcept { line[write++] = c; }
};

// After the opening quote, to behind the closing one.
bool read_double_quoted(cursor& c) {
  for (; !c.ended(); ++c.read) {
    const char now = c.line[c.read];
    if (now == '"') {
      ++c.read;
      return c.ended() || is_space(c.line[c.read]);
    }
    if (now != '\\' || c.read + 1 >= c.count) {
      c.put(now);
      continue;
    }
    const bool hex = c.line[c.read + 1] == 'x' && c.read + 3 < c.count && hex_digit(c.line[c.read + 2]) >= 0 &&
                     hex_digit(c.line[c.read + 3]) >= 0;
    if (hex) {
      c.put(static_cast<char>(hex_digit(c.line[c.read + 2]) * 16 + hex_digit(c.line[c.read + 3])));
      c.read += 3;
    } else {
      c.put(escaped(c.line[c.read + 1]));
      c.read += 1;
    }
  }
  return false;
}

bool read_single_quoted(cursor& c) {
  for (; !c.ended(); ++c.read) {
    const char now = c.line[c.read];
    if (now == '\'') {
      ++c.read;
      return c.ended() || is_space(c.line[c.read]);
    }
    if (now == '\\' && c.read + 1 < c.count && c.line[c.read + 1] == '\'') ++c.read;
    c.put(c.line[c.read]);
  }
  return false;
}

// A quote may open inside a word, as Redis allows; it always ends the word.
bool read_word(cursor& c) {
  while (!c.ended() && !is_space(c.line[c.read])) {
    const char now = c.line[c.read++];
    if (now == '"') return read_double_quoted(c);
    if (now == '\'') return read_single_quoted(c);
    c.put(now);
  }
  return true;
}

}  // namespace

bool split_inline(char* line, std::size_t count, std::vector<slice>& words) {
  cursor c{line, count};
  while (true) {
    while (!c.ended() && is_space(c.line[c.read])) ++c.read;
    if (c.ended()) return true;
    c.write = c.read;
    const std::size_t start = c.write;
    if (!read_word(c)) return false;
    words.push_back({start, c.write - start});
  }
}

}  // namespace troupe::resp
