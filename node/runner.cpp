#include "node/runner.hpp"

#include <utility>

#include <unistd.h>

#include <troupe/version.hpp>

#include "actors/upkeep_actor.hpp"
#include "gateways/http/door.hpp"
#include "gateways/kvs/builtin_store.hpp"
#include "gateways/kvs/open_store.hpp"
#include "gateways/resp/resp_door.hpp"
#include "node/countdown.hpp"
#include "node/join_lines.hpp"
#include "node/module_checks.hpp"
#include "node/store_options.hpp"

namespace troupe {

namespace {

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "node";
}

bool is_built(const std::string& service) {
  return service == "http" || service == "resp" || service == "cache" || service == "db" || service == "kvs" ||
         service == "entities";
}

// In the log too: who started the node may not show what start() gave.
tl::unexpected<error> refused(event_log& log, error why) {
  log.error("node", "start_failed", {{"error", name_of(why.code)}, {"reason", describe(why)}});
  return tl::unexpected(std::move(why));
}

}  // namespace

expected<std::unique_ptr<node::runner>> node::runner::start(config c, std::shared_ptr<network_faults> faults,
                                                            node_options options) {
  if (c.node.name.empty()) c.node.name = host_name();
  c.inherit_replicas();
  const auto wrong = validate(c, module_names(options.modules));
  if (!wrong.empty()) return fail(errc::bad_config, join_lines(wrong));
  auto log = event_log::open(c.log, c.node.name);
  if (!log) return tl::unexpected(std::move(log.error()));
  if (auto sound = check_modules(options.modules, c); !sound) return refused(**log, std::move(sound.error()));
  row_cache::declare(c);
  if (options.store) c.kvs.type = "custom";  // a name that no file can give
  if (options.actors) c.node.tags[actors_tag] = "1";

  auto data = data_directory::open(c.node.data_dir);
  if (!data) return refused(**log, std::move(data.error()));

  std::unique_ptr<runner> r(new runner(std::move(c), std::move(*log), std::move(*data), std::move(faults)));
  r->store_ = std::move(options.store);
  r->extensions_ = std::move(options.entities);
  r->application_ = std::move(options.actors);
  r->brought_ = std::move(options.modules);
  for (auto& [name, loading] : options.loaders) {
    auto set = r->set_loader(name, std::move(loading.load), loading.options);
    if (!set) return refused(*r->log_, {errc::bad_config, std::move(set.error().context)});
  }
  if (auto started = r->start_parts(); !started) {
    auto why = refused(*r->log_, std::move(started.error()));
    r->stop();
    return why;
  }
  return r;
}

node::runner::runner(config c, std::shared_ptr<event_log> log, data_directory data,
                     std::shared_ptr<network_faults> faults)
    : settings_(std::move(c)),
      log_(std::move(log)),
      data_(std::move(data)),
      drawn_(entropy::draw()),
      status_(board_, events_, settings_.shard_copies(), settings_.cluster.expected_members),
      io_(settings_.node.io_threads),
      shards_(store_options(settings_, drawn_.hash_seed)),
      committed_(shards_),
      catalogue_(settings_.caches, settings_.cache.replicas),
      contents_(shards_, catalogue_),
      router_(std::make_shared<cache_router>(shards_, catalogue_, settings_.cache.value_max)),
      loaders_(std::make_shared<cache_loaders>(shards_, catalogue_, settings_.cache.value_max)),
      cluster_(settings_, io_, *log_, std::move(faults)),
      handlers_(settings_, *log_, events_, cluster_.calls()),
      actors_(settings_.node) {
  router_->set_loaders(loaders_.get());
  shards_.limits().object_bytes_max.store(settings_.cache.value_max, std::memory_order_relaxed);
}

node::runner::~runner() { stop(); }

