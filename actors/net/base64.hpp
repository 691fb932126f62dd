// Base64 with padding, on one line (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe {

[[nodiscard]] std::string to_base64(std::string_view bytes);
/// None for anything that to_base64 does not make.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace troupe
