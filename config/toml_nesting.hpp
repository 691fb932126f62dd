// A look at TOML text before it is parsed: toml++ limits how deep values nest, but not dotted keys,
// and the tree of a.a.a... a million deep is destroyed by recursion.
#pragma once

#include <cstddef>
#include <string_view>

namespace troupe {

/// Dots outside strings and comments on one line, which bound what a key on it can nest; the
/// deepest known key has two. With toml++'s 256 nested values a tree stays below 5000 levels.
inline constexpr std::size_t toml_dots_max = 16;

/// The first line with more dots than that, 0 when there is none. Text that is not TOML may be
/// judged wrongly only behind its first syntax error.
[[nodiscard]] std::size_t line_nested_too_deep(std::string_view text) noexcept;

}  // namespace troupe
