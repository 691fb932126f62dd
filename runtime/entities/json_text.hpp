// JSON text read strictly, for models and bodies: no key twice in one object, values nested a few levels deep at most.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <troupe/error.hpp>

namespace troupe {

using ordered_json = nlohmann::ordered_json;

inline constexpr std::size_t json_depth_max = 16;

/// errc::invalid_argument with what is wrong and where.
[[nodiscard]] expected<ordered_json> read_json(std::string_view text);

/// "an object", "text", "an integer", ...
[[nodiscard]] std::string type_words(const ordered_json& value);

/// Appends `text` (UTF-8) as a JSON string.
void append_json_string(std::string& to, std::string_view text);

}  // namespace troupe
