// The cursor of SCAN and of cache::scan: where a client goes on, at any node. 14 bits say the shard, 18 whose positions
// these are, 32 the position; 0 is the start and the end. Any number a client makes up is some place to go on from.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe {

struct scan_cursor {
  std::uint32_t shard = 0;
  std::uint64_t tag = 0;
  std::uint64_t position = 0;

  [[nodiscard]] std::uint64_t number() const noexcept { return std::uint64_t{shard} << 50 | tag << 32 | position; }
  [[nodiscard]] static scan_cursor of(std::uint64_t number) noexcept {
    return {static_cast<std::uint32_t>(number >> 50), (number >> 32) & ((1u << 18) - 1), number & 0xffffffffu};
  }
};

/// Decimal digits within 64 bits.
[[nodiscard]] inline std::optional<std::uint64_t> parse_cursor(std::string_view text) noexcept {
  std::uint64_t n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

}  // namespace troupe
