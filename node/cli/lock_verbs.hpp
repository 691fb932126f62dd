// The verbs for locks: locks, lock, unlock.
#pragma once

#include <string>

#include "node/cli/remote_verbs.hpp"

namespace troupe::cli {

struct lock_options {
  std::string name;
  std::string ttl = "10s";
  std::string wait = "0s";
  std::uint32_t permits = 0;  // 0: a lock
  std::uint64_t token = 0;
};

/// Each prints its answer and returns the exit code.
[[nodiscard]] int show_locks(const remote_options& o);
/// Prints the token; exit_no when others hold it. With a token: renews.
[[nodiscard]] int take_lock(const remote_options& o, const lock_options& l);
[[nodiscard]] int release_lock(const remote_options& o, const lock_options& l);

}  // namespace troupe::cli
