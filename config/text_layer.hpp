// Environment variables and settings (flags) laid over a draft: dotted paths or variable names with
// a text value, which is read by the key's type.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/draft.hpp"

namespace troupe {

using text_pairs = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view variable_prefix = "TROUPE_";

/// TROUPE_<SECTION>_<KEY>, and TROUPE_CACHES_<NAME>_<KEY> for a cache of the layers below whose name
/// in capitals, with _ for -, is NAME; else for a new cache with the name in small letters. Unknown
/// variables with the prefix are faults, but TROUPE_TEST_* and the addresses that Kubernetes puts
/// into every container for a service that is called troupe-something.
void apply_environment(draft& d, const text_pairs& environment);

/// Paths: section.key, caches.NAME.key, node.tags.TAG. The last one of a key wins.
void apply_settings(draft& d, const text_pairs& settings);

}  // namespace troupe
