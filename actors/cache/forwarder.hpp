// The way to a shard that another node owns, as the router sees it: link_forwarder in a cluster, a
// double in tests, none on a node that is alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/cache/command.hpp"

namespace troupe {

/// A command on its way. The wire carries the cache's name: ids differ between nodes.
struct forwarded_command {
  owned_command command;
  std::string cache;
  time_point deadline;
  /// Of a get for a near cache, set before its reply is given: the owner tells of later changes.
  mutable bool told = false;
};

class forwarder {
 public:
  virtual ~forwarder() = default;

  /// Sends the command to the member with `owner_pid`. `done` runs exactly once, before or soon
  /// after the deadline, possibly before this returns. Commands for one owner keep the order in which
  /// they were handed over. The reply is the owner's, or one of these:
  ///   not_owner        the receiver does not own the shard: not done
  ///   peer_lost        not done, the owner could not be reached: another attempt may succeed
  ///   outcome_unknown  a write that was sent and not answered
  ///   deadline_exceeded, too_large, unavailable: not done, and not to be tried again
  virtual void forward(std::uint64_t owner_pid, std::shared_ptr<const forwarded_command> command,
                       reply_callback done) = 0;
};

}  // namespace troupe
