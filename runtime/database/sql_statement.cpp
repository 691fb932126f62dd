#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include <troupe/sql_statement.hpp>

#include "runtime/database/sql_scanner.hpp"

namespace troupe {
namespace {

using namespace std::string_view_literals;

// Statements that begin with these only read, unless one of `changing` follows somewhere.
constexpr std::array reading{"select"sv, "values"sv, "table"sv, "with"sv, "show"sv, "explain"sv};
constexpr std::array changing{"insert"sv,  "update"sv, "delete"sv,  "into"sv,
                              "nextval"sv, "setval"sv, "analyze"sv, "pg_notify"sv};
// What would change the connection for its next user, or end a transaction that is not its own.
constexpr std::array refused{"begin"sv,     "start"sv,   "commit"sv,     "end"sv,     "rollback"sv, "abort"sv,
                             "savepoint"sv, "release"sv, "attach"sv,     "detach"sv,  "set"sv,      "reset"sv,
                             "discard"sv,   "do"sv,      "copy"sv,       "listen"sv,  "unlisten"sv, "prepare"sv,
                             "execute"sv,   "fetch"sv,   "deallocate"sv, "declare"sv, "close"sv,    "move"sv,
                             "pragma"sv,    "vacuum"sv,  "load"sv,       "lock"sv};
// Wherever they stand, in quotes, too: settings and locks that would stay with the connection, and what lives in it.
constexpr std::array held_by_connection{"set_config"sv,
                                        "pg_settings"sv,
                                        "pg_advisory_lock"sv,
                                        "pg_try_advisory_lock"sv,
                                        "pg_advisory_lock_shared"sv,
                                        "pg_try_advisory_lock_shared"sv,
                                        "pg_temp"sv};
// CREATE may have these before what it creates.
constexpr std::array temporary{"temp"sv, "temporary"sv};
constexpr std::array created{"table"sv, "view"sv, "sequence"sv, "index"sv, "trigger"sv, "function"sv, "procedure"sv};

template <class Words>
bool is_one_of(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string lower(std::string_view word) {
  std::string text(word);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_statement_name(std::string_view name) {
  if (name.empty() || name.size() > sql_statement::name_bytes_max) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  });
}

// Gathers what the parts of a statement say.
class reader {
 public:
  explicit reader(sql_dialect dialect) : mark_(dialect == sql_dialect::sqlite ? '?' : '$') {}

  [[nodiscard]] expected<void> on(const sql_scanner::part& p) {
    if (p.kind == sql_token::unfinished) return bad("a quote or a comment that does not end");
    if (p.kind == sql_token::semicolon) {
      ended_ = true;
      return {};
    }
    if (ended_ && p.kind != sql_token::blank) return bad("more than one statement in one call");
    if (p.kind == sql_token::parameter) return on_parameter(p.text);
    if (p.kind == sql_token::name) {
      if (lower(text_.substr(text_.size() < 2 ? 0 : text_.size() - 2)) == "u&")
        return bad("names written U&\"..\" are not taken");
      if (auto known = on_name(p.text.substr(1, p.text.size() - 2)); !known) return known;
    }
    if (p.kind == sql_token::word) {
      if (auto known = on_word(lower(p.text)); !known) return known;
    }
    text_.append(p.kind == sql_token::question ? p.text.substr(1) : p.text);
    return {};
  }

  [[nodiscard]] expected<std::size_t> parameters() {
    if (first_.empty()) return tl::unexpected(bad("no statement").value());
    std::sort(numbers_.begin(), numbers_.end());
    numbers_.erase(std::unique(numbers_.begin(), numbers_.end()), numbers_.end());
    if (!numbers_.empty() && numbers_.back() != numbers_.size())
      return tl::unexpected(bad("the numbers of its parameters have a gap").value());
    return numbers_.size();
  }

  [[nodiscard]] bool writes() const { return changes_ || !is_one_of(reading, first_); }
  [[nodiscard]] std::string text() { return std::move(text_); }

 private:
  static tl::unexpected<error> bad(std::string why) { return fail(errc::invalid_argument, "SQL: " + std::move(why)); }

  expected<void> on_word(const std::string& word) {
    if (first_.empty()) {
      first_ = word;
      if (is_one_of(refused, word)) return bad("'" + word + "' is not for a statement: see transact, bulk_insert");
    }
    if (auto known = on_name(word); !known) return known;
    const bool creates = first_ == "create" && !created_;
    if ((creates || before_ == "into") && is_one_of(temporary, word))
      return bad("temporary tables would stay with the connection");
    created_ = created_ || is_one_of(created, word);
    changes_ = changes_ || is_one_of(changing, word);
    const bool fills = word == "into" && (before_ == "insert" || before_ == "merge");
    before_ = fills ? "" : word;  // a table may be called temp
    return {};
  }

  static expected<void> on_name(std::string_view name) {
    if (!is_one_of(held_by_connection, name) && !name.starts_with("pg_temp_")) return {};
    return bad("'" + std::string(name) + "' changes the connection for others");
  }

  expected<void> on_parameter(std::string_view p) {
    const bool bare = p.size() == 1;
    if (!numbers_.empty() && bare != bare_) return bad("numbered and bare parameters in one statement");
    bare_ = bare;
    std::size_t number = bare ? numbers_.size() + 1 : 0;
    if (!bare) {
      const auto read = std::from_chars(p.data() + 1, p.data() + p.size(), number);
      if (read.ec != std::errc{} || number == 0) return bad("parameter " + std::string(p));
    }
    if (number > sql_statement::parameters_max) return fail(errc::too_large, "SQL: too many parameters");
    numbers_.push_back(number);
    text_.push_back(mark_);
    text_.append(std::to_string(number));
    return {};
  }

  const char mark_;
  std::string text_;
  std::string first_;
  std::vector<std::size_t> numbers_;
  bool bare_ = false;
  std::string before_;  // the word before
  bool changes_ = false;
  bool created_ = false;  // the word that says what CREATE creates has come
  bool ended_ = false;
};

}  // namespace

expected<sql_statement> sql_statement::parse(std::string name, std::string_view text, sql_dialect dialect,
                                             std::uint64_t id) {
  if (!is_statement_name(name))
    return fail(errc::invalid_argument,
                "a statement's name has 1 to " + std::to_string(name_bytes_max) + " letters, digits, or . _ -");
  if (text.size() > text_bytes_max) return fail(errc::too_large, "SQL: the text of " + name);
  if (text.find('\0') != text.npos) return fail(errc::invalid_argument, "SQL holds a zero byte");
  sql_scanner scan(text, dialect);
  reader read(dialect);
  for (auto p = scan.next(); p.kind != sql_token::end; p = scan.next()) {
    if (auto taken = read.on(p); !taken) return tl::unexpected(std::move(taken.error()));
  }
  const auto count = read.parameters();
  if (!count) return tl::unexpected(count.error());
  sql_statement s;
  s.parts_ = std::make_shared<const parts>(parts{std::move(name), read.text(), id, *count, read.writes()});
  return s;
}

sql_statement sql_statement::unchecked(std::string name, std::string text, std::size_t parameters) {
  sql_statement s;
  s.parts_ = std::make_shared<const parts>(parts{std::move(name), std::move(text), 0, parameters, true});
  return s;
}

}  // namespace troupe
