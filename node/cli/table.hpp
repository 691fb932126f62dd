// Aligned columns of text for a terminal.
#pragma once

#include <string>
#include <vector>

namespace troupe::cli {

/// The first row is the heading; columns are two spaces apart, the last one is not padded.
[[nodiscard]] std::string format_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace troupe::cli
