// Every command as data: one row with name, arity, flags, key positions and handler. The index from
// name to row is made by the compiler; a lookup costs one hash and one comparison, whatever the case
// of the letters. A new command is a row here and a function in commands_*.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "gateways/resp/arguments.hpp"

namespace troupe::resp {

class connection;

/// Runs one command whose number of words was checked; gives exactly one reply.
using command_handler = void (*)(connection& c, const arguments& words);

/// As COMMAND shows them.
enum command_flags : std::uint32_t {
  flag_write = 1u << 0,
  flag_readonly = 1u << 1,
  flag_denyoom = 1u << 2,
  flag_admin = 1u << 3,
  flag_noscript = 1u << 4,
  flag_loading = 1u << 5,
  flag_stale = 1u << 6,
  flag_fast = 1u << 7,
  flag_no_auth = 1u << 8,
};

enum class command_group : std::uint8_t { connection, string, generic, server };

struct command_row {
  std::string_view name;  // lower case; "config|get" for a subcommand
  int arity;              // words including the name(s); negative: at least that many
  std::uint32_t flags;
  command_group group;
  int first_key;  // 0: no keys
  int last_key;   // negative: counted from the end
  int key_step;
  bool container;  // its second word names a subcommand
  command_handler run;

  [[nodiscard]] bool takes(std::size_t words) const noexcept {
    return arity >= 0 ? words == static_cast<std::size_t>(arity) : words >= static_cast<std::size_t>(-arity);
  }
};

[[nodiscard]] std::span<const command_row> all_commands() noexcept;

/// Null when there is none. Subcommands are found by find_subcommand only.
[[nodiscard]] const command_row* find_command(std::string_view name) noexcept;
[[nodiscard]] const command_row* find_subcommand(const command_row& parent, std::string_view name) noexcept;

/// Letters compared without case; `lower` is in lower case.
[[nodiscard]] bool same_word(std::string_view word, std::string_view lower) noexcept;

}  // namespace troupe::resp
