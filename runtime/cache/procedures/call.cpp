#include "runtime/cache/procedures/call.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "runtime/base/integer_text.hpp"

namespace troupe::procedures {

namespace {

/// Longer texts are no numbers.
constexpr std::size_t number_text_max = 256;

constexpr char lower_of(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

template <class Real>
std::optional<Real> read_as(std::string_view text, Real (*convert)(const char*, char**)) noexcept {
  if (text.empty() || text.size() > number_text_max) return std::nullopt;
  const auto first = static_cast<unsigned char>(text.front());
  if (first == ' ' || (first >= '\t' && first <= '\r')) return std::nullopt;
  char copy[number_text_max + 1];
  *std::copy(text.begin(), text.end(), copy) = '\0';
  char* end = nullptr;
  const Real value = convert(copy, &end);
  if (end != copy + text.size() || std::isnan(value)) return std::nullopt;
  const bool names_infinity = text.find_first_of("iI") != std::string_view::npos;
  if (std::isinf(value) && !names_infinity) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> read_integer(std::string_view text) noexcept { return read_integer_text(text); }

std::optional<double> read_real(std::string_view text) noexcept { return read_as<double>(text, std::strtod); }

std::optional<long double> read_long_real(std::string_view text) noexcept {
  return read_as<long double>(text, std::strtold);
}

std::string text_of_long_real(long double value) {
  char text[5120];
  const int length = std::snprintf(text, sizeof text, "%.17Lf", value);
  std::string s(text, static_cast<std::size_t>(std::max(length, 0)));
  if (s.find('.') != std::string::npos) {
    s.erase(s.find_last_not_of('0') + 1);
    if (s.back() == '.') s.pop_back();
  }
  return s == "-0" ? "0" : s;
}

bool is_word(std::string_view word, std::string_view lower) noexcept {
  return std::equal(word.begin(), word.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return lower_of(a) == b; });
}

std::optional<std::int64_t> integer_word(procedure_call& c, std::size_t i, std::string_view error) {
  const auto value = read_integer(c[i]);
  if (!value) c.reply.error(error);
  return value;
}

string_lookup find_string(procedure_call& c, std::string_view key) {
  string_lookup s;
  const auto found = c.keys.find(key);
  if (!found) return s;
  s.present = true;
  s.good = found->type == value_type::string;
  if (!s.good) c.reply.wrong_type();
  s.bytes = found->bytes;
  s.expiry = found->expiry;
  return s;
}

std::uint64_t longest_string(const procedure_call& c) noexcept {
  return std::min(string_bytes_max, c.keys.limits().object_bytes_max.load(std::memory_order_relaxed));
}

bool may_grow(procedure_call& c, const value_object& o, std::uint64_t more) {
  if (o.bytes() + more <= c.keys.limits().object_bytes_max.load(std::memory_order_relaxed)) return true;
  c.reply.error("ERR the value would be larger than cache.value_max");
  return false;
}

bool may_grow(procedure_call& c, const value_object& o) {
  std::uint64_t more = 0;
  for (const auto word : c.words) more += word.size() + element_overhead;
  return may_grow(c, o, more);
}

bool put_string(procedure_call& c, std::string_view key, std::string_view bytes, time_point expiry) {
  errc code = errc::too_large;
  if (bytes.size() <= longest_string(c)) code = c.keys.put(key, bytes, expiry);
  if (code == errc::ok) return true;
  c.reply.error(code == errc::too_large ? too_long : out_of_memory_words);
  return false;
}

bool put_piece(procedure_call& c, std::string_view key, const string_lookup& s, std::size_t offset,
               std::string_view piece) {
  const auto size = std::max(s.bytes.size(), offset + piece.size());
  if (size > longest_string(c)) {
    c.reply.error(too_long);
    return false;
  }
  if (size <= stored_anew_max || !s.present) {
    std::string bytes(s.bytes);
    bytes.resize(size);
    bytes.replace(offset, piece.size(), piece);
    return put_string(c, key, bytes, s.expiry);
  }
  if (c.keys.splice(key, offset, piece) == errc::ok) return true;
  c.reply.error(out_of_memory_words);
  return false;
}

void change_expiry(procedure_call& c, std::string_view key, time_point expiry) {
  c.keys.set_expiry(key, expiry);
  c.keys.tell(event_kind::generic, expiry == keyspace::never ? "persist" : "expire", key);
}

std::optional<std::int64_t> read_expiry(procedure_call& c, std::string_view word, bool seconds, bool absolute) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  const auto value = read_integer(word);
  if (!value) {
    c.reply.error(not_an_integer);
    return std::nullopt;
  }
  const auto base = absolute ? 0 : c.keys.wall_ms();
  const bool fits =
      *value > 0 && (!seconds || *value <= most / 1000) && (seconds ? *value * 1000 : *value) <= most - base;
  if (!fits) {
    c.reply.error("ERR invalid expire time in '" + std::string(c.name) + "' command");
    return std::nullopt;
  }
  return (seconds ? *value * 1000 : *value) + base;
}

time_point expiry_at(const procedure_call& c, std::int64_t wall_ms) noexcept {
  const auto left = wall_ms < c.keys.wall_ms() ? std::int64_t{0} : std::min(wall_ms - c.keys.wall_ms(), expiry_ms_max);
  return c.keys.wall_point() + std::chrono::milliseconds(left);
}

std::int64_t wall_ms_of(const procedure_call& c, time_point expiry) noexcept {
  return c.keys.wall_ms() + std::chrono::round<std::chrono::milliseconds>(expiry - c.keys.wall_point()).count();
}

std::int64_t milliseconds_left(const procedure_call& c, time_point expiry) noexcept {
  return std::chrono::ceil<std::chrono::milliseconds>(expiry - c.keys.now()).count();
}

index_range clip_range(std::int64_t start, std::int64_t stop, std::size_t size) noexcept {
  const auto length = static_cast<std::int64_t>(size);
  if (start < 0) start = std::max<std::int64_t>(length + start, 0);
  if (stop < 0) stop = length + stop;
  stop = std::min(stop, length - 1);
  if (start > stop || start >= length) return {};
  return {static_cast<std::size_t>(start), static_cast<std::size_t>(stop - start + 1)};
}

}  // namespace troupe::procedures
