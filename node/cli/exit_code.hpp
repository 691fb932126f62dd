// The exit codes of the program (those of sysexits.h where one fits); scripts rely on them.
#pragma once

#include <troupe/error.hpp>

namespace troupe::cli {

enum exit_code : int {
  exit_done = 0,
  exit_no = 1,            // the answer is no: health is not green, there is no such key, no leader
  exit_usage = 64,        // unknown command or flag, missing argument
  exit_unreachable = 69,  // the node did not answer, or an address could not be bound
  exit_self_check = 70,   // the program caught itself in a fault
  exit_data_dir = 73,     // the data directory cannot be created or written
  exit_bad_config = 78,
};

/// For an error of node::start.
[[nodiscard]] constexpr exit_code exit_code_of(errc code) noexcept {
  switch (code) {
    case errc::bad_config: return exit_bad_config;
    case errc::unavailable: return exit_unreachable;
    case errc::storage_failed: return exit_data_dir;
    default: return exit_self_check;
  }
}

}  // namespace troupe::cli
