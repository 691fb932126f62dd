// The database behind backed caches, as the cache sees it. Commands of one cache are carried out in
// the order they were submitted: a write commits first and then becomes visible in the shard store.
#pragma once

#include "runtime/cache/command.hpp"

namespace troupe {

class backing_store {
 public:
  virtual ~backing_store() = default;

  /// `command` is any operation on a backed cache, a get included when the shard store had no value.
  virtual void submit(const cache_command& command, time_point deadline, reply_callback done) = 0;
};

}  // namespace troupe
