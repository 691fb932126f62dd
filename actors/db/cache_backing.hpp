// Backed caches: every command of such a cache goes through the one lane of its namespace, in the order it
// was submitted, reads included. A write is durable first, then visible in the shard store, then
// acknowledged; a read brings the row into the store. So a load never resurrects what a later write removed.
//
//   outcome of the batch   shard store             reply
//   committed              the new value, or none  the version
//   surely not committed   untouched               storage_failed, unavailable, ...
//   unknown                the key is forgotten    outcome_unknown; the next read asks the database
//
// It does NOT serve hits (that is the shard store's part) and gives no cache-wide default ttl.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actors/backing_store.hpp"
#include "actors/db/committed_store.hpp"
#include "actors/db/database_pool.hpp"
#include "runtime/services/cache_table.hpp"

namespace troupe {

struct backed_cache {
  cache_id id = 0;
  std::string name;
};

/// "cache_" and the name in lower case, whatever is not [a-z0-9_] replaced by '_'.
[[nodiscard]] std::string namespace_of_cache(std::string_view cache_name);

class cache_backing final : public backing_store {
 public:
  static constexpr std::size_t sweep_rows_max = 1000;                   // deleted in one job
  static constexpr duration sweep_deadline = std::chrono::seconds(30);  // a sweep that waits longer is left out

  /// Opens a namespace for each cache; blocks. bad_config when two caches would share one or a name is too long,
  /// otherwise as database_pool::open. `pool` and `store` outlive this object; stop the pool before it goes.
  [[nodiscard]] static expected<std::unique_ptr<cache_backing>> open(database_pool& pool, committed_store& store,
                                                                     const std::vector<backed_cache>& caches);

  void submit(const cache_command& command, time_point deadline, reply_callback done) override;

  /// Lets each cache delete its expired rows; returns at once.
  void sweep(time_point now);

  [[nodiscard]] bool has_namespace(const std::string& name) const { return namespaces_.count(name) > 0; }

  cache_backing(database_pool& pool, committed_store& store) : pool_(pool), store_(store) {}

 private:
  struct backed {
    lane_id lane = 0;
    cache_table table;  // of the batch that runs
  };
  class command_job;
  class sweep_job;

  void submit_sweep(backed& b, time_point deadline);

  database_pool& pool_;
  committed_store& store_;
  std::map<cache_id, backed> caches_;  // fixed once opened
  std::set<std::string> namespaces_;   // the same
};

}  // namespace troupe
