// Which words of a command are keys, also where a number among the words says it, and what is done to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "gateways/resp/arguments.hpp"
#include "gateways/resp/command_table.hpp"

namespace troupe::resp {

/// The places of the keys, ascending; none when the words make no sense (a count of keys beyond them).
[[nodiscard]] std::optional<std::vector<std::size_t>> keys_of(const command_row& row, const arguments& words);

/// "RO access", "OW update", ..., as COMMAND GETKEYSANDFLAGS says it: flags apart by spaces.
[[nodiscard]] std::string_view key_flags_of(const command_row& row, const arguments& words, std::size_t place) noexcept;

/// The slot of all keys; none when they are in different ones or there is no key.
struct slot_answer {
  bool crosses = false;
  std::optional<std::uint32_t> slot;
};
[[nodiscard]] slot_answer common_slot(const command_row& row, const arguments& words);

inline constexpr std::string_view cross_slot = "CROSSSLOT Keys in request don't hash to the same slot";

}  // namespace troupe::resp
