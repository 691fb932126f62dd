// What happens to the keys of a cache, wherever in the cluster they live: what cache::subscribe() gives.
//
// Promised: a change is told at most once, the changes of a key in their order, and only what is committed. What may
// have been missed is told as a gap: whoever reads the cache anew after it misses nothing. Not promised: when a change
// is told (usually within a few round trips), the order of two keys, and every value in between two gaps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

enum class change_kind : std::uint8_t {
  opened,   // once, the first: every later write is told
  put,      // written or changed, by any command
  erased,   //
  expired,  // at the end of its life
  evicted,  // for want of memory
  dropped,  // all values of the key's shard, by cache::drop or with a primary that had the only ones
  gap,      // changes before this may have been missed, of any key
};

/// "put", "gap", ...
[[nodiscard]] std::string_view name_of(change_kind k) noexcept;

struct cache_change {
  change_kind kind = change_kind::put;
  std::string key{};  // of the first four that have one
  /// put, erased: of this change. expired, evicted: of the value that went. dropped: values with no higher one are
  /// gone.
  std::uint64_t version = 0;
  std::uint32_t shard = 0;             // of the key, or what was dropped of: cache::shard_of()
  std::optional<std::string> value{};  // of a put: if it was asked for, and is a string within the limit
  std::string cause{};                 // of a gap: "slow_subscriber", "source_changed"
};

struct change_options {
  static constexpr std::size_t value_bytes_most = 1 << 20;
  static constexpr std::size_t prefix_bytes_most = 1024;

  std::string prefix{};                  // of the keys that are told; empty: all
  std::size_t value_bytes_max = 0;       // larger values are told without; at most value_bytes_most
  std::size_t changes_max = 4096;        // that wait to be taken; beyond it a gap is told. 2 to 1,000,000
  std::size_t bytes_max = 4 << 20;       // the same, of keys and values. 4096 to 1 GiB
  std::function<void()> wake = nullptr;  // something can be taken; on any thread of the node, it must not block
};

class change_queue;

/// Ends the subscription when it is destroyed. Safe from any thread; must not outlive its node.
class change_subscription {
 public:
  explicit change_subscription(std::shared_ptr<change_queue> queue) noexcept;
  change_subscription(change_subscription&&) noexcept = default;
  change_subscription& operator=(change_subscription&& other) noexcept;
  ~change_subscription();

  /// What comes next, if it is there.
  [[nodiscard]] std::optional<cache_change> try_next();
  /// Blocks. errc::deadline_exceeded: nothing came; errc::unavailable: the node stops, nothing more comes.
  [[nodiscard]] expected<cache_change> next(duration deadline);
  /// Nothing more is told. Idempotent.
  void close() noexcept;

 private:
  std::shared_ptr<change_queue> queue_;
};

}  // namespace troupe
