// What COMMAND DOCS and the HELP subcommands say of each command, as data. Rows of commands that the table does not
// have are never shown.
#pragma once

#include <span>
#include <string_view>

namespace troupe::resp {

struct command_doc {
  std::string_view name;   // as in the command table
  std::string_view since;  // the Redis that had it first
  std::string_view group;
  std::string_view complexity;  // empty: not said
  std::string_view summary;
  std::string_view syntax;  // of its arguments: command_syntax.hpp
};

// Each sorted by name.
[[nodiscard]] std::span<const command_doc> docs_of_connection() noexcept;
[[nodiscard]] std::span<const command_doc> docs_of_keys() noexcept;
[[nodiscard]] std::span<const command_doc> docs_of_types() noexcept;

/// Null when there is none.
[[nodiscard]] const command_doc* find_doc(std::string_view name) noexcept;

}  // namespace troupe::resp
