// The verbs of `troupe leader`: show, watch, transfer, resign.
#pragma once

#include <cstdint>
#include <string>

#include "node/cli/remote_verbs.hpp"

namespace troupe::cli {

struct leader_options {
  bool watch = false;
  std::uint32_t count = 0;  // end the watch after so many changes; 0: never
  std::string to;
};

/// Each prints its answer and returns the exit code.
[[nodiscard]] int show_leader(const remote_options& o, const leader_options& l);
[[nodiscard]] int transfer_lead(const remote_options& o, const leader_options& l);
[[nodiscard]] int resign_lead(const remote_options& o);

}  // namespace troupe::cli
