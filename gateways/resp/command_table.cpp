#include "gateways/resp/command_table.hpp"

#include <array>

#include "gateways/resp/command_rows.hpp"
#include "gateways/resp/procedure_rows.hpp"

namespace troupe::resp {

namespace {

template <std::size_t... Sizes>
constexpr auto joined(const std::array<command_row, Sizes>&... parts) {
  std::array<command_row, (Sizes + ...)> all{};
  std::size_t at = 0;
  const auto append = [&](const auto& part) {
    for (const auto& row : part) all[at++] = row;
  };
  (append(parts), ...);
  return all;
}

constexpr auto rows = joined(connection_rows, server_rows, key_rows, pubsub_rows, transaction_rows, cluster_rows,
                             procedure_containers, procedure_rows);

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
