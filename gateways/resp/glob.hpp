// Patterns of CONFIG GET and the like: * ? [a-z] [^a] and \ to take a character as it is.
#pragma once

#include <string_view>

namespace troupe::resp {

/// Whether all of `text` matches. Letters match in either case. Time is bounded by the product of the
/// two lengths.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text) noexcept;

}  // namespace troupe::resp
