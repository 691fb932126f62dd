#include "runtime/database/sql_scanner.hpp"

namespace troupe {
namespace {

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
// Bytes above 127 belong to names in both databases.
bool begins_name(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) > 127;
}
bool is_name(char c) noexcept { return begins_name(c) || is_digit(c) || c == '$'; }

}  // namespace

sql_scanner::part sql_scanner::take(sql_token kind, std::size_t end) {
  const part p{kind, text_.substr(at_, end - at_)};
  at_ = end;
  return p;
}

sql_scanner::part sql_scanner::quoted(char quote, sql_token kind, std::size_t from, bool backslashes) {
  for (std::size_t i = from; i < text_.size(); ++i) {
    if (backslashes && text_[i] == '\\') {
      ++i;
    } else if (text_[i] == quote) {
      if (quote == ']' || at(i + 1) != quote) return take(kind, i + 1);
      ++i;
    }
  }
  return take(sql_token::unfinished, text_.size());
}

sql_scanner::part sql_scanner::comment() {
  if (at(at_) == '-') {
    const auto end = text_.find('\n', at_);
    return take(sql_token::blank, end == text_.npos ? text_.size() : end + 1);
  }
  int depth = 0;
  for (std::size_t i = at_; i + 1 < text_.size(); ++i) {
    if (text_[i] == '/' && text_[i + 1] == '*' && (depth == 0 || dialect_ == sql_dialect::postgres)) {
      ++depth;
      ++i;
    } else if (text_[i] == '*' && text_[i + 1] == '/') {
      ++i;
      if (--depth == 0) return take(sql_token::blank, i + 1);
    }
  }
  return take(sql_token::unfinished, text_.size());
}

// $1, or in PostgreSQL $tag$ .. $tag$.
sql_scanner::part sql_scanner::dollar() {
  std::size_t end = at_ + 1;
  if (is_digit(at(end))) {
    while (is_digit(at(end))) ++end;
    return take(sql_token::parameter, end);
  }
  while (is_name(at(end)) && at(end) != '$') ++end;
  if (dialect_ != sql_dialect::postgres || at(end) != '$') return take(sql_token::other, at_ + 1);
  const auto tag = text_.substr(at_, end + 1 - at_);
  const auto close = text_.find(tag, end + 1);
  if (close == text_.npos) return take(sql_token::unfinished, text_.size());
  return take(sql_token::other, close + tag.size());
}

sql_scanner::part sql_scanner::word() {
  std::size_t end = at_;
  while (is_name(at(end))) ++end;
  const auto name = text_.substr(at_, end - at_);
  const bool escapes = dialect_ == sql_dialect::postgres && (name == "e" || name == "E") && at(end) == '\'';
  return escapes ? quoted('\'', sql_token::other, end + 1, true) : take(sql_token::word, end);
}

sql_scanner::part sql_scanner::next() {
  if (at_ >= text_.size()) return {};
  const char c = text_[at_];
  const char after = at(at_ + 1);
  if (is_blank(c)) {
    std::size_t end = at_;
    while (end < text_.size() && is_blank(text_[end])) ++end;
    return take(sql_token::blank, end);
  }
  if ((c == '-' && after == '-') || (c == '/' && after == '*')) return comment();
  if (begins_name(c)) return word();
  if (c == '\'') return quoted(c, sql_token::other, at_ + 1);
  if (c == '"') return quoted(c, sql_token::name, at_ + 1);
  if (dialect_ == sql_dialect::sqlite && c == '`') return quoted(c, sql_token::name, at_ + 1);
  if (dialect_ == sql_dialect::sqlite && c == '[') return quoted(']', sql_token::name, at_ + 1);
  if (c == '$') return dollar();
  if (c == ';') return take(sql_token::semicolon, at_ + 1);
  std::size_t end = at_ + 1;
  if (c == '?' && after == '?') return take(sql_token::question, at_ + 2);
  if (c == '?') {
    while (is_digit(at(end))) ++end;
    return take(sql_token::parameter, end);
  }
  if (!is_digit(c)) return take(sql_token::other, end);
  while (is_name(at(end)) || at(end) == '.') ++end;  // 1e9, 0x10, 1.5
  return take(sql_token::number, end);
}

}  // namespace troupe