expected<void> node::runner::start_parts() {
  log_->info("node", "node_starting",
             {{"name", settings_.node.name}, {"version", library_version()}, {"pid", ::getpid()}});
  name_services();
  if (auto done = cluster_.open(data_.path(), drawn_.id); !done) return done;
  if (auto done = open_databases(); !done) return done;
  if (auto done = connect_shards(); !done) return done;
  if (auto done = open_log(); !done) return done;
  open_kvs();
  if (auto done = open_store(); !done) return done;
  const auto store_health = [this](const std::string& fault) { show_kvs_health(store_fault_, fault); };
  auto cluster_child =
      cluster_.make_actor({data_.path(), disk_, shards_, contents_, status_, events_, board_, store_, store_health,
                           [this] { (void)router_->retry_parked(std::chrono::steady_clock::now()); },
                           [this] { request_leave(); }, drawn_.machine_seed});
  if (!cluster_child) return tl::unexpected(std::move(cluster_child.error()));
  open_modules();
  io_.start();
  if (auto done = open_doors(); !done) return done;
  if (auto done = open_toolkit(); !done) return done;

  handlers_.start();
  std::vector<child_spec> children;
  if (database_) {
    children.push_back({"database", [this](caf::actor_system& s) { return database_->spawn(s); }, nullptr});
  }
  children.push_back(
      {"upkeep", [this](caf::actor_system& s) { return caf::actor(s.spawn<upkeep_actor>(shards_, router_.get())); },
       nullptr});
  if (kvs_) {  // before the cluster's actor, which may keep its record there, and stopped after it
    auto kvs_child = kvs_->make_actor();
    if (!kvs_child) return tl::unexpected(std::move(kvs_child.error()));
    children.push_back(std::move(*kvs_child));
  }
  children.push_back(std::move(*cluster_child));
  actors_.start(std::move(children), *log_, events_, drawn_.supervisor_seed);
  register_metrics();
  cluster_.start();
  if (toolkit_) {
    if (auto started = toolkit_->start(); !started) return started;
  }
  if (kvs_) kvs_->start();
  if (resp_ != nullptr) cluster_.tell_tag("resp", advertised_resp());
  for (const auto& name : settings_.node.services) {
    if (is_built(name) && name != "kvs") status_.set_service(name, service_state::running);
  }
  if (modules_) modules_->start();
  announce();
  return {};
}

// Every known service has a row, so that a reader sees what is off and what does not exist yet.
void node::runner::name_services() {
  status_.change_view([this](cluster_view& view) {
    view.cluster = settings_.cluster.name;
    view.node = settings_.node.name;
    view.id = drawn_.id;
  });
  status_.change_conditions([this](local_conditions& here) {
    here.serves_data = settings_.has_service("cache");
    here.database_wanted = settings_.has_service("db");
  });
  for (const auto& name : known_services()) {
    const bool on = settings_.has_service(name);
    if (!is_built(name))
      status_.set_service(name, service_state::not_implemented, "reserved, not built yet");
    else
      status_.set_service(name, on ? service_state::starting : service_state::stopped);
  }
}

expected<void> node::runner::open_store() {
  if (!store_ && settings_.kvs.type == "builtin") store_ = std::make_shared<builtin_store>(*kvs_);
  if (!store_) {
    auto opened = open_leader_store(settings_);
    if (!opened) return tl::unexpected(std::move(opened.error()));
    store_ = std::move(*opened);
  }
  if (store_ && !settings_.has_service("kvs")) status_.set_service("kvs", service_state::running, "");
  return {};
}

// Whoever may be asked for a key takes part: the members, who leads by them, and doors.
void node::runner::open_kvs() {
  const bool alone = settings_.kvs.type == "local_standalone";
  const bool wanted =
      settings_.has_service("kvs") || settings_.kvs.type == "builtin" || (settings_.has_service("http") && !alone);
  if (!wanted) return;
  kvs_ = std::make_unique<kvs_service>(kvs_service::surroundings{
      settings_, data_.path(), drawn_.id, drawn_.machine_seed + 1, io_.context(0), board_, events_, *log_,
      [this](const link_target& to, const std::string& bytes) { cluster_.send_kvs(to, bytes); },
      [this](const std::string& fault) {
        if (settings_.has_service("kvs")) show_kvs_health(kvs_fault_, fault);
      }});
  cluster_.on_kvs([this](const peer_identity& from, std::string_view bytes) { kvs_->on_link(from, bytes); });
}

