// What happens to the values of a shard, as its primary does it, for whoever tells others of it (change_source.hpp).
// Beside write_watcher, which is for what may have changed, this is what did, with its version.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <troupe/cache_changes.hpp>

#include "runtime/cache/command.hpp"

namespace troupe {

/// A change of one key, or a drop (no key). Views are borrowed.
struct key_change {
  change_kind kind = change_kind::put;
  cache_id cache = 0;
  std::string_view key;
  std::uint64_t version = 0;  // as in cache_change
  std::optional<std::string_view> value{};
  duration ttl{};  // of a put: what its life is; 0: it does not expire
};

/// Called under the shard's lock: it gathers and leaves.
class change_listener {
 public:
  virtual ~change_listener() = default;
  /// Somebody wants to know of the cache's keys.
  [[nodiscard]] virtual bool wants(cache_id cache) const noexcept = 0;
  /// It may be told when the shard's stream has committed `sequence`; 0: now, behind what waits.
  virtual void on_change(std::uint32_t shard, const key_change& c, std::uint64_t sequence) = 0;
  virtual void on_committed(std::uint32_t shard, std::uint64_t sequence) = 0;
  /// This node is the shard's primary from now on, under the row of `epoch`, and holds what was written up to
  /// `version`; UINT64_MAX: that is not known to be what others were told of.
  virtual void on_begin(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version) = 0;
  /// It is no longer; its last write had `version`.
  virtual void on_end(std::uint32_t shard, std::uint64_t version) = 0;
};

}  // namespace troupe
