// The one cache_access of a node: where a command is done. Decided anew for each command, by any
// thread, without a lock of its own.
//
//   cache   shard owned by   get, head in memory   anything else
//   plain   this node        here, at once         here, at once
//   backed  this node        here, at once         backing store (database)
//   any     another node     forwarder, to it      forwarder, to it
//   any     nobody           unavailable           unavailable
//
// It does not keep order between try_now and what was submitted before (see cache_access.hpp); a
// submitted command of a backed cache always goes through the backing store, reads too, in order.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "actors/backing_store.hpp"
#include "actors/cache/forwarder.hpp"
#include "actors/cache/shard_host.hpp"
#include "runtime/cache/cache_access.hpp"
#include "runtime/cache/catalogue.hpp"

namespace troupe {

class cache_router final : public cache_access {
 public:
  using clock = std::function<time_point()>;

  /// `host` and `caches` outlive the router. `now` is only used to judge deadlines and expiry in submit.
  cache_router(
      shard_host& host, const cache_catalogue& caches, std::uint64_t value_max,
      clock now = [] { return time_point(std::chrono::steady_clock::now()); });

  /// Where backed caches go. Null: such commands are unavailable. It outlives its last submit.
  void set_backing(backing_store* backing) noexcept { backing_.store(backing, std::memory_order_release); }
  /// The way to shards of other nodes. Null: they are unavailable.
  void set_forwarder(forwarder* f) noexcept { forwarder_.store(f, std::memory_order_release); }

  [[nodiscard]] std::optional<cache_id> find(std::string_view name) const noexcept override {
    return caches_.find(name);
  }
  [[nodiscard]] bool try_now(const cache_command& command, time_point now, visitor visit) override;

  /// Codes of its own: invalid_argument (no such cache id), too_large (key_bytes_max, value_max),
  /// deadline_exceeded (passed already), unavailable (no owner, no forwarder, service db off).
  void submit(const cache_command& command, time_point deadline, reply_callback done) override;

  /// A command that another node forwarded here: done as submit does, but never forwarded again;
  /// not_owner when the shard is not ours.
  void submit_forwarded(const cache_command& command, time_point deadline, reply_callback done);

  [[nodiscard]] std::uint64_t topology_version() const noexcept override { return host_.topology_version(); }
  [[nodiscard]] usage measure() const override { return host_.measure(); }

 private:
  [[nodiscard]] errc refuse(const cache_command& command, const cache_catalogue::declared_cache* cache) const noexcept;
  void submit_checked(const cache_command& command, time_point deadline, reply_callback done, bool may_forward);
  void forward(const cache_command& command, std::string_view cache_name, time_point deadline, reply_callback done);

  shard_host& host_;
  const cache_catalogue& caches_;
  const std::uint64_t value_max_;
  const clock now_;
  std::atomic<backing_store*> backing_{nullptr};
  std::atomic<forwarder*> forwarder_{nullptr};
};

}  // namespace troupe
