// The way to a shard that another node owns, as the router sees it. The cluster part implements it
// over the cluster link; until then there is none and such a request is `unavailable`.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/cache/command.hpp"

namespace troupe {

class forwarder {
 public:
  virtual ~forwarder() = default;

  /// Sends the command to the member with `owner_pid` (cache ids differ between nodes: the wire
  /// carries `cache_name`). Copies what it keeps. `done` runs exactly once, before or soon after the
  /// deadline. Commands of one thread to one owner keep their order.
  virtual void forward(std::uint64_t owner_pid, const cache_command& command, std::string_view cache_name,
                       time_point deadline, reply_callback done) = 0;
};

}  // namespace troupe
