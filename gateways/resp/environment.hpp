// What all connections of one RESP door share.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include <troupe/config.hpp>
#include <troupe/time.hpp>

#include "actors/cluster_board.hpp"
#include "gateways/resp/door_numbers.hpp"
#include "runtime/cache/cache_access.hpp"

namespace troupe::resp {

struct environment {
  const config& settings;
  cache_access& caches;
  cluster_board& board;
  cache_id cache;        // of `default`
  door_numbers numbers;  // one lane for each I/O thread
  time_point started_at;
  std::function<std::string()> address;  // where the door listens
  std::atomic<std::uint64_t> connection_ids{0};
  std::atomic<std::uint64_t> connections_open{0};
};

}  // namespace troupe::resp
