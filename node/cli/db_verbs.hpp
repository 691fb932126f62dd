// The verbs of `troupe db`: list, backup, reset.
#pragma once

#include <string>

#include "node/cli/remote_verbs.hpp"

namespace troupe::cli {

struct db_options {
  std::string name;
  std::string file;
  std::string meant;  // --i-mean-it
};

/// Each prints its answer and returns the exit code.
[[nodiscard]] int list_databases(const remote_options& o);
[[nodiscard]] int back_up_database(const remote_options& o, const db_options& d);
[[nodiscard]] int reset_database(const remote_options& o, const db_options& d);

}  // namespace troupe::cli
