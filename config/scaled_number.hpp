// A decimal number with a unit, "1.5h" or "64MiB", read exactly: integer arithmetic only, and a
// fraction counts only where it is a whole number of the smallest unit. What durations and sizes share.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace troupe {

struct scale {
  std::string_view unit;
  std::int64_t factor;  // of the smallest unit; at least 1
};

/// Digits, optionally a point and digits, then one of the units (which may be the empty one).
/// Nothing for any other text, for an inexact fraction and for a result above 2^63 - 1.
[[nodiscard]] std::optional<std::int64_t> parse_scaled(std::string_view text, std::span<const scale> units) noexcept;

}  // namespace troupe
