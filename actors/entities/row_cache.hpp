// Rows that were read by their id, in the cluster's cache: cache-aside with one load for all who ask.
//
//   read     a get at the row's shard; a miss loads it from the database, once in the whole cluster
//   write    the database commits, then the row is erased at its shard, then the write is acknowledged
//
// So no reader gets an older row after a newer one was acknowledged: what is loaded after the erase is what was
// committed before it, and a load that began before it is given to those who asked before and never stored
// (runtime/cache/shard_loads.hpp). A node that dies between the commit and the erase has acknowledged nothing; the old
// row goes at the end of its time to live.
//
// The cache has a name that no configuration can give, no copies and no limits of its own. Where no node holds data
// there is none, and the database does it all. A read waits for the cache half its time at most.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string_view>

#include <troupe/config.hpp>

#include "actors/cache/cache_router.hpp"
#include "runtime/entities/cached_row.hpp"

namespace troupe {

class row_cache {
 public:
  static constexpr std::string_view name = ".entities";

  /// Declares the cache, on every node alike: one that keeps no rows itself forgets those that others keep.
  static void declare(config& c);

  /// `cache` is the id of `name`; `caches` outlives this object. `without_data` says that no member of the cluster
  /// holds data; asked before any table of shards is known: a cluster of such members has none.
  row_cache(cache_router& caches, cache_id cache, std::function<bool()> without_data)
      : caches_(caches), cache_(cache), without_data_(std::move(without_data)) {}

  /// Shows the row if it can be had here and now; under the shard's lock.
  [[nodiscard]] bool read_now(std::string_view key, time_point now, function_ref<void(const cached_row&)> visit);

  /// None: there is none, or it cannot be had this way; the database knows.
  using row_callback = std::function<void(std::optional<cached_row>)>;
  void read(std::string_view key, time_point now, time_point deadline, row_callback done);

  /// Readers from now on get what is in the database now, or later. False: perhaps not.
  void forget(std::string_view key, time_point deadline, std::function<void(bool)> done);

  /// The database says that a row was changed, by whomever. Each node hears it; the one that has the row forgets it.
  void on_change(std::string_view key, time_point now);
  /// Changes may have been missed.
  void on_gap(time_point now);

 private:
  [[nodiscard]] cache_command command(cache_op op, std::string_view key) const noexcept;
  [[nodiscard]] bool settled(time_point now);

  /// After a shard has moved, for so long every node sees to it that a changed row is forgotten where it is now.
  static constexpr duration unsettled = std::chrono::seconds(10);

  [[nodiscard]] bool is_nowhere() const;

  cache_router& caches_;
  const cache_id cache_;
  const std::function<bool()> without_data_;
  std::mutex mutex_;
  std::uint64_t topology_ = 0;  // guarded by mutex_, as the next
  time_point topology_since_ = time_point::min();
};

}  // namespace troupe
