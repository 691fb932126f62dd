// The rules that a configuration obeys as a whole. Single values are checked where they are stored;
// here they are checked again for configurations built in code.
#pragma once

#include <string>
#include <vector>

#include <troupe/config.hpp>

namespace troupe {

struct broken_rule {
  std::string path;  // of the key that is named first in the sentence: "cluster.secret_file"
  std::string text;
};

/// Every broken rule; `modules` are services that an embedder adds. Reads the secret files.
[[nodiscard]] std::vector<broken_rule> broken_rules(const config& c, const std::vector<std::string>& modules);

}  // namespace troupe
