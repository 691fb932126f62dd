#include "runtime/entities/formats.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace troupe {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// `size` digits at `from` as a number; -1 when there are none.
int number_at(std::string_view text, std::size_t from, std::size_t size) noexcept {
  if (text.size() < from + size) return -1;
  int n = 0;
  for (std::size_t i = from; i < from + size; ++i) {
    if (!is_digit(text[i])) return -1;
    n = n * 10 + (text[i] - '0');
  }
  return n;
}

int days_of(int year, int month) noexcept {
  constexpr std::array days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[static_cast<std::size_t>(month - 1)];
}

bool is_date(std::string_view t) noexcept {
  if (t.size() != 10 || t[4] != '-' || t[7] != '-') return false;
  const int year = number_at(t, 0, 4);
  const int month = number_at(t, 5, 2);
  const int day = number_at(t, 8, 2);
  return year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= days_of(year, month);
}

bool is_offset(std::string_view t) noexcept {
  if (t == "Z" || t == "z") return true;
  if (t.size() != 6 || (t[0] != '+' && t[0] != '-') || t[3] != ':') return false;
  const int hours = number_at(t, 1, 2);
  const int minutes = number_at(t, 4, 2);
  return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59;
}

// hh:mm:ss[.fraction], and the offset where it is asked for.
bool is_time(std::string_view t, bool with_offset) noexcept {
  if (t.size() < 8 || t[2] != ':' || t[5] != ':') return false;
  const int hour = number_at(t, 0, 2);
  const int minute = number_at(t, 3, 2);
  const int second = number_at(t, 6, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return false;
  t.remove_prefix(8);
  if (!t.empty() && t[0] == '.') {
    std::size_t end = 1;
    while (end < t.size() && is_digit(t[end])) ++end;
    if (end == 1) return false;
    t.remove_prefix(end);
  }
  return t.empty() ? !with_offset : is_offset(t);
}

bool is_date_time(std::string_view t) noexcept {
  return t.size() > 11 && (t[10] == 'T' || t[10] == 't') && is_date(t.substr(0, 10)) && is_time(t.substr(11), true);
}

bool is_email(std::string_view t) noexcept {
  const auto at = t.rfind('@');
  if (at == t.npos || at == 0 || at > 64 || t.size() > 254) return false;
  const auto domain = t.substr(at + 1);
  if (domain.empty() || domain.front() == '.' || domain.back() == '.' || domain.find("..") != domain.npos) return false;
  const auto local = t.substr(0, at);
  if (local.front() == '.' || local.back() == '.' || local.find("..") != local.npos) return false;
  constexpr std::string_view never = " \t\r\n\"(),:;<>@[\\]";
  return local.find_first_of(never) == local.npos && domain.find_first_of(never) == domain.npos &&
         std::none_of(t.begin(), t.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

bool is_uuid(std::string_view t) noexcept {
  if (t.size() != 36) return false;
  for (std::size_t i = 0; i < t.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? t[i] != '-' : !is_hex(t[i])) return false;
  }
  return true;
}

bool is_uri(std::string_view t) noexcept {
  const auto colon = t.find(':');
  if (colon == t.npos || colon == 0 || colon + 1 == t.size() || !is_letter(t[0])) return false;
  const auto scheme = t.substr(0, colon);
  const bool named = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
  return named && std::all_of(t.begin(), t.end(), [](char c) {
           return c > 0x20 && c < 0x7f && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
         });
}

bool is_ipv4(std::string_view t) noexcept {
  for (int part = 0; part < 4; ++part) {
    const auto dot = t.find('.');
    const auto digits = t.substr(0, dot);
    if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0')) return false;
    const int n = number_at(digits, 0, digits.size());
    if (n < 0 || n > 255 || (dot == t.npos) != (part == 3)) return false;
    t.remove_prefix(dot == t.npos ? t.size() : dot + 1);
  }
  return true;
}

struct format {
  std::string_view name;
  bool (*fits)(std::string_view) noexcept;
};

constexpr std::array formats{
    format{"date", is_date},   format{"time", [](std::string_view t) noexcept { return is_time(t, false); }},
    format{"email", is_email}, format{"date-time", is_date_time},
    format{"uuid", is_uuid},   format{"uri", is_uri},
    format{"ipv4", is_ipv4}};

const format* find_format(std::string_view name) noexcept {
  const auto found = std::find_if(formats.begin(), formats.end(), [&](const format& f) { return f.name == name; });
  return found == formats.end() ? nullptr : &*found;
}

// Bytes that follow a first byte; -1: no first byte.
int followers_of(unsigned char c) noexcept {
  if (c < 0x80) return 0;
  if (c >= 0xc2 && c <= 0xdf) return 1;
  if (c >= 0xe0 && c <= 0xef) return 2;
  return c >= 0xf0 && c <= 0xf4 ? 3 : -1;
}

}  // namespace

bool is_known_format(std::string_view name) noexcept { return find_format(name) != nullptr; }

bool has_format(std::string_view text, std::string_view name) noexcept {
  const auto* f = find_format(name);
  return f == nullptr || f->fits(text);
}

bool is_storable_text(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const int more = followers_of(first);
    if (first == 0 || more < 0 || text.size() - i <= static_cast<std::size_t>(more)) return false;
    for (int k = 1; k <= more; ++k) {
      const auto c = static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]);
      const unsigned low = k > 1 ? 0x80 : first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
      const unsigned high = k > 1 ? 0xbf : first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
      if (c < low || c > high) return false;
    }
    i += static_cast<std::size_t>(more) + 1;
  }
  return true;
}

}  // namespace troupe
