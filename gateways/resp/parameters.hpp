// The parameters of CONFIG GET and SET as data: one row with Redis' name, what values it takes, how it is read, and
// what setting it does. A row without `apply` that may be set is accepted without effect and shown again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateways/resp/environment.hpp"

namespace troupe::resp {

enum class value_kind : std::uint8_t { fixed, number, memory, yes_no, word, text };

struct parameter {
  std::string_view name;
  value_kind kind;
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string_view words;    // of kind word: "a, b, c"; of others: the value before it was set
  std::string_view same_as;  // another name of the same value; empty: none
  std::string (*read)(environment& e) = nullptr;
  /// Takes a checked value; the reason when it is refused all the same.
  std::optional<std::string> (*apply)(environment& e, const std::string& value) = nullptr;
};

/// By name, ascending.
[[nodiscard]] std::span<const parameter> all_parameters() noexcept;
/// In any case of letters; null when there is none.
[[nodiscard]] const parameter* find_parameter(std::string_view name) noexcept;

[[nodiscard]] std::string value_of(environment& e, const parameter& p);
/// The value as it will be shown, or why it cannot be (Redis' words).
[[nodiscard]] std::optional<std::string> refuse_value(const parameter& p, std::string_view given, std::string& value);

/// "100", "5kb", "1gb": bytes; none when it is none (memtoull of Redis).
[[nodiscard]] std::optional<std::uint64_t> parse_memory(std::string_view text) noexcept;

}  // namespace troupe::resp
