// The classes of keyspace events as `notify-keyspace-events` writes them: K keyspace, E keyevent, g generic,
// $ string, l list, s set, h hash, z sorted set, x expired, e evicted, t stream, m miss, d module, n new; A all but m
// n.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/cache/keyspace_event.hpp"

namespace troupe::resp {

struct notify_letter {
  char letter;
  std::uint32_t bit;
};
/// In the order in which Redis shows them.
inline constexpr notify_letter notify_letters[] = {{'g', event_kind::generic},
                                                   {'$', event_kind::string},
                                                   {'l', event_kind::list},
                                                   {'s', event_kind::set},
                                                   {'h', event_kind::hash},
                                                   {'z', event_kind::sorted_set},
                                                   {'x', event_kind::expired},
                                                   {'e', event_kind::evicted},
                                                   {'t', event_kind::stream},
                                                   {'d', event_kind::module},
                                                   {'n', event_kind::fresh},
                                                   {'K', 1u << 30},
                                                   {'E', 1u << 31},
                                                   {'m', event_kind::missed}};

[[nodiscard]] constexpr std::uint32_t notify_bit(char letter) noexcept {
  for (const auto& known : notify_letters) {
    if (known.letter == letter) return known.bit;
  }
  return 0;
}

inline constexpr std::uint32_t notify_all =
    event_kind::generic | event_kind::string | event_kind::list | event_kind::set | event_kind::hash |
    event_kind::sorted_set | event_kind::expired | event_kind::evicted | event_kind::stream | event_kind::module;

[[nodiscard]] inline std::optional<std::uint32_t> parse_notify(std::string_view text) noexcept {
  std::uint32_t flags = 0;
  for (const char c : text) {
    const auto bit = c == 'A' ? notify_all : notify_bit(c);
    if (bit == 0) return std::nullopt;
    flags |= bit;
  }
  return flags;
}

/// As Redis shows them: "AKE", "g$K"; with all of A, n is not shown.
[[nodiscard]] inline std::string notify_text(std::uint32_t flags) {
  const bool all = (flags & notify_all) == notify_all;
  std::string text = all ? "A" : "";
  for (const auto& known : notify_letters) {
    const bool hidden = all && (notify_all & known.bit) != 0;
    if ((flags & known.bit) == 0 || hidden || (all && known.letter == 'n')) continue;
    text += known.letter;
  }
  return text;
}

}  // namespace troupe::resp
