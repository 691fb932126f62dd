// Rows of the command table for everything that a procedure of the shards does (runtime/cache/procedures/table.hpp):
// the compiler makes them, so a new procedure is a command without a line here. Included by command_table.cpp only.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "gateways/resp/command_table.hpp"
#include "runtime/cache/procedures/table.hpp"

namespace troupe::resp {

/// Packs the words, checks the slots of the keys, runs the procedure where its keys live, and gives its reply.
void run_as_procedure(connection& c, const arguments& words, const procedure_row& row);

/// The same for what a client may wait for: it waits when the reply would be null.
void run_blocking(connection& c, const arguments& words, const procedure_row& row);

namespace procedure_commands {

/// These have a handler of their own.
inline constexpr auto elsewhere = std::to_array<std::string_view>({"del", "exists", "get", "pttl", "set", "ttl"});

constexpr bool is_command(const procedure_row& row) {
  return (row.flags & procedure_at_once) == 0 &&
         std::find(elsewhere.begin(), elsewhere.end(), row.name) == elsewhere.end();
}

inline constexpr std::size_t count =
    static_cast<std::size_t>(std::count_if(procedure_table.begin(), procedure_table.end(), is_command));

/// Place in procedure_table of each.
inline constexpr auto places = [] {
  std::array<std::size_t, count> found{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < procedure_table.size(); ++i) {
    if (is_command(procedure_table[i])) found[at++] = i;
  }
  return found;
}();

constexpr std::uint32_t flags_of(const procedure_row& row) {
  std::uint32_t flags = 0;
  if ((row.flags & procedure_write) != 0) flags |= flag_write;
  if ((row.flags & procedure_readonly) != 0) flags |= flag_readonly;
  if ((row.flags & procedure_denyoom) != 0) flags |= flag_denyoom;
  if ((row.flags & procedure_fast) != 0) flags |= flag_fast;
  if ((row.flags & procedure_movable) != 0) flags |= flag_movablekeys;
  if ((row.flags & procedure_noscript) != 0) flags |= flag_noscript;
  if ((row.flags & procedure_blocking) != 0) flags |= flag_blocking | flag_alone;
  return flags;
}

constexpr command_group group_of(procedure_group g) {
  switch (g) {
    case procedure_group::string: return command_group::string;
    case procedure_group::bitmap: return command_group::bitmap;
    case procedure_group::hash: return command_group::hash;
    case procedure_group::list: return command_group::list;
    case procedure_group::set: return command_group::set;
    case procedure_group::sorted_set: return command_group::sorted_set;
    case procedure_group::generic:
    case procedure_group::shard:
    case procedure_group::transaction: break;
  }
  return command_group::generic;
}

template <std::size_t Place>
void run_place(connection& c, const arguments& words) {
  if constexpr ((procedure_table[Place].flags & procedure_blocking) != 0)
    run_blocking(c, words, procedure_table[Place]);
  else
    run_as_procedure(c, words, procedure_table[Place]);
}

template <std::size_t Place>
constexpr command_row row_at() {
  const auto& p = procedure_table[Place];
  return {p.name,     p.arity,    flags_of(p), group_of(p.group), p.first_key,
          p.last_key, p.key_step, false,       run_place<Place>};
}

template <std::size_t... I>
constexpr auto make_rows(std::index_sequence<I...>) {
  return std::array<command_row, sizeof...(I)>{row_at<places[I]>()...};
}

}  // namespace procedure_commands

/// Their second word is a procedure's.
inline constexpr auto procedure_containers = std::to_array<command_row>({
    {"memory", -2, 0, command_group::generic, 0, 0, 0, true, nullptr},
    {"object", -2, 0, command_group::generic, 0, 0, 0, true, nullptr},
});

inline constexpr auto procedure_rows =
    procedure_commands::make_rows(std::make_index_sequence<procedure_commands::count>());

}  // namespace troupe::resp
