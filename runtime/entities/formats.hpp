// The formats of text that a property may have (those of JSON Schema): date, time, date-time (RFC 3339), email, uuid,
// uri, ipv4.
#pragma once

#include <string_view>

namespace troupe {

[[nodiscard]] bool is_known_format(std::string_view format) noexcept;

/// True also for a format that is not known.
[[nodiscard]] bool has_format(std::string_view text, std::string_view format) noexcept;

/// Well-formed UTF-8 without a zero byte, which is what both databases store as text.
[[nodiscard]] bool is_storable_text(std::string_view text) noexcept;

}  // namespace troupe
