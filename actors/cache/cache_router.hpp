// The one cache_access of a node: where a command is done. Decided anew for each command, by any
// thread, without a lock of its own.
//
//   cache   shard owned by   get, head in memory   anything else
//   plain   this node        here, at once         here, at once
//   stale   another node     here, if it holds a whole copy; otherwise as any
//   backed  this node        here, at once         backing store (database)
//   loaded  this node        here, at once         here; a get that finds nothing waits for the cache's loader
//   all     another node     here, when this node's copy of the shard is whole and fresh; otherwise as any
//   near    another node     here, if it was read lately and did not change; otherwise as any
//   any     another node     forwarder, to it      forwarder, to it
//   any     nobody           unavailable           unavailable
//
// With a forwarder, a submitted command that was surely not done because its shard has no primary, moves,
// or is out of reach, is parked (parked_commands.hpp) and tried again until its deadline. What the database
// or the owner refuses is not. A node without a forwarder is alone: it answers unavailable at once.
// It does not keep order between try_now and what was submitted before (see cache_access.hpp); a
// submitted command of a backed cache always goes through the backing store, reads too, in order.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "actors/backing_store.hpp"
#include "actors/cache/cache_loaders.hpp"
#include "actors/cache/change_link.hpp"
#include "actors/cache/forwarder.hpp"
#include "actors/cache/near_link.hpp"
#include "actors/cache/parked_commands.hpp"
#include "actors/cache/shard_host.hpp"
#include "actors/clock.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/cache_access.hpp"
#include "runtime/cache/catalogue.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

class local_copy_link;

class cache_router final : public cache_access {
 public:
  using clock = std::function<time_point()>;

  /// `host` and `caches` outlive the router. `now` is only used to judge deadlines and expiry in submit.
  cache_router(
      shard_host& host, const cache_catalogue& caches, std::uint64_t value_max, clock now = [] { return clock_now(); },
      parked_commands::limits parked = {});

  /// Where backed caches go. Null: such commands are unavailable. It outlives its last submit.
  void set_backing(backing_store* backing) noexcept { backing_.store(backing, std::memory_order_release); }
  /// Who loads what is not there. Null: nobody. It outlives its last get.
  void set_loaders(cache_loaders* l) noexcept { loaders_.store(l, std::memory_order_release); }
  /// Values of other nodes that are kept here; null: none. It outlives its last command.
  void set_near(near_link* n) noexcept { near_.store(n, std::memory_order_release); }
  /// Copies of other nodes' values that are kept here; null: none. It outlives its last command.
  void set_local(local_copy_link* l) noexcept { local_.store(l, std::memory_order_release); }
  /// Who tells of changes. Null: nobody. It outlives its last subscriber.
  void set_changes(change_link* c) noexcept { changes_.store(c, std::memory_order_release); }
  [[nodiscard]] expected<std::shared_ptr<change_queue>> subscribe(std::string_view cache,
                                                                  const change_options& options) override;
  [[nodiscard]] std::uint32_t shard_of(std::string_view key) const noexcept override { return host_.shard_of_key(key); }
  /// The way to shards of other nodes. Null: they are unavailable. It, and whatever it called back, ends
  /// before the router.
  void set_forwarder(forwarder* f) noexcept { forwarder_.store(f, std::memory_order_release); }

  [[nodiscard]] std::optional<cache_id> find(std::string_view name) const noexcept override {
    return cache_catalogue::is_internal(name) ? std::nullopt : caches_.find(name);
  }
  /// The node's own caches too.
  [[nodiscard]] std::optional<cache_id> find_any(std::string_view name) const noexcept { return caches_.find(name); }
  [[nodiscard]] bool try_now(const cache_command& command, time_point now, visitor visit) override;

  /// Codes of its own: invalid_argument (no such cache id), too_large (key_bytes_max, value_max),
  /// deadline_exceeded (passed already, or while earlier commands of the shard were under way),
  /// unavailable (no owner until the deadline, no forwarder, service db off, too many parked).
  void submit(const cache_command& command, time_point deadline, reply_callback done) override;

  /// Never parked: who waits looks for itself when its place is lost.
  void wait(const cache_command& command, time_point until, reply_callback done) override;
  /// What an answer may take from another node to here beyond the time that was asked for.
  static constexpr duration wait_grace = std::chrono::milliseconds(250);

  void listen(cache_id cache, keyspace_listener* listener) override { host_.listen(cache, listener); }

  /// Before submit_forwarded of a get with a session: whether that will be told of later changes.
  [[nodiscard]] bool note_near_read(const cache_command& command) {
    auto* near = near_.load(std::memory_order_acquire);
    return near != nullptr && near->note_read(command);
  }
  /// This node has the key's shard, by its table.
  [[nodiscard]] bool is_here(std::string_view key) const noexcept { return host_.is_primary(host_.shard_of_key(key)); }
  [[nodiscard]] shard_host::holders who_holds() const noexcept { return host_.who_holds(); }

