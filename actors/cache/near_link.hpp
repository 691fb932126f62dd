// The near cache of a node on the cluster link, both sides of it: values of other nodes that were read here
// (runtime/cache/near_cache.hpp), and what other nodes keep of this one (near_interest.hpp), whose writes are told to
// them when they poll.
//
// A machine each, under a lock each. on_write and its like are called under the lock of a shard: lock order shard, then
// interest; and near, then interest. The timer runs only while something is kept or asked for; without a cache that is
// kept near there is none.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "actors/alarm.hpp"
#include "actors/cache/shard_host.hpp"
#include "actors/io_pool.hpp"
#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/cache_access.hpp"
#include "runtime/cache/catalogue.hpp"
#include "runtime/cache/near_cache.hpp"
#include "runtime/cache/near_interest.hpp"

namespace troupe {

class near_link final : public write_watcher, public std::enable_shared_from_this<near_link> {
 public:
  /// From any thread.
  using resolver = std::function<std::optional<link_target>(std::uint64_t pid)>;
  struct surroundings {
    io_pool& io;
    link_table& link;
    shard_host& host;
    const cache_catalogue& caches;
    resolver resolve;
    std::uint64_t seed = 0;
  };
  /// All outlive close().
  explicit near_link(surroundings s);

  /// Answers other nodes, and is told of writes; before the link starts. errc::unavailable when the system gives no
  /// timer.
  [[nodiscard]] expected<void> start();
  /// Idempotent.
  void close();

  [[nodiscard]] bool keeps(cache_id cache) const noexcept { return cache < kept_.size() && kept_[cache]; }

  /// A get of a key that `owner` has: answered by what is kept, or not at all.
  [[nodiscard]] bool find(const cache_command& command, std::uint64_t owner, std::uint64_t topology, time_point now,
                          cache_access::visitor visit);
  /// A command of such a cache leaves for `owner`, and is answered.
  [[nodiscard]] std::uint64_t begin(owned_command& command, std::uint64_t owner, std::uint64_t topology);
  void end(const owned_command& command, std::uint64_t read, const owned_reply& reply, bool told);

  /// Another node's get, before it is done: whether its session will be told of later changes.
  [[nodiscard]] bool note_read(const cache_command& command);

  [[nodiscard]] bool interested() const noexcept override { return interested_.load(std::memory_order_relaxed); }
  void on_write(cache_id cache, std::string_view key) override;
  void on_drop(cache_id cache) override;
  void on_lost() override;

  /// troupe_cache_near_*; outlives the last scrape.
  void register_metrics(metrics& m) const;

 private:
  static constexpr duration tick = std::chrono::milliseconds(50);

  [[nodiscard]] bool any_kept() const { return std::find(kept_.begin(), kept_.end(), true) != kept_.end(); }
  void follow(std::uint64_t topology);
  void command_near(const owned_command& command);
  void ring();
  void wake();
  void send(const near_cache::poll& p);
  void on_answer(const near_cache::poll& p, const std::optional<near_answer>& answer);
  void take_poll(const link_request& request, link_responder responder);

  const surroundings with_;
  std::vector<bool> kept_;  // by cache
  alarm clock_;
  mutable std::mutex near_mutex_;
  near_cache near_;             // guarded by near_mutex_, as the next
  std::uint64_t topology_ = 0;  // that what is kept belongs to
  bool ticking_ = false;
  bool closed_ = false;
  std::mutex interest_mutex_;
  near_interest interest_;  // guarded by interest_mutex_
  std::atomic<bool> interested_{false};
};

}  // namespace troupe
