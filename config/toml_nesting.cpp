#include "config/toml_nesting.hpp"

#include <algorithm>

namespace troupe {
namespace {

/// Length of the string at the front of `text`, its quotes included, whether """ or " or ' or '''.
/// One that does not end goes to the end of its line, or of the text.
std::size_t string_length(std::string_view text) noexcept {
  const char quote = text.front();
  const bool multi_line = text.size() >= 3 && text[1] == quote && text[2] == quote;
  const std::size_t width = multi_line ? 3 : 1;
  std::size_t i = width;
  while (i < text.size()) {
    if (text[i] == '\\' && quote == '"') {
      i += 2;
      continue;
    }
    if (text[i] == '\n' && !multi_line) return i;
    if (text[i] == quote && (!multi_line || text.substr(i, 3) == text.substr(0, 3))) {
      i += width;
      // """a""""": up to two quotes before the closing three belong to the string.
      for (int more = 0; multi_line && more < 2 && i < text.size() && text[i] == quote; ++more) ++i;
      return i;
    }
    ++i;
  }
  return text.size();
}

}  // namespace

std::size_t line_nested_too_deep(std::string_view text) noexcept {
  std::size_t line = 1;
  std::size_t dots = 0;
  while (!text.empty()) {
    std::size_t taken = 1;
    switch (text.front()) {
      case '\n':
        ++line;
        dots = 0;
        break;
      case '.':
        if (++dots > toml_dots_max) return line;
        break;
      case '#': taken = std::min(text.find('\n'), text.size()); break;
      case '"':
      case '\'':
        taken = string_length(text);
        line +=
            static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(taken), '\n'));
        break;
      default: break;
    }
    text.remove_prefix(taken);
  }
  return 0;
}

}  // namespace troupe
