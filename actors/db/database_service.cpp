#include "actors/db/database_service.hpp"

#include "actors/db/database_actor.hpp"

namespace troupe {

database_service::database_service(std::shared_ptr<database_driver> driver, const db_config& c, event_log& log,
                                   event_hub& events, health_listener on_health)
    : log_(log),
      events_(events),
      driver_name_(driver->name()),
      on_health_(std::move(on_health)),
      pool_(std::make_shared<database_pool>(std::move(driver), database_pool::settings_of(c))) {
  pool_->health().on_change([this](const database_status& s) { this->on_health(s); });
}

database_service::~database_service() { stop(); }

expected<backing_store*> database_service::back_caches(committed_store& store,
                                                       const std::vector<backed_cache>& caches) {
  TROUPE_CHECK(caches_ == nullptr);
  auto opened = cache_backing::open(*pool_, store, caches);
  if (!opened) return tl::unexpected(opened.error());
  caches_ = std::move(*opened);
  return caches_.get();
}

void database_service::start() { pool_->start(); }

void database_service::stop() { pool_->stop(); }

caf::actor database_service::spawn(caf::actor_system& system) {
  std::function<void()> sweep;
  if (caches_) sweep = [caches = caches_.get()] { caches->sweep(std::chrono::steady_clock::now()); };
  return system.spawn<database_actor>(*pool_, std::move(sweep));
}

void database_service::on_health(const database_status& s) {
  if (s.ok) {
    log_.info("database", "storage_recovered", {{"driver", driver_name_}});
    events_.publish("database_recovered", {{"driver", driver_name_}});
  } else {
    log_.error("database", "storage_failed", {{"driver", driver_name_}, {"reason", s.reason}});
    events_.publish("database_failed", {{"driver", driver_name_}, {"reason", s.reason}});
  }
  if (on_health_) on_health_(s);
}

void database_service::register_metrics(metrics& m) {
  using counters = database_pool::counters;
  const auto count = [&m, pool = pool_](const char* name, const char* help,
                                        std::atomic<std::uint64_t> counters::*member) {
    m.read_counter(name, help, {}, [pool, member] { return static_cast<double>((pool->counted().*member).load()); });
  };
  count("troupe_db_jobs_total", "Jobs that ran on a database", &counters::jobs);
  count("troupe_db_refused_jobs_total", "Jobs refused: queue full, stopping or no connection", &counters::refused);
  count("troupe_db_expired_jobs_total", "Jobs whose deadline passed before they started", &counters::expired);
  count("troupe_db_batches_total", "Transactions that jobs shared", &counters::batches);
  count("troupe_db_failed_batches_total", "Transactions that the storage refused", &counters::failed_batches);
  m.read_gauge("troupe_db_waiting_jobs", "Jobs that wait for their turn", {},
               [pool = pool_] { return static_cast<double>(pool->waiting()); });
  m.read_gauge("troupe_db_healthy_ratio", "1 when every database takes writes, else 0", {},
               [pool = pool_] { return pool->health().read().ok ? 1.0 : 0.0; });
}

}  // namespace troupe
