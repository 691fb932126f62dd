// Patterns of keys, channels and parameters: * ? [a-z] [^a] and \ to take a character as it is (stringmatchlen of
// Redis).
#pragma once

#include <string_view>

namespace troupe {

/// Whether all of `text` matches. Time is bounded by the product of the two lengths.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text) noexcept;
/// The same; letters match in either case.
[[nodiscard]] bool glob_matches_any_case(std::string_view pattern, std::string_view text) noexcept;

}  // namespace troupe
