// Keyspace notifications: what happens to this node's keys, published on the channels __keyspace@0__:KEY and
// __keyevent@0__:EVENT, which clients at any node listen to.
//
// Events are gathered where they happen, under a shard's lock, and published in their order by an I/O thread. What does
// not fit meanwhile is dropped and counted, as a message to a slow listener is.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "actors/io_pool.hpp"
#include "actors/pubsub/pubsub_access.hpp"
#include "runtime/cache/cache_access.hpp"

namespace troupe::resp {

class keyspace_channel final : public keyspace_listener, public std::enable_shared_from_this<keyspace_channel> {
 public:
  static constexpr std::size_t waiting_bytes_max = 16 * 1024 * 1024;

  /// Gives messages to the clients of this node that listen.
  using delivery = std::function<void(pubsub_access::batch)>;

  /// All outlive it.
  keyspace_channel(io_pool& io, cache_access& caches, cache_id cache, pubsub_access& channels, delivery deliver);

  /// Flags of notify_flags.hpp: with neither K nor E, or no class of events, nothing is listened to. Nothing after
  /// close().
  void set(std::uint32_t flags);
  /// Nothing more is heard or published.
  void close();

  void on_event(std::uint32_t kind, std::string_view name, std::string_view key) override;

  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct event {
    std::string_view name;
    std::string key;
  };
  void publish();

  io_pool& io_;
  cache_access& caches_;
  const cache_id cache_;
  pubsub_access& channels_;
  const delivery deliver_;
  std::atomic<bool> by_key_{false};
  std::atomic<bool> by_event_{false};
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex setting_;  // held through listen(); never under a shard's lock, as mutex_ is
  bool ended_ = false;  // guarded by setting_
  std::mutex mutex_;
  std::vector<event> waiting_;  // guarded by mutex_, as the next
  std::size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace troupe::resp
