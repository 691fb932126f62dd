// Leaves for words and bytes from outside: showing them in a fault, finding the word that was meant,
// joining, and the checks on characters that names share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// In double quotes for a person: control and non-UTF-8 bytes as \xNN, cut after 80 bytes.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// Control characters (line breaks too) become blanks.
[[nodiscard]] std::string one_line(std::string_view text);

/// As a TOML basic string, whole; the text must be UTF-8.
[[nodiscard]] std::string toml_string(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// 1 to 64 bytes of letters, digits and the characters of `others`.
[[nodiscard]] bool is_name(std::string_view text, std::string_view others) noexcept;

[[nodiscard]] std::string joined(const std::vector<std::string>& words, std::string_view between = ", ");

/// Elements of a comma-separated list without the blanks around them; "" is the empty list.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

/// Insertions, deletions, replacements and swaps of neighbours that make `a` out of `b` (optimal
/// string alignment). Looks at the first 64 bytes of each.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// True when so many edits look like a slip of the pen for a word of this length.
[[nodiscard]] bool is_near(std::size_t distance, std::size_t length) noexcept;

/// "; did you mean X?" for the nearest word, or nothing when none is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& words);

}  // namespace troupe
