// What a configuration says of the shard stores.
#pragma once

#include <cstdint>

#include <troupe/config.hpp>

#include "actors/cache/shard_host.hpp"

namespace troupe {

[[nodiscard]] shard_host::options store_options(const config& c, std::uint64_t hash_seed);

}  // namespace troupe
