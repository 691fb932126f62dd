// The statements of one namespace that have names: each is looked at once, gets a number, and keeps its text for ever.
// Bounded: names come from a program, never from its users.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <troupe/database.hpp>

namespace troupe {

class statement_catalogue {
 public:
  explicit statement_catalogue(sql_dialect dialect) : dialect_(dialect) {}

  /// See database::prepare.
  [[nodiscard]] expected<sql_statement> prepare(const std::string& name, std::string_view text) {
    if (const auto known = known_.find(name); known != known_.end()) {
      if (known->second.first == text) return known->second.second;
      return fail(errc::invalid_argument, "the statement " + name + " has another text already");
    }
    if (known_.size() >= database::statements_max)
      return fail(errc::too_large, "more than " + std::to_string(database::statements_max) + " named statements");
    auto parsed = sql_statement::parse(name, text, dialect_, known_.size() + 1);
    if (parsed) known_.emplace(name, std::pair(std::string(text), *parsed));
    return parsed;
  }

 private:
  const sql_dialect dialect_;
  std::map<std::string, std::pair<std::string, sql_statement>> known_;  // with the text as it was given
};

}  // namespace troupe
