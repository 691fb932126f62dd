// The time of day, for what outlives a process: records on disk, backups.
#pragma once

#include <chrono>
#include <cstdint>

namespace troupe {

/// Milliseconds since 1970.
[[nodiscard]] inline std::uint64_t wall_now_ms() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

}  // namespace troupe
