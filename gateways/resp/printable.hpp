// What a client may call itself.
#pragma once

#include <algorithm>
#include <string_view>

namespace troupe::resp {

inline constexpr std::string_view bad_client_name =
    "ERR Client names cannot contain spaces, newlines or special characters.";

[[nodiscard]] inline bool is_printable(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

}  // namespace troupe::resp
