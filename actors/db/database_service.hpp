// The database service of one node, as the composition root holds it: a pool of blocking threads, the actor in
// front of it, its health in the log and among the events, its numbers among the metrics.
//
// Order: construct, open the namespaces, start(), spawn the actor (spec(), under the supervisor); at the end
// stop the supervisor, then stop(), then destroy. Everything lent to it outlives it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <troupe/config.hpp>

#include "actors/db/cache_backing.hpp"
#include "actors/db/database_admin.hpp"
#include "actors/db/database_pool.hpp"
#include "actors/db/measured_database.hpp"
#include "actors/event_hub.hpp"
#include "actors/job_thread.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"

namespace troupe {

class database_service final : public database_admin {
 public:
  /// Called at each change of health, after the log and the event; must not block.
  using health_listener = database_health::listener;

  struct surroundings {
    event_log& log;
    event_hub& events;
    metrics& numbers;
    boost::asio::io_context& loop;
    health_listener on_health = {};
    /// The leader's token when this node leads; empty: nobody migrates what nodes share.
    database_pool::leader_right right = {};
    /// Something that works, but not as well as it should; empty: nothing any more.
    std::function<void(const std::string& note)> on_note = {};
  };

  database_service(std::shared_ptr<database_driver> driver, const db_config& c, surroundings s);
  ~database_service() override;

  /// The namespace `name`, with the migrations given here or, without any, those of db.migrations; blocks. The same
  /// name gives the same database. Errors as database_pool::open, and bad_config for files that cannot be read.
  [[nodiscard]] expected<database> open(const std::string& name, std::vector<migration> migrations = {},
                                        database_pool::evolution evolve = {});

  [[nodiscard]] std::string driver_name() const override { return driver_name_; }
  [[nodiscard]] std::vector<row> namespaces() const override;
  void backup(const std::string& name, const std::string& file, done_callback done) override;
  void reset(const std::string& name, const std::string& meant, done_callback done) override;

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
  struct opened {
    lane_id lane = 0;
    std::shared_ptr<measured_database> front;
    std::shared_ptr<std::atomic<bool>> ready;
  };

  [[nodiscard]] std::shared_ptr<measured_database> front_of(const std::string& name) const;
  void on_health(const database_status& s);
  void register_driver_metrics(metrics& m);
  void look_at_role(const std::string& name);
  void aside(std::function<expected<void>()> work, done_callback done);
  [[nodiscard]] expected<void> copy(const std::string& name, const std::string& file);
  [[nodiscard]] expected<void> clear(const std::string& name, const std::string& meant);
  [[nodiscard]] std::shared_ptr<database_access> way_to(const std::string& name, lane_id lane);

  const surroundings around_;
  const db_config settings_;
  const std::shared_ptr<database_driver> driver_;
  const std::string driver_name_;
  const std::shared_ptr<database_pool> pool_;  // shared with the readers of metrics
  std::unique_ptr<cache_backing> caches_;
  std::mutex opening_;  // before mutex_
  mutable std::mutex mutex_;
  std::map<std::string, opened> opened_;      // guarded by mutex_
  std::map<std::string, std::string> notes_;  // by namespace; guarded by mutex_
  bool waited_ = false;                       // of on_health(), which is called in order
  std::atomic<bool> stopping_{false};
  job_thread<std::function<void()>> side_;  // for what takes long
};

}  // namespace troupe
