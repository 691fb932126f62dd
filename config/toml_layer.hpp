// One TOML file laid over a draft. The only user of toml++.
#pragma once

#include <string>
#include <string_view>

#include "config/draft.hpp"

namespace troupe {

/// Lays `text` over the draft; its faults are "source:line: key: what". False: it could not be read
/// at all (a syntax error, too large), the draft's values are as before. Lists and tables replace
/// those of the layer below.
[[nodiscard]] bool apply_toml(draft& d, std::string_view text, const std::string& source);

}  // namespace troupe
