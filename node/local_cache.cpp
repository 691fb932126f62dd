// The cache alone: shard stores of which this process is the primary for ever, their router, their clock on one I/O
// thread, and a log for durable caches.
#include <troupe/local_cache.hpp>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "actors/cache/cache_clock.hpp"
#include "actors/cache/cache_loaders.hpp"
#include "actors/cache/cache_numbers.hpp"
#include "actors/cache/cache_router.hpp"
#include "actors/cache/change_link.hpp"
#include "actors/disk/data_directory.hpp"
#include "actors/durability/shard_log.hpp"
#include "actors/io_pool.hpp"
#include "actors/metrics.hpp"
#include "node/entropy.hpp"
#include "node/module_parts.hpp"
#include "node/store_options.hpp"

namespace troupe {

namespace {

constexpr const char* module_name = "cache_alone";
constexpr std::uint64_t own_pid = 1;  // of whoever has the directory

config settings_of(const local_cache_options& o) {
  config c;
  c.node.name = "cache";
  c.node.io_threads = 1;
  if (!o.data_dir.empty()) c.node.data_dir = o.data_dir;
  c.cache.shards = o.shards;
  c.cache.memory_max = o.memory_max;
  c.cache.value_max = o.value_max;
  c.cache.eviction = o.eviction;
  c.caches = o.caches;
  for (auto& [name, settings] : c.caches) {  // of these nobody here knows anything
    settings.replicas = 0;
    settings.consistency = "strong";
    settings.near_max = 0;
  }
  set_log_level(c, o.log_level);
  return c;
}

bool keeps_logs(const local_cache_options& o) {
  return std::any_of(o.caches.begin(), o.caches.end(), [](const auto& c) { return c.second.durable; });
}

expected<void> check_caches(const local_cache_options& o) {
  for (const auto& [name, settings] : o.caches) {
    if (settings.backed) return fail(errc::bad_config, "caches." + name + ".backed: there is no database here");
  }
  if (keeps_logs(o) && o.data_dir.empty())
    return fail(errc::bad_config, "data_dir: is needed for a cache that is durable");
  return {};
}

// Every shard is this process', as it was before: what was found on disk counts, the rest begins empty.
shard_table table_of(std::uint32_t shards, const std::vector<shard_holding>& found) {
  shard_table table;
  std::uint64_t epoch = 1;
  for (const auto& h : found) epoch = std::max({epoch, h.epoch + 1, h.created + 1});
  table.stamp = {1, epoch};
  table.rows.assign(shards, shard_row{own_pid, {}, {}, epoch, epoch, 0});
  for (const auto& h : found) table.rows[h.shard].created = h.created;
  return table;
}

}  // namespace

class local_cache::runner {
 public:
  [[nodiscard]] static expected<std::unique_ptr<runner>> start(const local_cache_options& o);
  ~runner() { stop(); }

  void stop();

  [[nodiscard]] const std::shared_ptr<cache_router>& router() const noexcept { return router_; }
  [[nodiscard]] cache_loaders& loaders() noexcept { return *loaders_; }
  [[nodiscard]] const shard_host& shards() const noexcept { return shards_; }
  [[nodiscard]] const troupe::metrics& numbers() const noexcept { return numbers_; }

 private:
  runner(config c, std::shared_ptr<event_log> log, std::optional<data_directory> data);
  [[nodiscard]] expected<void> start_parts();
  [[nodiscard]] expected<std::vector<shard_holding>> open_log();
  void register_metrics();

