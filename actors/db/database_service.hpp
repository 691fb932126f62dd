// The database service of one node, as the composition root holds it: a pool of blocking threads, the actor in
// front of it, its health in the log and among the events, its numbers among the metrics.
//
// Order: construct, open the namespaces, start(), spawn the actor (spec(), under the supervisor); at the end
// stop the supervisor, then stop(), then destroy. Everything lent to it outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <troupe/config.hpp>

#include "actors/db/cache_backing.hpp"
#include "actors/db/database_pool.hpp"
#include "actors/event_hub.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"

namespace troupe {

class database_service {
 public:
  /// Called at each change of health, after the log and the event; must not block.
  using health_listener = database_health::listener;

  database_service(std::shared_ptr<database_driver> driver, const db_config& c, event_log& log, event_hub& events,
                   health_listener on_health = {});
  ~database_service();

  /// A namespace of its own for a service; blocks. See database_pool::open.
  [[nodiscard]] expected<lane_id> open(const std::string& name_space, std::vector<migration> migrations) {
    return pool_->open(name_space, std::move(migrations));
  }

  /// The backed caches, each in its own namespace; at most once, before start(). The service owns what it returns.
  [[nodiscard]] expected<backing_store*> back_caches(committed_store& store, const std::vector<backed_cache>& caches);

  void start();
  void stop();

  /// Spawns the database_actor; a supervisor may call it again after a failure.
  [[nodiscard]] caf::actor spawn(caf::actor_system& system);

  [[nodiscard]] database_status health() const { return pool_->health().read(); }
  [[nodiscard]] database_pool& pool() noexcept { return *pool_; }

  /// Registers troupe_db_*; once. What is read after stop() stands still.
  void register_metrics(metrics& m);

 private:
  void on_health(const database_status& s);

  event_log& log_;
  event_hub& events_;
  const std::string driver_name_;
  health_listener on_health_;
  const std::shared_ptr<database_pool> pool_;  // shared with the readers of metrics
  std::unique_ptr<cache_backing> caches_;
};

}  // namespace troupe
