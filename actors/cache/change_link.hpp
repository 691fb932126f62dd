// Changes of caches on the cluster link, both sides: what subscribers of this node hear
// (runtime/cache/change_feed.hpp), and what other nodes ask of its shards (change_source.hpp). This node's own shards
// are asked in the same way.
//
// A machine each, under a lock each. What shards say comes under their lock: lock order shard, then source; and feed,
// then the queue of a subscriber. Polls wait at the owner until there is something to tell, for 200 ms at most. Without
// a subscriber in the cluster no shard is watched and no timer runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "actors/alarm.hpp"
#include "actors/cache/change_queue.hpp"
#include "actors/cache/shard_host.hpp"
#include "actors/io_pool.hpp"
#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/catalogue.hpp"
#include "runtime/cache/change_feed.hpp"
#include "runtime/cache/change_source.hpp"

namespace troupe {

/// Hears of whole caches by shard, with values: copies of them at this node. Called under change_link's lock.
class change_follower {
 public:
  virtual ~change_follower() = default;
  virtual void on_told(const change_feed::delivery& d) = 0;
  /// After all that came with an answer.
  virtual void on_confirmed(const change_feed& feed) = 0;
  /// About every 50 ms, and after answers; without the lock.
  virtual void on_pump() = 0;
};

class change_link final : public change_listener, public std::enable_shared_from_this<change_link> {
 public:
  /// At one node: of applications and clients together.
  static constexpr std::size_t subscribers_max = 1024;

  /// From any thread.
  using resolver = std::function<std::optional<link_target>(std::uint64_t pid)>;
  struct surroundings {
    io_pool& io;
    link_table* link;  // null: this node is alone
    shard_host& host;
    const cache_catalogue& caches;
    resolver resolve;
    std::uint64_t seed = 0;
  };
  /// All outlive close().
  explicit change_link(surroundings s);

  /// Answers other nodes; before the link starts. errc::unavailable when the system gives no timer.
  [[nodiscard]] expected<void> start();
  /// Ends every subscription. Idempotent.
  void close();

  /// See cache::subscribe.
  [[nodiscard]] expected<std::shared_ptr<change_queue>> subscribe(cache_id cache, const change_options& options);

  /// `f` hears of the cache until unfollow() has returned; one follower, of any number of caches.
  void follow(change_follower& f, cache_id cache);
  void unfollow();
  [[nodiscard]] std::optional<change_feed::source> source_of(std::uint32_t shard) const;
  /// See change_source::mark. Called under the shard's lock.
  void mark(std::uint64_t session, cache_id cache, std::uint32_t shard, std::uint64_t token, std::uint64_t sequence);
  /// Something may be due.
  void want_pump();

  [[nodiscard]] bool wants(cache_id cache) const noexcept override {
    return cache < wanted_.size() && wanted_[cache].load(std::memory_order_relaxed);
  }
  void on_change(std::uint32_t shard, const key_change& c, std::uint64_t sequence) override;
  void on_committed(std::uint32_t shard, std::uint64_t sequence) override;
  void on_begin(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version) override;
  void on_end(std::uint32_t shard, std::uint64_t version) override;

  /// troupe_cache_changes_*; outlives the last scrape.
  void register_metrics(metrics& m) const;

 private:
  static constexpr duration tick = std::chrono::milliseconds(50);
  using answer_callback = std::function<void(expected<change_answer>)>;
  using queue_ptr = std::shared_ptr<change_queue>;

  void leave(std::uint64_t id);
  void ring();
  void pump();
  void follow_table();
  void send(change_feed::outgoing o);
  void on_answer(std::uint64_t owner, std::uint64_t session, expected<change_answer> answer);
  void deliver(std::vector<queue_ptr>& woken);
  void take_poll(const change_poll& p, answer_callback done);
  void attach_all(std::uint64_t session);
  void show_wanted();
  [[nodiscard]] bool set_wanted();
  void watch_shards(bool on);
  void want_answers();
  void answer_due();

  const surroundings with_;
  alarm clock_;
  std::vector<std::atomic<bool>> wanted_;  // by cache; written under source_mutex_
  std::atomic<bool> pump_posted_{false};
  std::atomic<bool> answers_posted_{false};
  std::atomic<bool> closed_{false};

  mutable std::mutex feed_mutex_;
  change_feed feed_;  // guarded by feed_mutex_, as the next
  std::map<std::uint64_t, queue_ptr> queues_;
  change_follower* follower_ = nullptr;
  std::vector<std::uint64_t> followed_;  // its subscribers
  std::uint64_t next_id_ = 1;
  stamp table_;

  mutable std::mutex source_mutex_;
  change_source source_;                              // guarded by source_mutex_, as the next
  std::map<std::uint64_t, answer_callback> answers_;  // by session
  std::mutex pumping_;                                // held while the follower is pumped
  std::mutex watching_mutex_;                         // taken before any shard's lock, never under one
  bool watching_ = false;                             // guarded by watching_mutex_
};

}  // namespace troupe
