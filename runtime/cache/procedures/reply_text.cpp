#include "runtime/cache/procedures/reply_text.hpp"

#include <charconv>
#include <cmath>

namespace troupe {

namespace {

constexpr double whole_numbers_max = 1e17;  // beyond it Redis writes an exponent

}  // namespace

std::string text_of(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char text[40];
  if (std::abs(value) < whole_numbers_max && value == std::trunc(value)) {
    if (value == 0 && std::signbit(value)) return "-0";
    const auto end = std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(value)).ptr;
    return {text, end};
  }
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  std::string s(text, end);
  // An exponent has no leading zero: 1e-7.
  const auto e = s.find('e');
  if (e != std::string::npos && e + 2 < s.size() && s[e + 2] == '0') s.erase(e + 2, 1);
  return s;
}

void reply_text::head(char type, std::int64_t number) {
  char text[24];
  text[0] = type;
  auto* end = std::to_chars(text + 1, text + 22, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out_->append(text, end);
}

void reply_text::error(std::string_view text) {
  out_->push_back('-');
  for (const char c : text) out_->push_back(c == '\r' || c == '\n' ? ' ' : c);
  out_->append("\r\n");
}

void reply_text::bulk(std::string_view bytes) {
  if (full()) return;
  head('$', static_cast<std::int64_t>(bytes.size()));
  out_->append(bytes).append("\r\n");
}

void reply_text::bulk(std::int64_t number) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  bulk(std::string_view(text, end));
}

void reply_text::bulk_real(double value) { bulk(text_of(value)); }

void reply_text::real(double value) {
  if (!resp3()) return bulk_real(value);
  out_->append(",").append(text_of(value)).append("\r\n");
}

}  // namespace troupe
