#include "actors/db/database_service.hpp"

#include <utility>

#include "actors/db/database_actor.hpp"
#include "actors/db/migration_files.hpp"
#include "actors/db/session_database.hpp"

namespace troupe {

database_service::database_service(std::shared_ptr<database_driver> driver, const db_config& c, surroundings s)
    : around_(std::move(s)),
      settings_(c),
      driver_(std::move(driver)),
      driver_name_(driver_->name()),
      pool_(std::make_shared<database_pool>(driver_, database_pool::settings_of(c))),
      side_("troupe-db-side", [](std::vector<std::function<void()>>& jobs) {
        for (auto& job : jobs) job();
      }) {
  pool_->health().on_change([this](const database_status& status) { this->on_health(status); });
  pool_->set_leader_right(around_.right);
}

database_service::~database_service() { stop(); }

expected<backing_store*> database_service::back_caches(committed_store& store,
                                                       const std::vector<backed_cache>& caches) {
  TROUPE_CHECK(caches_ == nullptr);
  auto backing = cache_backing::open(*pool_, store, caches);
  if (!backing) return tl::unexpected(backing.error());
  caches_ = std::move(*backing);
  return caches_.get();
}

// PostgreSQL has a way of its own; of blocking sessions one is made.
std::shared_ptr<database_access> database_service::way_to(const std::string& name, lane_id lane) {
  if (auto own = driver_->connect(name)) return own;
  return std::make_shared<session_database>(*pool_, around_.loop, name, lane, settings_.pool_threads,
                                            driver_->dialect());
}

std::shared_ptr<measured_database> database_service::front_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto known = opened_.find(name);
  return known == opened_.end() ? nullptr : known->second.front;
}

// One at a time: it may take long, and whoever asks what is open does not wait for it.
expected<database> database_service::open(const std::string& name, std::vector<migration> migrations,
                                          database_pool::evolution evolve) {
  const std::lock_guard one(opening_);
  if (auto known = front_of(name)) return database(std::move(known), name);
  if (migrations.empty() && !settings_.migrations.empty()) {
    auto files = read_migrations(settings_.migrations, name, driver_->dialect());
    if (!files) return tl::unexpected(std::move(files.error()));
    migrations = std::move(*files);
  }
  // The gate opens when the lane's session has found the namespace migrated, now or later.
  struct gate {
    std::mutex mutex;
    bool ready = false;
    std::shared_ptr<measured_database> front;
  };
  const auto g = std::make_shared<gate>();
  opened o;
  o.ready = std::make_shared<std::atomic<bool>>(false);
  const auto on_open = [this, name, g, ready = o.ready] {
    look_at_role(name);
    const std::lock_guard gate_lock(g->mutex);
    g->ready = true;
    *ready = true;
    if (g->front) g->front->open();
  };
  const auto lane = pool_->open(name, std::move(migrations), on_open, std::move(evolve));
  if (!lane) return tl::unexpected(lane.error());
  o.lane = *lane;
  o.front = std::make_shared<measured_database>(
      way_to(name, *lane), name,
      measured_database::surroundings{around_.log, around_.numbers, settings_.slow_statement});
  {
    const std::lock_guard gate_lock(g->mutex);
    g->front = o.front;
    if (g->ready) o.front->open();
  }
  const auto front = o.front;
  const std::lock_guard lock(mutex_);
  opened_.emplace(name, std::move(o));
  return database(front, name);
}

// Each time that it was opened: who may do what is the server's to say, and may change.
void database_service::look_at_role(const std::string& name) {
  const auto role = driver_->role_of(name);
  std::string shown;
  {
    const std::lock_guard lock(mutex_);
    auto& known = notes_[name];
    if (known == role.why) return;
    known = role.why;
    for (const auto& [of, why] : notes_) {
      if (!why.empty()) shown += (shown.empty() ? "" : "; ") + of + " has no role of its own: " + why;
    }
  }
  if (!role.why.empty())
    around_.log.warn("database", "namespace_without_role",
                     {{"namespace", name}, {"rights", role.way}, {"reason", role.why}});
  if (around_.on_note) around_.on_note(shown);
}

void database_service::aside(std::function<expected<void>()> work, done_callback done) {
  std::function<void()> job = [work = std::move(work), done] { done(work()); };
  if (!side_.push(job)) done(fail(errc::unavailable, "the database service is stopping"));
}

void database_service::backup(const std::string& name, const std::string& file, done_callback done) {
  aside([this, name, file] { return copy(name, file); }, std::move(done));
}

void database_service::reset(const std::string& name, const std::string& meant, done_callback done) {
  aside([this, name, meant] { return clear(name, meant); }, std::move(done));
}

std::vector<database_admin::row> database_service::namespaces() const {
  const std::lock_guard lock(mutex_);
  std::vector<row> rows;
  for (const auto& [name, o] : opened_) rows.push_back({name, *o.ready, driver_->role_of(name).way});
  return rows;
}

