// Walks over the text of a statement and tells its parts: words, parameters, semicolons and everything else. Quotes,
// quoted names and comments come out whole, so that nothing inside them is taken for anything.
//
// It knows no grammar. Of PostgreSQL it knows E'..', nested comments and $tag$..$tag$, of SQLite `..` and [..].
#pragma once

#include <cstddef>
#include <string_view>

#include <troupe/fenced_sql.hpp>

namespace troupe {

enum class sql_token : std::uint8_t {
  end,
  blank,
  word,
  number,
  parameter,
  semicolon,
  name,
  question,
  other,
  unfinished
};

class sql_scanner {
 public:
  sql_scanner(std::string_view text, sql_dialect dialect) : text_(text), dialect_(dialect) {}

  struct part {
    sql_token kind = sql_token::end;
    std::string_view text;
  };
  /// `unfinished`: a quote or a comment that never ends. Blanks hold comments, too. `name`: one in double quotes, or in
  /// what else SQLite takes. `question`: ??, which stands for a question mark that is no parameter.
  [[nodiscard]] part next();

 private:
  [[nodiscard]] char at(std::size_t i) const noexcept { return i < text_.size() ? text_[i] : '\0'; }
  [[nodiscard]] part take(sql_token kind, std::size_t end);
  [[nodiscard]] part quoted(char quote, sql_token kind, std::size_t from, bool backslashes = false);
  [[nodiscard]] part comment();
  [[nodiscard]] part dollar();
  [[nodiscard]] part word();

  std::string_view text_;
  const sql_dialect dialect_;
  std::size_t at_ = 0;
};

}  // namespace troupe
