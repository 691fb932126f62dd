#include "config/dsn.hpp"

#include <algorithm>

namespace troupe {
namespace {

constexpr std::string_view mask = "***";
constexpr std::string_view word = "password";
constexpr std::string_view blanks = " \t\r\n";

bool starts_with_word(std::string_view text) noexcept {
  if (text.size() < word.size()) return false;
  return std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) { return a == (b | 0x20); });
}

std::size_t count_blanks(std::string_view text) noexcept {
  return std::min(text.find_first_not_of(blanks), text.size());
}

/// Length of the value at the front: quoted, or up to a blank or &; a backslash takes the next byte.
std::size_t value_length(std::string_view text) noexcept {
  const bool is_quoted = text.starts_with('\'');
  std::size_t i = is_quoted ? 1 : 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (is_quoted && text[i] == '\'') {
      return i + 1;
    } else if (!is_quoted && (text[i] == '&' || blanks.find(text[i]) != std::string_view::npos)) {
      return i;
    }
  }
  return text.size();
}

/// user:secret@ of a URI.
std::string mask_user(std::string_view dsn) {
  const std::size_t scheme = dsn.find("://");
  if (scheme == std::string_view::npos) return std::string(dsn);
  const std::size_t colon = dsn.find(':', scheme + 3);
  const std::size_t at = dsn.substr(0, dsn.find('?')).rfind('@');
  if (colon == std::string_view::npos || at == std::string_view::npos || colon > at) return std::string(dsn);
  return std::string(dsn.substr(0, colon + 1)) + std::string(mask) + std::string(dsn.substr(at));
}

}  // namespace

std::string mask_password(std::string_view dsn) {
  const std::string without_user = mask_user(dsn);
  std::string_view rest = without_user;
  std::string out;
  while (!rest.empty()) {
    std::size_t taken = 1;
    if (starts_with_word(rest)) {
      const std::size_t equals = word.size() + count_blanks(rest.substr(word.size()));
      if (rest.substr(equals).starts_with('=')) {
        const std::size_t value = equals + 1 + count_blanks(rest.substr(equals + 1));
        out += rest.substr(0, equals + 1);
        out += mask;
        rest.remove_prefix(value + value_length(rest.substr(value)));
        continue;
      }
      taken = word.size();
    }
    out += rest.substr(0, taken);
    rest.remove_prefix(taken);
  }
  return out;
}

}  // namespace troupe
