// The memory side of a backed cache: where committed writes and loaded values become visible. The node's
// shard stores implement it (shard_committed_store.hpp); tests use a plain map.
//
// Called on the database's worker threads, for one cache by one of them at a time and in commit order. A
// function may do nothing when this node no longer owns the key's shard.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/cache/command.hpp"

namespace troupe {

class committed_store {
 public:
  virtual ~committed_store() = default;

  /// A version for a write of `key`: above all given before for its shard and above `above`; 0 when this
  /// node does not own the shard.
  [[nodiscard]] virtual std::uint64_t next_version(cache_id cache, std::string_view key, std::uint64_t above) = 0;

  /// Shows a value that was read, unless one of the same or a higher version is there. `ttl` 0: never expires.
  virtual void apply_loaded(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                            duration ttl, time_point now) = 0;

  /// Shows a write after its commit; when there is no room for it the older value goes all the same.
  virtual void apply_committed(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                               duration ttl, time_point now) = 0;

  /// The same for a delete.
  virtual void apply_erased(cache_id cache, std::string_view key, std::uint64_t version) = 0;
};

}  // namespace troupe
