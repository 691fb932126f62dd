// Tokens of pages: base64url of a checksum and the position, bound to the entity, the order and the filters.
#include <algorithm>
#include <array>
#include <charconv>

#include "runtime/entities/formats.hpp"
#include "runtime/entities/list_query.hpp"
#include "runtime/entities/names.hpp"

namespace troupe {
namespace {

constexpr std::size_t token_bytes_max = 2 * list_key_bytes_max;
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t checksum_size = 8;

std::string to_base64(std::string_view bytes) {
  std::string text;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = (bits << 8U | static_cast<unsigned char>(c)) & 0xffffU;
    for (held += 8; held >= 6; held -= 6) text += alphabet[(bits >> static_cast<unsigned>(held - 6)) & 63U];
  }
  if (held > 0) text += alphabet[(bits << static_cast<unsigned>(6 - held)) & 63U];
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto digit = alphabet.find(c);
    if (digit == alphabet.npos) return std::nullopt;
    bits = (bits << 6U | static_cast<std::uint32_t>(digit)) & 0xffffU;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>((bits >> static_cast<unsigned>(held)) & 0xffU);
  }
  return bytes;
}

std::string scope_of(const entity_spec& e, const list_query& q) {
  return e.path + (q.descending ? " - " : " + ") + q.order + " " + q.scope + " ";
}

struct key_writer {
  std::string operator()(std::monostate) const { return "n"; }
  std::string operator()(bool v) const { return v ? "b1" : "b0"; }
  std::string operator()(std::int64_t v) const { return "i" + std::to_string(v); }
  std::string operator()(double v) const {
    char text[40];  // not printf: its point is the locale's
    return "r" + std::string(text, std::to_chars(text, text + sizeof text, v).ptr);
  }
  std::string operator()(const std::string& v) const { return "t" + v; }
  std::string operator()(const blob&) const { return "n"; }
};

template <class Number>
std::optional<sql_value> number_key(std::string_view text) {
  Number n{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
  return n;
}

std::string text_of(const list_filter& f) {
  auto text = f.field + " " + std::string(name_of(f.op));
  for (const auto& v : f.values) {
    const auto value = std::visit(key_writer{}, v);
    text += " " + std::to_string(value.size()) + ":" + value;
  }
  return text;
}

// A key of the kind that the order has.
std::optional<sql_value> read_key(const entity_spec& e, const list_query& q, std::string_view text) {
  const auto* p = e.find(q.order);
  if (text.empty()) return std::nullopt;
  const char mark = text.front();
  text.remove_prefix(1);
  if (mark == 'n') return text.empty() ? std::optional<sql_value>(std::monostate{}) : std::nullopt;
  if (p == nullptr) return std::nullopt;
  if (mark == 'b' && p->kind == value_kind::boolean && (text == "1" || text == "0")) return text == "1";
  if (mark == 'i' && p->kind == value_kind::integer) return number_key<std::int64_t>(text);
  if (mark == 'r' && p->kind == value_kind::real) return number_key<double>(text);
  if (mark == 't' && p->kind == value_kind::text && is_storable_text(text)) return std::string(text);
  return std::nullopt;
}

}  // namespace

std::string token_scope(std::string_view scope, const std::vector<list_filter>& filters) {
  std::vector<std::string> texts;
  for (const auto& f : filters) texts.push_back(text_of(f));
  std::sort(texts.begin(), texts.end());
  std::string all(scope);
  for (const auto& text : texts) all.append("\n").append(text);
  return hash_digits(text_hash(all));
}

std::string page_token(const entity_spec& e, const list_query& q, const page_position& last) {
  const auto body = std::to_string(last.id) + ":" + std::visit(key_writer{}, last.key);
  return to_base64(hash_digits(text_hash(scope_of(e, q) + body)) + body);
}

std::optional<page_position> read_page_token(const entity_spec& e, const list_query& q, std::string_view token) {
  if (token.size() > token_bytes_max) return std::nullopt;
  const auto bytes = from_base64(token);
  if (!bytes || bytes->size() <= checksum_size) return std::nullopt;
  const auto body = std::string_view(*bytes).substr(checksum_size);
  if (hash_digits(text_hash(scope_of(e, q) + std::string(body))) != bytes->substr(0, checksum_size))
    return std::nullopt;
  const auto colon = body.find(':');
  if (colon == body.npos) return std::nullopt;
  const auto id = number_key<std::int64_t>(body.substr(0, colon));
  auto key = read_key(e, q, body.substr(colon + 1));
  if (!id || !key) return std::nullopt;
  return page_position{std::move(*key), std::get<std::int64_t>(*id)};
}

}  // namespace troupe
