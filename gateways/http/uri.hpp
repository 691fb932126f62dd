// Percent-encoding and queries of request targets (RFC 3986).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// The bytes that `text` stands for; none when an escape is broken. '+' is a plus sign.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

/// Escapes everything but unreserved characters, and '/' when `keep_slash`.
[[nodiscard]] std::string percent_encode(std::string_view bytes, bool keep_slash = true);

using query_parameters = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t query_parameters_max = 64;

/// "a=1&b=x%20y" decoded, in order; a name without '=' has an empty value. None when an escape is
/// broken or there are more than query_parameters_max.
[[nodiscard]] std::optional<query_parameters> parse_query(std::string_view query);

}  // namespace troupe
