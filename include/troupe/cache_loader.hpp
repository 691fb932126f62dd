// A loader fetches the values of a cache from where they come from (a database, another service) when they are asked
// for and are not there. docs/CACHE.md has the whole picture.
//
// For one key one load runs in the whole cluster, at the primary of its shard; all who ask meanwhile wait for it, each
// until its own deadline. So every node that may hold the cache sets the same loader; a node that has none answers that
// there is no value. Set it before the node serves: node_options::loaders.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct loaded_value {
  std::string bytes;
  std::optional<duration> ttl{};  // none: caches.NAME.ttl
};

/// A value; none: there is none for this key (remembered for caches.NAME.negative_ttl); an error: told to who waits,
/// not remembered.
using load_result = expected<std::optional<loaded_value>>;
/// Once, on any thread, at any time: what comes after the deadline, or a second time, is dropped.
using load_callback = std::function<void(load_result)>;
/// Called on a thread of the loader's own (loader_options::threads): it may block there, and holds up the loads behind
/// it, not the node; or it begins something and returns, and calls back later. What it throws is an error. A node that
/// stops waits for calls to return.
using cache_loader = std::function<void(const std::string& key, time_point deadline, load_callback done)>;

struct loader_options {
  std::uint32_t threads = 2;                     // 1 to 64, started with the first load
  std::uint32_t running_max = 64;                // loads at this node; beyond it errc::unavailable
  std::uint32_t waiting_max = 10'000;            // callers at this node; the same
  duration deadline = std::chrono::seconds(10);  // of one load; a load that takes longer has failed
};

}  // namespace troupe
