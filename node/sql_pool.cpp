// Databases alone: the database service with its driver, its clock on one I/O thread instead of an actor.
#include <troupe/sql_pool.hpp>

#include <atomic>
#include <mutex>
#include <utility>

#include "actors/alarm.hpp"
#include "actors/db/database_actor.hpp"
#include "actors/db/database_service.hpp"
#include "actors/event_hub.hpp"
#include "actors/io_pool.hpp"
#include "actors/metrics.hpp"
#include "gateways/db/postgres_driver.hpp"
#include "gateways/db/sqlite_driver.hpp"
#include "node/await.hpp"
#include "node/entropy.hpp"
#include "node/module_parts.hpp"

namespace troupe {

namespace {

constexpr const char* module_name = "databases_alone";

config settings_of(const sql_pool_options& o) {
  config c;
  c.node.name = "databases";
  c.node.io_threads = 1;
  if (!o.sqlite_dir.empty()) c.node.data_dir = o.sqlite_dir;
  c.db = o.tuning;
  c.db.type = o.postgres_dsn.empty() ? "sqlite" : "postgres";
  c.db.dsn = o.postgres_dsn;
  set_log_level(c, o.log_level);
  return c;
}

// Who changes tables without a leader: all pools show the same token and take turns by the database's lock.
fenced nobodys_token() { return {1, incarnation_id{}}; }

}  // namespace

class sql_pool::runner {
 public:
  [[nodiscard]] static expected<std::unique_ptr<runner>> start(const sql_pool_options& o);
  ~runner() { stop(); }

  [[nodiscard]] expected<database> open(const std::string& name, std::vector<migration> migrations);
  [[nodiscard]] expected<void> backup(const std::string& name, const std::string& file);
  [[nodiscard]] database_status health() const { return service_->health(); }
  [[nodiscard]] const troupe::metrics& numbers() const noexcept { return numbers_; }
  void stop();

 private:
  runner(config c, std::shared_ptr<event_log> log) : settings_(std::move(c)), log_(std::move(log)) {}
  [[nodiscard]] expected<void> start_parts();
  [[nodiscard]] expected<std::shared_ptr<database_driver>> make_driver();
  void tick();

  const config settings_;
  const std::shared_ptr<event_log> log_;
  const entropy drawn_ = entropy::draw();
  event_hub events_;
  io_pool io_{1};
  troupe::metrics numbers_;
  alarm clock_{io_.context(0)};
  std::unique_ptr<database_service> service_;
  std::mutex stop_mutex_;
  std::atomic<bool> stopped_{false};
};

expected<std::unique_ptr<sql_pool::runner>> sql_pool::runner::start(const sql_pool_options& o) {
  if (o.sqlite_dir.empty() == o.postgres_dsn.empty())
    return fail(errc::bad_config, "sqlite_dir, postgres_dsn: one of them is needed, and not both");
  auto c = settings_of(o);
  if (auto sound = check_module(c, module_name); !sound) return tl::unexpected(std::move(sound.error()));
  auto log = open_module_log(c, o.log_level);
  if (!log) return tl::unexpected(std::move(log.error()));
  std::unique_ptr<runner> r(new runner(std::move(c), std::move(*log)));
  if (auto started = r->start_parts(); !started) return tl::unexpected(std::move(started.error()));
  return r;
}

expected<std::shared_ptr<database_driver>> sql_pool::runner::make_driver() {
  if (settings_.db.type == "sqlite") return std::make_shared<sqlite_driver>(sqlite_driver::settings_of(settings_));
  auto driver = postgres_driver::make(settings_.db, io_, drawn_.machine_seed);
  if (!driver) return tl::unexpected(std::move(driver.error()));
  return std::shared_ptr<database_driver>(std::move(*driver));
}

expected<void> sql_pool::runner::start_parts() {
  auto driver = make_driver();
  if (!driver) return tl::unexpected(std::move(driver.error()));
  service_ = std::make_unique<database_service>(
      std::move(*driver), settings_.db,
      database_service::surroundings{*log_, events_, numbers_, io_.context(0), {}, [] { return nobodys_token(); }, {}});
  if (auto ticking = clock_.start([this] { tick(); }); !ticking) return ticking;
  service_->register_metrics(numbers_);
  io_.start();
  service_->start();
  clock_.set(std::chrono::steady_clock::now() + database_actor::tick_interval);
  return {};
}

void sql_pool::runner::tick() {
  service_->pool().tick();
  clock_.set(std::chrono::steady_clock::now() + database_actor::tick_interval);
}

expected<database> sql_pool::runner::open(const std::string& name, std::vector<migration> migrations) {
  if (stopped_) return fail(errc::unavailable, "the pool has stopped");
  return service_->open(name, std::move(migrations));
}

expected<void> sql_pool::runner::backup(const std::string& name, const std::string& file) {
  if (stopped_) return fail(errc::unavailable, "the pool has stopped");
  return await<void>([&](auto done) { service_->backup(name, file, std::move(done)); },
                     database_admin::backup_max + call_max);
}

void sql_pool::runner::stop() {
  const std::lock_guard lock(stop_mutex_);
  if (stopped_.exchange(true)) return;
  clock_.close();
  if (service_) service_->stop();
  io_.stop();
  log_->flush();
}

expected<sql_pool> sql_pool::start(sql_pool_options options) {
  auto r = runner::start(options);
  if (!r) return tl::unexpected(std::move(r.error()));
  return sql_pool(std::move(*r));
}

sql_pool::sql_pool(std::unique_ptr<runner> r) : runner_(std::move(r)) {}
sql_pool::sql_pool(sql_pool&&) noexcept = default;
sql_pool& sql_pool::operator=(sql_pool&&) noexcept = default;
sql_pool::~sql_pool() = default;

expected<database> sql_pool::open(const std::string& name, std::vector<migration> migrations) {
  return runner_->open(name, std::move(migrations));
}

sql_pool::status sql_pool::health() const {
  const auto seen = runner_->health();
  return {seen.ok, seen.ok ? "" : seen.reason};
}

expected<void> sql_pool::backup(const std::string& name, const std::string& file) {
  return runner_->backup(name, file);
}

std::string sql_pool::metrics() const { return runner_->numbers().expose(); }
void sql_pool::stop() { runner_->stop(); }

}  // namespace troupe
