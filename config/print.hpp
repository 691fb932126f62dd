// Configurations as TOML text: the effective one (print_config, public) and the annotated reference.
#pragma once

#include <string>

namespace troupe {

/// The text of config/troupe.toml: every key of the table with its default, its range and its doc.
/// Caches have no block by default, so their keys are commented out as "#key = value".
[[nodiscard]] std::string print_reference();

}  // namespace troupe
