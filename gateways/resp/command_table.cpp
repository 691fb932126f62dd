#include "gateways/resp/command_table.hpp"

#include <array>

#include "gateways/resp/commands.hpp"

namespace troupe::resp {

namespace {

using enum command_group;

constexpr std::uint32_t any_time = flag_loading | flag_stale;
constexpr std::uint32_t talk = flag_noscript | any_time | flag_fast;
constexpr std::uint32_t ask = flag_readonly | flag_fast;

// clang-format off
constexpr auto rows = std::to_array<command_row>({
    // name             arity flags                                       group   first last step container handler
    {"auth",              -2, talk | flag_no_auth,                    connection, 0,  0, 0, false, run_auth},
    {"client",            -2, 0,                                      connection, 0,  0, 0, true,  nullptr},
    {"client|getname",     2, flag_noscript | any_time,               connection, 0,  0, 0, false, run_client_getname},
    {"client|id",          2, flag_noscript | any_time,               connection, 0,  0, 0, false, run_client_id},
    {"client|setinfo",     4, flag_noscript | any_time,               connection, 0,  0, 0, false, run_client_setinfo},
    {"client|setname",     3, flag_noscript | any_time,               connection, 0,  0, 0, false, run_client_setname},
    {"command",           -1, any_time,                               server,     0,  0, 0, true,  run_command},
    {"command|count",      2, any_time,                               server,     0,  0, 0, false, run_command_count},
    {"command|docs",      -2, any_time,                               server,     0,  0, 0, false, run_command_docs},
    {"command|info",      -2, any_time,                               server,     0,  0, 0, false, run_command_info},
    {"command|list",      -2, any_time,                               server,     0,  0, 0, false, run_command_list},
    {"config",            -2, 0,                                      server,     0,  0, 0, true,  nullptr},
    {"config|get",        -3, flag_admin | flag_noscript | any_time,  server,     0,  0, 0, false, run_config_get},
    {"dbsize",             1, ask,                                    server,     0,  0, 0, false, run_dbsize},
    {"del",               -2, flag_write,                             generic,    1, -1, 1, false, run_del},
    {"echo",               2, flag_fast,                              connection, 0,  0, 0, false, run_echo},
    {"exists",            -2, ask,                                    generic,    1, -1, 1, false, run_exists},
    {"get",                2, ask,                                    string,     1,  1, 1, false, run_get},
    {"hello",             -1, talk | flag_no_auth,                    connection, 0,  0, 0, false, run_hello},
    {"info",              -1, any_time,                               server,     0,  0, 0, false, run_info},
    {"ping",              -1, flag_fast,                              connection, 0,  0, 0, false, run_ping},
    {"pttl",               2, ask,                                    generic,    1,  1, 1, false, run_pttl},
    {"quit",              -1, talk | flag_no_auth,                    connection, 0,  0, 0, false, run_quit},
    {"reset",              1, talk | flag_no_auth,                    connection, 0,  0, 0, false, run_reset},
    {"select",             2, any_time | flag_fast,                   connection, 0,  0, 0, false, run_select},
    {"set",               -3, flag_write | flag_denyoom,              string,     1,  1, 1, false, run_set},
    {"ttl",                2, ask,                                    generic,    1,  1, 1, false, run_ttl},
});
// clang-format on

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// FNV-1a over lower-cased letters.
constexpr std::uint32_t hash_start = 2166136261u;
constexpr std::uint32_t hash_on(std::uint32_t h, std::string_view text) noexcept {
  for (const char c : text) h = (h ^ static_cast<unsigned char>(lower(c))) * 16777619u;
  return h;
}

constexpr std::size_t index_size() noexcept {
  std::size_t size = 1;
  while (size < rows.size() * 4) size *= 2;
  return size;
}

constexpr std::size_t slot_of(std::uint32_t h) noexcept { return (h ^ (h >> 15)) & (index_size() - 1); }

// Open addressing; 0 is free, else the row's number + 1.
constexpr auto index_of_rows = [] {
  std::array<std::uint16_t, index_size()> index{};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::size_t at = slot_of(hash_on(hash_start, rows[i].name));
    while (index[at] != 0) at = (at + 1) % index.size();
    index[at] = static_cast<std::uint16_t>(i + 1);
  }
  return index;
}();

template <class Matches>
const command_row* look_up(std::uint32_t h, const Matches& matches) noexcept {
  for (std::size_t at = slot_of(h); index_of_rows[at] != 0; at = (at + 1) % index_of_rows.size()) {
    const auto& row = rows[index_of_rows[at] - 1u];
    if (matches(row.name)) return &row;
  }
  return nullptr;
}

}  // namespace

std::span<const command_row> all_commands() noexcept { return rows; }

bool same_word(std::string_view word, std::string_view lower_case) noexcept {
  if (word.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (lower(word[i]) != lower_case[i]) return false;
  }
  return true;
}

const command_row* find_command(std::string_view name) noexcept {
  if (name.find('|') != std::string_view::npos) return nullptr;
  return look_up(hash_on(hash_start, name), [&](std::string_view row) { return same_word(name, row); });
}

const command_row* find_subcommand(const command_row& parent, std::string_view name) noexcept {
  const std::size_t stem = parent.name.size();
  const auto h = hash_on(hash_on(hash_on(hash_start, parent.name), "|"), name);
  return look_up(h, [&](std::string_view row) {
    return row.size() == stem + 1 + name.size() && row[stem] == '|' && row.starts_with(parent.name) &&
           same_word(name, row.substr(stem + 1));
  });
}

}  // namespace troupe::resp
