// The mode files, config/<mode>.toml, as they were compiled into the program.
#pragma once

#include <string_view>
#include <vector>

namespace troupe {

struct mode_file {
  std::string_view name;
  std::string_view text;
};

[[nodiscard]] const std::vector<mode_file>& mode_files();

}  // namespace troupe
