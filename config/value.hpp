// Values of keys: stored with their type, range and words checked, described for a fault, written
// as TOML. Knows nothing of where a value came from.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "config/key.hpp"

namespace troupe {

/// What is wrong with a value, without its place; empty: nothing, and it has been stored.
using verdict = std::string;

[[nodiscard]] verdict store_integer(const key& k, field f, std::int64_t value);
/// A word for a number: key::word.
[[nodiscard]] verdict store_word(const key& k, field f, std::string_view text);
[[nodiscard]] verdict store_size(const key& k, std::uint64_t* f, std::int64_t bytes);
[[nodiscard]] verdict store_size(const key& k, std::uint64_t* f, std::string_view text);
[[nodiscard]] verdict store_duration(const key& k, duration* f, std::string_view text);
[[nodiscard]] verdict store_string(const key& k, std::string* f, std::string_view text);

/// The range and the words alone, for a value that is already there.
[[nodiscard]] verdict check_value(const key& k, const field& f);

/// From the environment or a setting, read by the key's type: lists are separated by commas, tables
/// are "tag=value,tag=value", strings need no quotes.
[[nodiscard]] verdict store_text(const key& k, field f, std::string_view text);

/// "an integer", "a duration such as \"30s\"", ... of the key's type.
[[nodiscard]] std::string type_name(const key& k, const field& f);

/// "from 1 to 16384", "0 (never) or from 10ms to 1d", "one of lan, wan"; empty when all of the type.
[[nodiscard]] std::string range_name(const key& k, const field& f);

/// The value as TOML, on one line.
[[nodiscard]] std::string toml_value(const key& k, const field& f);

}  // namespace troupe
