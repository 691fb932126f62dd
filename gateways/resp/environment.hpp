// What all connections of one RESP door share.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/time.hpp>

#include "actors/cluster_board.hpp"
#include "actors/pubsub/pubsub_access.hpp"
#include "gateways/resp/client_groups.hpp"
#include "gateways/resp/door_numbers.hpp"
#include "gateways/resp/live_settings.hpp"
#include "gateways/resp/slow_log.hpp"
#include "runtime/cache/cache_access.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe::resp {

class keyspace_channel;

/// CLIENT PAUSE.
struct pause_state {
  std::atomic<duration::rep> until{0};  // of the steady clock; 0: nobody is held up
  std::atomic<bool> writes_only{false};
};

/// So that the numbers of two doors do not meet; never 0 for long.
[[nodiscard]] inline std::uint64_t random_start() {
  std::random_device from;
  return (std::uint64_t{from()} << 32 | from()) | 1;
}

struct environment {
  const config& settings;
  cache_access& caches;
  cluster_board& board;
  cache_id cache;        // of `default`
  door_numbers numbers;  // one lane for each I/O thread
  time_point started_at;
  std::function<std::string()> address;  // where the door listens
  client_groups* clients = nullptr;      // none: this connection is alone
  pubsub_access* channels = nullptr;     // never none in a door
  live_settings live{settings};
  slow_log slow{};
  pause_state pause{};
  keyspace_channel* events = nullptr;  // none: nobody hears what happens to keys
  std::atomic<std::uint64_t> connection_ids{0};
  std::atomic<std::uint64_t> connections_open{0};
  std::atomic<std::uint64_t> blocked{0};                // connections whose command waits for data
  std::atomic<std::uint64_t> wait_ids{random_start()};  // of their commands, in the whole cluster
  std::atomic<std::uint64_t> memory_peak{0};            // as INFO has seen it
};

}  // namespace troupe::resp