void node::runner::show_kvs_health(std::string& place, const std::string& fault) {
  const std::lock_guard lock(kvs_health_mutex_);
  place = fault;
  const auto& shown = kvs_fault_.empty() ? store_fault_ : kvs_fault_;
  status_.set_service("kvs", shown.empty() ? service_state::running : service_state::degraded, shown);
}

expected<void> node::runner::open_doors() {
  if (settings_.has_service("resp")) {
    channels_ = std::make_shared<pubsub_service>(pubsub_service::surroundings{io_, link(), board_, events_});
    channels_->serve();
    if (auto started = channels_->start(); !started) return started;
  }
  const door_context lent{settings_,
                          io_,
                          *log_,
                          numbers_,
                          events_,
                          board_,
                          *router_,
                          [this] { request_leave(); },
                          cluster_.keyring(),
                          [this](std::string name) { return cluster_.force_leave(std::move(name)); },
                          &cluster_.calls(),
                          kvs_.get(),
                          channels_.get(),
                          database_.get(),
                          entities_.get(),
                          link(),
                          [this](const std::string& name) { return explain_service(name); }};
  if (settings_.has_service("resp")) {
    doors_.push_back(std::make_unique<resp_door>(lent));
    resp_ = doors_.back().get();
  }
  if (settings_.has_service("http")) {
    doors_.push_back(std::make_unique<http_door>(lent));
    http_ = doors_.back().get();
  }
  for (auto& d : doors_) {
    if (auto opened = d->open(); !opened) return opened;
  }
  return {};
}

void node::runner::register_metrics() {
  register_store_metrics(numbers_, shards_);
  numbers_.read_counter("troupe_sharding_tables_refused_total", "Shard tables refused with stale_term", {},
                        [this] { return static_cast<double>(shards_.tables_refused()); });
  numbers_.read_gauge("troupe_node_ready", "1 when the node is ready", {},
                      [this] { return board_.read()->ready ? 1.0 : 0.0; });
  router_->register_metrics(numbers_);
  loaders_->register_metrics(numbers_);
  register_cache_metrics(numbers_, shards_, catalogue_);
  if (changes_) changes_->register_metrics(numbers_);
  if (forwarder_) {
    forwarder_->register_metrics(numbers_);
    replicas_->register_metrics(numbers_);
    near_->register_metrics(numbers_);
    local_->register_metrics(numbers_);
    troupe::register_metrics(numbers_, served_);
  }
  io_.register_metrics(numbers_);
  cluster_.register_metrics(numbers_);
  if (kvs_) kvs_->register_metrics(numbers_);
  if (channels_) channels_->register_metrics(numbers_);
  if (toolkit_) toolkit_->register_metrics(numbers_);
  if (modules_) modules_->register_metrics(numbers_);
  handlers_.register_metrics(numbers_);
  if (database_) database_->register_metrics(numbers_);
  if (entities_served_) troupe::register_metrics(numbers_, entities_served_);
  if (shard_log_) shard_log_->register_metrics(numbers_);
}

// A lone node says that it serves when it leads itself; one that belongs to others says so when its
// doors are open, because they may come later.
void node::runner::announce() {
  if (settings_.cluster.expected_members == 1 && settings_.cluster.seeds.empty()) {
    (void)board_.wait([](const cluster_view& v) { return v.ready; }, lone_start_max);
  }
  const auto a = addresses();
  log_->info("node", "node_ready",
             {{"name", settings_.node.name}, {"http", a.http}, {"resp", a.resp}, {"cluster", a.cluster}});
}

node_addresses node::runner::addresses() const {
  return {http_ ? http_->address() : "", resp_ ? resp_->address() : "", cluster_.address()};
}