  /// A command that another node forwarded here: done as submit does, but never forwarded again;
  /// not_owner when the shard is not ours to serve now.
  void submit_forwarded(const cache_command& command, time_point deadline, reply_callback done);

  /// Tries again what is parked; true while something is. Called every parked_commands::retry_interval
  /// from the moment that the callback of on_first_parked runs, until it returns false; and, for speed,
  /// after a new table was adopted.
  [[nodiscard]] bool retry_parked(time_point now) { return parked_.retry(now); }
  /// `wake` is called from any thread and must not block; null: nobody retries.
  void on_first_parked(std::function<void()> wake) { parked_.on_first_parked(std::move(wake)); }
  /// The node stops: answers what is parked with unavailable and parks no more. Before the doors end.
  void stop_parking() { parked_.close(); }
  [[nodiscard]] const parked_commands& parked() const noexcept { return parked_; }

  [[nodiscard]] std::uint32_t shard_of_key(std::string_view key) const noexcept { return host_.shard_of_key(key); }
  /// Of the table in which the primary of some shard last changed. From any thread.
  [[nodiscard]] stamp table_stamp() const;

  /// troupe_cache_parked_count, troupe_cache_parked_refused_total, troupe_cache_waiting_clients; the router outlives
  /// the last scrape.
  void register_metrics(metrics& m) const;

  [[nodiscard]] std::uint32_t shards() const noexcept override { return host_.shards(); }
  [[nodiscard]] std::string_view key_in_shard(std::uint32_t shard) const noexcept override {
    std::call_once(shard_keys_made_, [this] { shard_keys_ = keys_in_shards(host_.shards()); });
    return shard_keys_[shard];
  }
  [[nodiscard]] std::uint64_t topology_version() const noexcept override { return host_.topology_version(); }
  [[nodiscard]] usage measure() const override { return host_.measure(); }
  [[nodiscard]] log_usage measure_log() const override { return host_.measure_log(); }
  bool set_memory_max(std::uint64_t bytes) override {
    host_.set_memory_max(bytes);
    return true;
  }
  bool set_eviction(eviction_policy p) override {
    host_.set_eviction(p);
    return true;
  }

 private:
  [[nodiscard]] errc refuse(const cache_command& command, const cache_catalogue::declared_cache* cache) const noexcept;
  [[nodiscard]] const cache_catalogue::declared_cache* check(const cache_command& command, time_point deadline,
                                                             const reply_callback& done) const;
  [[nodiscard]] bool do_here(const cache_command& command, const cache_catalogue::declared_cache& cache,
                             time_point deadline, reply_callback& done, bool forwarded = false);
  /// It is a get, and what is not there is loaded; null: not so.
  [[nodiscard]] cache_loaders* loader_of(const cache_command& command) const noexcept {
    auto* all = loaders_.load(std::memory_order_acquire);
    return all != nullptr && command.op == cache_op::get && all->has(command.cache) ? all : nullptr;
  }
  [[nodiscard]] near_link* near_of(const cache_command& command) const noexcept {
    auto* near = near_.load(std::memory_order_acquire);
    return near != nullptr && near->keeps(command.cache) ? near : nullptr;
  }
  [[nodiscard]] bool find_local(const cache_command& command, time_point now, visitor visit) const;
  void forward(std::uint64_t route, const parked_commands::command_ptr& command);
  [[nodiscard]] std::uint64_t route_of(std::uint32_t shard) const noexcept;
  void run(const parked_commands::command_ptr& command, std::uint64_t route);

  shard_host& host_;
  const cache_catalogue& caches_;
  const std::uint64_t value_max_;
  mutable std::once_flag shard_keys_made_;  // at the first scan: it takes a moment with many shards
  mutable std::vector<std::string> shard_keys_;
  const clock now_;
  std::atomic<backing_store*> backing_{nullptr};
  std::atomic<forwarder*> forwarder_{nullptr};
  std::atomic<cache_loaders*> loaders_{nullptr};
  std::atomic<near_link*> near_{nullptr};
  std::atomic<change_link*> changes_{nullptr};
  std::atomic<local_copy_link*> local_{nullptr};
  mutable std::mutex stamp_mutex_;
  mutable stamp stamp_;                         // guarded by stamp_mutex_, as the next
  mutable std::uint64_t stamp_topology_ = ~0u;  // that stamp_ was read at
  parked_commands parked_;                      // the last: its end answers through the others
};

}  // namespace troupe