  const config settings_;
  const std::shared_ptr<event_log> log_;
  const std::optional<data_directory> data_;  // none: no cache is durable
  const entropy drawn_ = entropy::draw();
  io_pool io_{1};
  troupe::metrics numbers_;
  shard_host shards_;
  const cache_catalogue catalogue_;
  std::unique_ptr<shard_log> shard_log_;  // with data_
  const std::shared_ptr<cache_router> router_;
  const std::shared_ptr<cache_loaders> loaders_;
  std::shared_ptr<change_link> changes_;
  cache_clock clock_;
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

local_cache::runner::runner(config c, std::shared_ptr<event_log> log, std::optional<data_directory> data)
    : settings_(std::move(c)),
      log_(std::move(log)),
      data_(std::move(data)),
      shards_(store_options(settings_, drawn_.hash_seed)),
      catalogue_(settings_.caches),
      router_(std::make_shared<cache_router>(shards_, catalogue_, settings_.cache.value_max)),
      loaders_(std::make_shared<cache_loaders>(shards_, catalogue_, settings_.cache.value_max)),
      clock_(io_.context(0), shards_) {
  router_->set_loaders(loaders_.get());
  shards_.limits().object_bytes_max.store(settings_.cache.value_max, std::memory_order_relaxed);
}

expected<std::unique_ptr<local_cache::runner>> local_cache::runner::start(const local_cache_options& o) {
  auto c = settings_of(o);
  if (auto sound = check_caches(o); !sound) return tl::unexpected(std::move(sound.error()));
  if (auto sound = check_module(c, module_name); !sound) return tl::unexpected(std::move(sound.error()));
  auto log = open_module_log(c, o.log_level);
  if (!log) return tl::unexpected(std::move(log.error()));
  std::optional<data_directory> data;
  if (keeps_logs(o)) {
    auto opened = data_directory::open(o.data_dir);
    if (!opened) return tl::unexpected(std::move(opened.error()));
    data.emplace(std::move(*opened));
  }
  std::unique_ptr<runner> r(new runner(std::move(c), std::move(*log), std::move(data)));
  if (auto started = r->start_parts(); !started) return tl::unexpected(std::move(started.error()));
  return r;
}

expected<void> local_cache::runner::start_parts() {
  changes_ = std::make_shared<change_link>(change_link::surroundings{
      io_, nullptr, shards_, catalogue_, [](std::uint64_t) { return std::nullopt; }, drawn_.machine_seed});
  if (auto started = changes_->start(); !started) return started;
  router_->set_changes(changes_.get());
  if (auto started = clock_.start(); !started) return started;
  auto found = open_log();
  if (!found) return tl::unexpected(std::move(found.error()));
  if (auto adopted = shards_.adopt(table_of(shards_.shards(), *found), own_pid); !adopted)
    return tl::unexpected(std::move(adopted.error()));
  register_metrics();
  io_.start();
  return {};
}

expected<std::vector<shard_holding>> local_cache::runner::open_log() {
  if (!data_) return std::vector<shard_holding>{};
  auto modes = modes_of(catalogue_);
  const auto directory = data_->file("durable");
  auto loaded = load_log({directory, {own_pid}, catalogue_, modes}, shards_, *log_);
  if (!loaded) return tl::unexpected(std::move(loaded.error()));
  shard_log_ = std::make_unique<shard_log>(
      shard_log::surroundings{shards_, catalogue_, *log_, directory, std::move(modes), [](const std::string&) {}},
      *loaded);
  if (auto started = shard_log_->start(); !started) return tl::unexpected(std::move(started.error()));
  shards_.set_log_reader([log = shard_log_.get()] { return log->usage(); });
  shards_.set_journal(shard_log_.get());
  return std::move(loaded->found.shards);
}

void local_cache::runner::register_metrics() {
  register_store_metrics(numbers_, shards_);
  register_cache_metrics(numbers_, shards_, catalogue_);
  loaders_->register_metrics(numbers_);
  changes_->register_metrics(numbers_);
  if (shard_log_) shard_log_->register_metrics(numbers_);
}

void local_cache::runner::stop() {
  const std::lock_guard lock(stop_mutex_);
  if (std::exchange(stopped_, true)) return;
  shards_.serve_until(time_point::min());
  shards_.close();
  loaders_->close();
  if (changes_) changes_->close();
  clock_.close();
  if (shard_log_) shard_log_->stop();
  io_.stop();
  log_->flush();
}

expected<local_cache> local_cache::start(local_cache_options options) {
  auto r = runner::start(options);
  if (!r) return tl::unexpected(std::move(r.error()));
  return local_cache(std::move(*r));
}

local_cache::local_cache(std::unique_ptr<runner> r) : runner_(std::move(r)) {}
local_cache::local_cache(local_cache&&) noexcept = default;
local_cache& local_cache::operator=(local_cache&&) noexcept = default;
local_cache::~local_cache() = default;

expected<cache> local_cache::open(const std::string& name) const {
  if (!runner_->router()->find(name)) return fail(errc::not_found, "no cache " + name + " is declared");
  return cache(runner_->router(), name);
}

expected<void> local_cache::set_loader(const std::string& cache, cache_loader load, const loader_options& options) {
  return runner_->loaders().set(cache, std::move(load), options);
}

local_cache::usage local_cache::measure() const {
  const auto used = runner_->shards().measure();
  return {used.keys, used.bytes, used.evicted, used.expired};
}

std::string local_cache::metrics() const { return runner_->numbers().expose(); }
void local_cache::stop() { runner_->stop(); }

}  // namespace troupe