// Bound to every address, the door is reached where the cluster port is.
std::string node::runner::advertised_resp() const {
  const auto bound = resp_->address();
  const auto colon = bound.rfind(':');
  if (const auto& told = settings_.resp.advertise; !told.empty())
    return told.ends_with(":0") ? told.substr(0, told.size() - 2) + bound.substr(colon) : told;
  const auto host = bound.substr(0, colon);
  if (host != "0.0.0.0" && host != "[::]") return bound;
  const auto& cluster = cluster_.advertised();
  return cluster.substr(0, cluster.rfind(':')) + bound.substr(colon);
}

expected<void> node::runner::wait_ready(duration deadline) const {
  if (board_.wait([](const cluster_view& v) { return v.ready; }, deadline)) return {};
  return fail(errc::deadline_exceeded, join_lines(board_.read()->not_ready_reasons));
}

expected<cache> node::runner::open_cache(const std::string& name) const {
  if (!router_->find(name)) return fail(errc::not_found, "no cache " + name + " is declared");
  return cache(router_, name);
}

expected<void> node::runner::set_loader(const std::string& name, cache_loader load, const loader_options& options) {
  if (cache_catalogue::is_internal(name)) return fail(errc::not_found, "no cache " + name + " is declared");
  return loaders_->set(name, std::move(load), options);
}

expected<database> node::runner::open_database(const std::string& name, std::vector<migration> migrations) {
  if (!database_) return fail(errc::unavailable, "this node does not run the service db");
  return database_->open(name, std::move(migrations));
}

void node::runner::on_event(event_callback f) {
  events_.listen([f = std::move(f)](const std::shared_ptr<const event>& e) { f(*e); });
}

void node::runner::request_leave() {
  if (!leave_requested_.exchange(true)) events_.publish("leave_requested", {{"node", settings_.node.name}});
}

expected<void> node::runner::leave() {
  const auto end = std::chrono::steady_clock::now() + settings_.node.drain_timeout;
  log_->info("node", "node_leaving", {{"name", settings_.node.name}});
  status_.change_conditions([](local_conditions& here) { here.leaving = true; });
  if (modules_) (void)modules_->stop(true, settings_.node.drain_timeout / 2);
  if (toolkit_) toolkit_->withdraw((end - std::chrono::steady_clock::now()) / 2);

  const auto departed = std::make_shared<countdown>(1);
  cluster_.leave([departed] { departed->arrive(); });
  const bool known = departed->wait(end - std::chrono::steady_clock::now() - doors_drain_min);
  const bool drained = drain_doors(end - std::chrono::steady_clock::now());
  stop();
  if (!known) return fail(errc::deadline_exceeded, "the departure did not reach the other members in time");
  if (!drained) return fail(errc::deadline_exceeded, "some requests were cut off");
  return {};
}

bool node::runner::drain_doors(duration limit) {
  const auto drained = std::make_shared<countdown>(doors_.size());
  for (auto& d : doors_) d->drain([drained] { drained->arrive(); });
  return drained->wait(limit);
}

void node::runner::stop() {
  const std::lock_guard lock(stop_mutex_);
  if (std::exchange(stopped_, true)) return;
  resume();
  if (modules_) (void)modules_->stop(false, settings_.node.drain_timeout);
  if (toolkit_) toolkit_->rest_grains();
  router_->stop_parking();
  shards_.close();
  loaders_->close();
  if (near_) near_->close();
  if (local_) local_->close();
  if (changes_) changes_->close();
  for (auto it = doors_.rbegin(); it != doors_.rend(); ++it) (*it)->close();
  handlers_.stop();
  if (channels_) channels_->close();
  if (toolkit_) toolkit_->stop();
  if (!actors_.stop()) log_->error("node", "actors_left_behind");
  if (kvs_) kvs_->stop();
  cluster_.close();
  if (database_) database_->stop();
  if (shard_log_) shard_log_->stop();
  disk_.stop();
  if (!io_.stop()) log_->error("node", "actor_turn_left_behind");
  log_->info("node", "node_stopped", {{"name", settings_.node.name}});
  log_->flush();
}

}  // namespace troupe
