// What a process draws once, at its start, from the kernel's generator.
#pragma once

#include <cstdint>

#include <troupe/ids.hpp>

namespace troupe {

struct entropy {
  incarnation_id id;
  std::uint64_t machine_seed = 0;     // of the cluster machine
  std::uint64_t supervisor_seed = 0;  // of restart jitter
  std::uint64_t hash_seed = 0;        // of the shard stores

  [[nodiscard]] static entropy draw();
};

}  // namespace troupe
