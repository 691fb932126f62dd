// Every procedure as data: its name as a Redis client says it, how many words it takes, what it may do, where its keys
// stand. Doors make their command tables of it; the functions are in procedures.cpp, by number.
//
// Words are counted as Redis counts them, the command's name being word 0 (and a subcommand's word 1); a procedure gets
// those after the names.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "runtime/base/function_ref.hpp"
#include "runtime/cache/procedures/procedure.hpp"
#include "runtime/cache/procedures/words.hpp"

namespace troupe {

/// Of a procedure, as COMMAND names them.
enum procedure_flags : std::uint32_t {
  procedure_write = 1u << 0,
  procedure_readonly = 1u << 1,
  procedure_denyoom = 1u << 2,  // refused when memory is full
  procedure_fast = 1u << 3,
  procedure_movable = 1u << 4,  // some keys stand where other words say
  procedure_at_once = 1u << 5,  // no command of its own: only what a door makes
};

enum class procedure_group : std::uint8_t { string, bitmap, generic, hash, list, set, sorted_set, transaction };

struct procedure_row {
  std::string_view name;  // lower case; "object|encoding" for a subcommand
  procedure number;
  int arity;  // words including the name(s); negative: at least that many
  std::uint32_t flags;
  procedure_group group;
  int first_key;  // 0: none that stands always there
  int last_key;   // negative: counted from the end
  int key_step;
  int count_word = 0;  // where the number of the keys stands that follow it; 0: nowhere

  [[nodiscard]] constexpr bool is_subcommand() const noexcept { return name.find('|') != std::string_view::npos; }
  /// Words of the name.
  [[nodiscard]] constexpr int names() const noexcept { return is_subcommand() ? 2 : 1; }
  [[nodiscard]] constexpr bool takes(std::size_t words) const noexcept {
    return arity >= 0 ? words == static_cast<std::size_t>(arity) : words >= static_cast<std::size_t>(-arity);
  }
};

namespace procedure_rows {

using enum procedure_group;
inline constexpr std::uint32_t read = procedure_readonly;
inline constexpr std::uint32_t fast_read = procedure_readonly | procedure_fast;
inline constexpr std::uint32_t write = procedure_write;
inline constexpr std::uint32_t fast_write = procedure_write | procedure_fast;
inline constexpr std::uint32_t grow = procedure_write | procedure_denyoom;
inline constexpr std::uint32_t fast_grow = procedure_write | procedure_denyoom | procedure_fast;
inline constexpr std::uint32_t movable = procedure_movable;

// clang-format off
inline constexpr auto table = std::to_array<procedure_row>({
    {"append",            procedure::append,             3, fast_grow,        string,      1,  1, 1},
    {"decr",              procedure::decr,               2, fast_grow,        string,      1,  1, 1},
    {"decrby",            procedure::decrby,             3, fast_grow,        string,      1,  1, 1},
    {"get",               procedure::get,                2, fast_read,        string,      1,  1, 1},
    {"getdel",            procedure::getdel,             2, fast_write,       string,      1,  1, 1},
    {"getex",             procedure::getex,             -2, fast_write,       string,      1,  1, 1},
    {"getrange",          procedure::getrange,           4, read,             string,      1,  1, 1},
    {"getset",            procedure::getset,             3, fast_grow,        string,      1,  1, 1},
    {"incr",              procedure::incr,               2, fast_grow,        string,      1,  1, 1},
    {"incrby",            procedure::incrby,             3, fast_grow,        string,      1,  1, 1},
    {"incrbyfloat",       procedure::incrbyfloat,        3, fast_grow,        string,      1,  1, 1},
    {"lcs",               procedure::lcs,               -3, read,             string,      1,  2, 1},
    {"mget",              procedure::mget,              -2, fast_read,        string,      1, -1, 1},
    {"mset",              procedure::mset,              -3, grow,             string,      1, -1, 2},
    {"msetnx",            procedure::msetnx,            -3, grow,             string,      1, -1, 2},
    {"psetex",            procedure::psetex,             4, grow,             string,      1,  1, 1},
    {"set",               procedure::set,               -3, grow,             string,      1,  1, 1},
    {"setex",             procedure::setex,              4, grow,             string,      1,  1, 1},
    {"setnx",             procedure::setnx,              3, fast_grow,        string,      1,  1, 1},
    {"setrange",          procedure::setrange,           4, grow,             string,      1,  1, 1},
    {"strlen",            procedure::strlen,             2, fast_read,        string,      1,  1, 1},
    {"substr",            procedure::substr,             4, read,             string,      1,  1, 1},
});
// clang-format on

}  // namespace procedure_rows

inline constexpr const auto& procedure_table = procedure_rows::table;

/// Null when nothing has that number.
[[nodiscard]] const procedure_row* row_of(procedure p) noexcept;

/// Shows the keys among `words`, which are those after the names. Words that do not fit the row show what can be seen.
void keys_of(const procedure_row& row, const word_list& words, function_ref<void(std::string_view key)> show);

}  // namespace troupe
