// Integers as Redis reads and writes them.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe::resp {

/// Decimal, all of `text`, no sign but '-', no leading zeros, no "-0", within 64 bits (string2ll of Redis).
[[nodiscard]] inline std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  const auto digits = text.substr(!text.empty() && text.front() == '-' ? 1 : 0);
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return std::nullopt;
  if (digits.front() == '0' && text.size() > 1) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace troupe::resp
