// The classes of keyspace events as `notify-keyspace-events` writes them: K keyspace, E keyevent, g generic,
// $ string, l list, s set, h hash, z sorted set, x expired, e evicted, t stream, m miss, d module, n new; A all but m
// n.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::resp {

/// A bit for each letter of notify_letters, in order.
inline constexpr std::string_view notify_letters = "g$lshzxetdnmKE";

[[nodiscard]] constexpr std::uint32_t notify_bit(char letter) noexcept {
  const auto at = notify_letters.find(letter);
  return at == std::string_view::npos ? 0 : 1u << at;
}

inline constexpr std::uint32_t notify_all = notify_bit('g') | notify_bit('$') | notify_bit('l') | notify_bit('s') |
                                            notify_bit('h') | notify_bit('z') | notify_bit('x') | notify_bit('e') |
                                            notify_bit('t') | notify_bit('d');

[[nodiscard]] inline std::optional<std::uint32_t> parse_notify(std::string_view text) noexcept {
  std::uint32_t flags = 0;
  for (const char c : text) {
    const auto bit = c == 'A' ? notify_all : notify_bit(c);
    if (bit == 0) return std::nullopt;
    flags |= bit;
  }
  return flags;
}

/// As Redis shows them: "AKE", "g$K".
[[nodiscard]] inline std::string notify_text(std::uint32_t flags) {
  std::string text;
  if ((flags & notify_all) == notify_all) text = "A";
  for (const char c : notify_letters) {
    const auto bit = notify_bit(c);
    if ((flags & bit) == 0) continue;
    if ((notify_all & bit) != 0 && text.starts_with('A')) continue;
    text += c;
  }
  return text;
}

}  // namespace troupe::resp
