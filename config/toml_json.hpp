// TOML that is no configuration of ours, handed on as JSON with the same keys and values.
#pragma once

#include <string>
#include <string_view>

#include <troupe/error.hpp>

namespace troupe {

/// errc::invalid_argument with the line for text that is not TOML, nests too deep, or holds a date or a time.
[[nodiscard]] expected<std::string> toml_to_json(std::string_view text);

}  // namespace troupe
