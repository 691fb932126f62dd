// Deletes every key of users, page by page and a few at a time: DELETE /v1/kvs. Keys of the cluster stay, and
// keys that are written meanwhile may.
#pragma once

#include <cstdint>
#include <functional>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "actors/kvs/kvs_access.hpp"

namespace troupe {

inline constexpr std::size_t kvs_flush_at_once = 16;
inline constexpr duration kvs_flush_call_max = std::chrono::seconds(2);

/// `done` gets the number of keys deleted, or why it stopped with the number in its words. `kvs` outlives it.
void flush_kvs(kvs_access& kvs, time_point deadline, std::function<void(expected<std::uint64_t>)> done);

}  // namespace troupe