// On a session of its own, so that nobody waits for it.
expected<void> database_service::copy(const std::string& name, const std::string& file) {
  {
    const std::lock_guard lock(mutex_);
    if (opened_.find(name) == opened_.end() && !(caches_ && caches_->has_namespace(name)))
      return fail(errc::not_found, "no namespace " + name + " is open on this node");
  }
  auto session = driver_->open_reader(name);
  if (!session) return tl::unexpected(session.error());
  around_.log.info("database", "backup_started", {{"namespace", name}, {"file", file}});
  const auto end = std::chrono::steady_clock::now() + backup_max;
  auto done = (*session)->backup(file, [&] { return !stopping_ && std::chrono::steady_clock::now() < end; });
  if (done)
    around_.log.info("database", "backup_done", {{"namespace", name}, {"file", file}});
  else
    around_.log.warn("database", "backup_failed", {{"namespace", name}, {"reason", describe(done.error())}});
  return done;
}

expected<void> database_service::clear(const std::string& name, const std::string& meant) {
  opened o;
  {
    const std::lock_guard lock(mutex_);
    const auto found = opened_.find(name);
    if (found == opened_.end())
      return fail(errc::not_found, "no namespace " + name + " of a service is open on this node");
    o = found->second;
  }
  if (meant != name) {
    around_.log.warn("database", "reset_refused", {{"namespace", name}});
    return fail(errc::condition_failed, "a reset of " + name + " needs its name again: --i-mean-it " + name);
  }
  if (driver_->shared() && !(around_.right && around_.right()))
    return fail(errc::unavailable, "only the leader resets what nodes share: ask that node");
  around_.log.warn("database", "reset_started", {{"namespace", name}});
  auto done = pool_->reset(o.lane, [o](bool open) {
    *o.ready = open;
    open ? o.front->open() : o.front->close("it is being reset");
  });
  if (done)
    around_.log.warn("database", "reset_done", {{"namespace", name}});
  else
    around_.log.error("database", "reset_failed", {{"namespace", name}, {"reason", describe(done.error())}});
  return done;
}

void database_service::start() { pool_->start(); }

// Every call is answered before the threads go that answer them. The pool before the thread that may wait for it.
void database_service::stop() {
  stopping_ = true;
  std::map<std::string, opened> all;
  {
    const std::lock_guard lock(mutex_);
    all = opened_;
  }
  for (const auto& [name, o] : all) o.front->stop();
  driver_->stop();
  pool_->stop();
  side_.stop();
}

caf::actor database_service::spawn(caf::actor_system& system) {
  std::function<void()> sweep;
  if (caches_) sweep = [caches = caches_.get()] { caches->sweep(std::chrono::steady_clock::now()); };
  return system.spawn<database_actor>(*pool_, std::move(sweep));
}

void database_service::on_health(const database_status& s) {
  const bool waited = std::exchange(waited_, s.waits);
  if (s.waits) {
    around_.log.info("database", "waits_for_leader", {{"driver", driver_name_}, {"reason", s.reason}});
  } else if (s.ok && waited) {
    around_.log.info("database", "tables_are_there", {{"driver", driver_name_}});
  } else if (s.ok) {
    around_.log.info("database", "storage_recovered", {{"driver", driver_name_}});
    around_.events.publish("database_recovered", {{"driver", driver_name_}});
  } else {
    around_.log.error("database", "storage_failed", {{"driver", driver_name_}, {"reason", s.reason}});
    around_.events.publish("database_failed", {{"driver", driver_name_}, {"reason", s.reason}});
  }
  if (around_.on_health) around_.on_health(s);
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
  register_driver_metrics(m);
  m.read_gauge("troupe_db_waiting_jobs", "Jobs that wait for their turn", {},
               [pool = pool_] { return static_cast<double>(pool->waiting()); });
  m.read_gauge("troupe_db_healthy_ratio", "1 when every database takes writes, else 0", {},
               [pool = pool_] { return pool->health().read().ok ? 1.0 : 0.0; });
}

// Summed over the namespaces: which of them a node has is known only later.
void database_service::register_driver_metrics(metrics& m) {
  const auto sum = [driver = driver_](auto database_numbers::*member) {
    return [driver, member] {
      double all = 0;
      for (const auto& n : driver->numbers()) all += static_cast<double>(n.*member);
      return all;
    };
  };
  m.read_gauge("troupe_db_connections_count", "Connections to the database that are open", {},
               sum(&database_numbers::connections));
  m.read_gauge("troupe_db_connections_in_use_count", "Those of them that carry statements", {},
               sum(&database_numbers::in_use));
  m.read_gauge("troupe_db_waiting_requests", "Requests that wait for a connection", {},
               sum(&database_numbers::waiting));
  m.read_counter("troupe_db_dial_failures_total", "Connections that could not be made", {},
                 sum(&database_numbers::dial_failures));
  m.read_counter("troupe_db_repeated_requests_total", "Requests sent again on another connection", {},
                 sum(&database_numbers::repeated));
  m.read_counter("troupe_db_refused_requests_total", "Requests that got no connection", {},
                 sum(&database_numbers::refused));
  m.read_gauge("troupe_db_breakers_open_count", "Namespaces whose circuit breaker is not closed", {},
               [driver = driver_] {
                 double open = 0;
                 for (const auto& n : driver->numbers()) open += n.breaker == 0 ? 0 : 1;
                 return open;
               });
}

}  // namespace troupe
