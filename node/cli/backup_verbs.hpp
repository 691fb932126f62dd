// troupe backup FILE|- and troupe restore FILE|-: all caches of a cluster as one file, and back.
#pragma once

#include <string>
#include <vector>

#include "node/cli/remote_verbs.hpp"

namespace troupe::cli {

struct backup_options {
  std::string file;                 // "-": standard output, or input
  std::vector<std::string> caches;  // empty: all
  bool dry_run = false;
};

[[nodiscard]] int back_up(const remote_options& o, const backup_options& b);
[[nodiscard]] int restore_backup(const remote_options& o, const backup_options& b);

}  // namespace troupe::cli
