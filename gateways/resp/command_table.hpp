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
  flag_pubsub = 1u << 9,
  flag_no_multi = 1u << 10,
  flag_skip_slowlog = 1u << 11,
  flag_blocking = 1u << 12,
  flag_movablekeys = 1u << 16,
  flag_may_replicate = 1u << 13,  // not shown: CLIENT PAUSE WRITE holds it up too
  flag_subscriber = 1u << 14,     // not shown: a RESP2 client that has subscriptions may say it
  flag_alone = 1u << 17,          // not shown: not executed while earlier replies wait
  flag_transaction = 1u << 15,    // not shown: done at once inside MULTI
};

enum class command_group : std::uint8_t {
  connection,
  string,
  generic,
  server,
  pubsub,
  transactions,
  cluster,
  scripting,
  bitmap,
  hash,
  list,
  set,
  sorted_set
};

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

/// In the order of their names within each part of the table.
[[nodiscard]] std::span<const command_row> all_commands() noexcept;

/// Its place in all_commands().
[[nodiscard]] inline std::size_t index_of(const command_row& row) noexcept {
  return static_cast<std::size_t>(&row - all_commands().data());
}

/// "client|list" is a subcommand of "client".
[[nodiscard]] inline bool is_subcommand(const command_row& row) noexcept {
  return row.name.find('|') != std::string_view::npos;
}

/// Null when there is none. Subcommands are found by find_subcommand only.
[[nodiscard]] const command_row* find_command(std::string_view name) noexcept;
[[nodiscard]] const command_row* find_subcommand(const command_row& parent, std::string_view name) noexcept;

/// Letters compared without case; `lower` is in lower case.
[[nodiscard]] bool same_word(std::string_view word, std::string_view lower) noexcept;

}  // namespace troupe::resp
