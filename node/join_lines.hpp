// Several faults as one text, one a line.
#pragma once

#include <string>
#include <vector>

namespace troupe {

[[nodiscard]] inline std::string join_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text.append(text.empty() ? "" : "\n").append(line);
  return text;
}

}  // namespace troupe
