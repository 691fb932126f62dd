#include "config/toml_json.hpp"

#include <sstream>

#include <toml++/toml.h>

#include "config/toml_nesting.hpp"

namespace troupe {

namespace {

bool holds_time(const toml::node& node) {
  if (node.is_date() || node.is_time() || node.is_date_time()) return true;
  if (const auto* list = node.as_array()) {
    for (const auto& one : *list) {
      if (holds_time(one)) return true;
    }
  }
  if (const auto* table = node.as_table()) {
    for (auto&& [unused, one] : *table) {
      if (holds_time(one)) return true;
    }
  }
  return false;
}

}  // namespace

expected<std::string> toml_to_json(std::string_view text) {
  if (const auto line = line_nested_too_deep(text); line != 0)
    return fail(errc::invalid_argument, "line " + std::to_string(line) + ": keys nest too deep");
  try {
    const auto table = toml::parse(text);
    if (holds_time(table)) return fail(errc::invalid_argument, "dates and times are written as text, in quotes");
    std::ostringstream json;
    json << toml::json_formatter{table,
                                 toml::json_formatter::default_flags | toml::format_flags::quote_infinities_and_nans};
    return json.str();
  } catch (const toml::parse_error& e) {
    return fail(errc::invalid_argument,
                "line " + std::to_string(e.source().begin.line) + ": " + std::string(e.description()));
  }
}

}  // namespace troupe
