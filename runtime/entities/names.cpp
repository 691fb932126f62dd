#include "runtime/entities/names.hpp"

#include <algorithm>
#include <array>

#include <troupe/fenced_sql.hpp>

namespace troupe {
namespace {

using namespace std::string_view_literals;

// Reserved in PostgreSQL or in SQLite, where they cannot stand as a plain name; in order.
constexpr std::array sql_words{"add"sv,
                               "all"sv,
                               "alter"sv,
                               "analyse"sv,
                               "analyze"sv,
                               "and"sv,
                               "any"sv,
                               "array"sv,
                               "as"sv,
                               "asc"sv,
                               "asymmetric"sv,
                               "autoincrement"sv,
                               "between"sv,
                               "both"sv,
                               "case"sv,
                               "cast"sv,
                               "check"sv,
                               "collate"sv,
                               "column"sv,
                               "commit"sv,
                               "constraint"sv,
                               "create"sv,
                               "current_catalog"sv,
                               "current_date"sv,
                               "current_role"sv,
                               "current_time"sv,
                               "current_timestamp"sv,
                               "current_user"sv,
                               "default"sv,
                               "deferrable"sv,
                               "delete"sv,
                               "desc"sv,
                               "distinct"sv,
                               "do"sv,
                               "drop"sv,
                               "else"sv,
                               "end"sv,
                               "escape"sv,
                               "except"sv,
                               "exists"sv,
                               "false"sv,
                               "fetch"sv,
                               "for"sv,
                               "foreign"sv,
                               "from"sv,
                               "grant"sv,
                               "group"sv,
                               "having"sv,
                               "if"sv,
                               "in"sv,
                               "index"sv,
                               "initially"sv,
                               "insert"sv,
                               "intersect"sv,
                               "into"sv,
                               "is"sv,
                               "isnull"sv,
                               "join"sv,
                               "lateral"sv,
                               "leading"sv,
                               "limit"sv,
                               "localtime"sv,
                               "localtimestamp"sv,
                               "not"sv,
                               "nothing"sv,
                               "notnull"sv,
                               "null"sv,
                               "offset"sv,
                               "on"sv,
                               "only"sv,
                               "or"sv,
                               "order"sv,
                               "placing"sv,
                               "primary"sv,
                               "references"sv,
                               "returning"sv,
                               "select"sv,
                               "session_user"sv,
                               "set"sv,
                               "some"sv,
                               "symmetric"sv,
                               "system_user"sv,
                               "table"sv,
                               "then"sv,
                               "to"sv,
                               "trailing"sv,
                               "transaction"sv,
                               "true"sv,
                               "union"sv,
                               "unique"sv,
                               "update"sv,
                               "user"sv,
                               "using"sv,
                               "values"sv,
                               "variadic"sv,
                               "when"sv,
                               "where"sv,
                               "window"sv,
                               "with"sv};

bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
char lowered(char c) noexcept { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

// A capital begins a word after a small letter or a digit, and where a run of capitals goes over into a word.
std::string snake_case(std::string_view name) {
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (i > 0 && is_upper(name[i]) && name[i - 1] != '_') {
      const bool after_small = is_lower(name[i - 1]) || is_digit(name[i - 1]);
      const bool before_small = i + 1 < name.size() && is_lower(name[i + 1]);
      if (after_small || before_small) text.push_back('_');
    }
    text.push_back(lowered(name[i]));
  }
  return text;
}

std::string lower_case(std::string_view name) {
  std::string text(name);
  std::transform(text.begin(), text.end(), text.begin(), lowered);
  return text;
}

bool is_model_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > model_name_bytes_max || !(is_upper(name[0]) || is_lower(name[0]))) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_upper(c) || is_lower(c) || is_digit(c) || c == '_'; });
}

bool is_sql_word(std::string_view word) noexcept {
  return std::binary_search(sql_words.begin(), sql_words.end(), word);
}

std::uint32_t text_hash(std::string_view text) noexcept {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

std::string hash_digits(std::uint32_t hash) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(8, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, hash >>= 4U) *at = digits[hash & 15U];
  return text;
}

std::string schema_name(std::string_view joined, std::string_view ending) {
  std::string name = std::string(joined) + std::string(ending);
  if (name.size() <= sql_name_bytes_max) return name;
  const auto mark = "_" + hash_digits(text_hash(joined)) + std::string(ending);
  return std::string(joined.substr(0, sql_name_bytes_max - mark.size())) + mark;
}

}  // namespace troupe
