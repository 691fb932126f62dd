// The copies of small caches at this node on the cluster link, both sides: what is held here for this node's readers
// (runtime/cache/local_copy.hpp), and the pages that other nodes ask of this one's shards (copy_reading.hpp). Changes
// come by change_link.
//
// The machine is under a lock of its own: lock order feed (change_link), then copy. Readers take the copy's lock only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "actors/cache/change_link.hpp"
#include "actors/cache/shard_host.hpp"
#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/cache_access.hpp"
#include "runtime/cache/catalogue.hpp"
#include "runtime/cache/copy_reading.hpp"
#include "runtime/cache/local_copy.hpp"

namespace troupe {

class local_copy_link final : public change_follower, public std::enable_shared_from_this<local_copy_link> {
 public:
  /// Of a cache without memory_max.
  static constexpr std::uint64_t bytes_max_usual = std::uint64_t{64} << 20;

  struct surroundings {
    link_table* link;  // null: this node is alone, and its own store is all there is
    shard_host& host;
    change_link& changes;
    const cache_catalogue& caches;
    change_link::resolver resolve;
    std::uint64_t seed = 0;
  };
  /// All outlive close().
  explicit local_copy_link(surroundings s);

  /// Answers other nodes, and follows changes if some cache is kept everywhere; before the link starts.
  void start();
  /// Idempotent.
  void close();

  [[nodiscard]] bool keeps(cache_id cache) const noexcept { return cache < kept_.size() && kept_[cache]; }
  /// A get or head of a key that another node has: answered by what is here, or not at all. `only_present`: a miss is
  /// not shown.
  [[nodiscard]] bool find(const cache_command& command, std::uint64_t topology, time_point now,
                          cache_access::visitor visit, bool only_present);

  /// Commands of such a cache that leave for their owner, and their end.
  struct left {
    std::vector<std::pair<std::string, bool>> keys;
    bool all = false;
    std::optional<std::string> read;  // the key of a get: it changes nothing
  };
  [[nodiscard]] left begin(const cache_command& command);
  void end(cache_id cache, const left& l, const owned_reply& reply);

  void on_told(const change_feed::delivery& d) override;
  void on_confirmed(const change_feed& feed) override;
  void on_pump() override;

  /// troupe_cache_local_*; outlives the last scrape.
  void register_metrics(metrics& m) const;

 private:
  [[nodiscard]] std::vector<std::uint64_t> limits() const;
  void send(copy_request r);
  void on_page(const copy_request& of, const expected<copy_page>& page);
  [[nodiscard]] expected<void> read(const copy_request& asked, copy_reading& into);

  const surroundings with_;
  std::vector<bool> kept_;  // by cache
  std::atomic<bool> closed_{false};
  std::vector<std::atomic<duration::rep>> confirmed_;  // by shard: when its source's last whole answer was asked for
  mutable std::mutex mutex_;
  local_copy copy_;             // guarded by mutex_, as the next
  std::uint64_t topology_ = 0;  // that readers came with
};

}  // namespace troupe
