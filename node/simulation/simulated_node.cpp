#include "node/simulation/simulated_node.hpp"

#include <algorithm>
#include <utility>

#include "actors/upkeep_actor.hpp"
#include "runtime/cluster/cluster_machine.hpp"
#include "runtime/membership/first_incarnation.hpp"

namespace troupe {

namespace {

constexpr duration bulk_max = std::chrono::seconds(5);  // as cluster_port

shard_host::options store_options(const config& c, std::uint64_t hash_seed) {
  shard_host::options o{c.cache.shards, c.cache.memory_max, eviction_policy::lru, hash_seed, {}};
  o.eviction = eviction_named(c.cache.eviction).value_or(eviction_policy::lru);
  const cache_catalogue caches(c.caches, c.cache.replicas);
  for (const auto& declared : caches.all()) {
    const auto& settings = declared.settings;
    o.limits.push_back({settings.memory_max, settings.keys_max});
    o.rules.push_back({settings.replicas == 0, settings.stale_for, settings.negative_ttl});
  }
  return o;
}

std::string join_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text.append(text.empty() ? "" : "\n").append(line);
  return text;
}

}  // namespace

simulated_node::simulated_node(const surroundings& s, config c, actor_options brings)
    : with_(s),
      settings_(std::move(c)),
      brings_(std::move(brings)),
      rng_(s.world.rng().fork()),
      self_{settings_.node.name, {rng_.next() | 1U, rng_.next()}, simulated_network::address_of(s.index)},
      log_(event_log::to(s.told)),
      status_(board_, events_, settings_.shard_copies(), settings_.cluster.expected_members),
      io_(1),
      shards_(store_options(settings_, rng_.next())),
      catalogue_(settings_.caches, settings_.cache.replicas),
      contents_(shards_, catalogue_),
      router_(std::make_shared<cache_router>(shards_, catalogue_, settings_.cache.value_max)),
      inbox_(slot_, io_.context(0)),
      clock_(io_.context(0)) {
  shards_.limits().object_bytes_max.store(settings_.cache.value_max, std::memory_order_relaxed);
}

expected<std::unique_ptr<simulated_node>> simulated_node::start(const surroundings& s, config c, actor_options brings) {
  const virtual_clock::scope here(s.world.clock_of(s.index));
  c.inherit_replicas();
  c.node.tags[actors_tag] = "1";
  if (const auto wrong = validate(c); !wrong.empty()) return fail(errc::bad_config, join_lines(wrong));
  for (const auto& [name, settings] : c.caches) {
    if (settings.durable || settings.backed)
      return fail(errc::bad_config, "caches." + name + ": simulated caches are in memory only");
  }
  std::unique_ptr<simulated_node> node(new simulated_node(s, std::move(c), std::move(brings)));
  if (auto opened = node->open(); !opened) return tl::unexpected(std::move(opened.error()));
  return node;
}

// In the order of node::runner.
expected<void> simulated_node::open() {
  auto made = actor_toolkit::make_stepped_runtime(brings_);
  if (!made) return tl::unexpected(std::move(made.error()));
  system_ = std::move(*made);
  stepped_.emplace(system_->system(), rng_.fork());
  with_.world.begin(with_.index, [this] { return pump(); });
  status_.change_view([this](cluster_view& view) {
    view.cluster = settings_.cluster.name;
    view.node = settings_.node.name;
    view.id = self_.id;
  });
  status_.change_conditions([](local_conditions& here) { here.serves_data = true; });

  auto settings = link_settings::from(settings_);
  settings.carrier = with_.network.carrier_of(with_.index);
  link_ = std::make_shared<link_table>(io_, *log_, std::move(settings));
  if (auto done = connect_shards(); !done) return done;
  if (auto done = open_toolkit(); !done) return done;
  upkeep_ = caf::actor(system_->system().spawn<upkeep_actor>(shards_, router_.get()));
  if (auto done = spawn_cluster(); !done) return done;

  link_->set_cluster_handler([this](const peer_identity& from, std::string_view bytes) {
    (void)inbox_.push(link_message_arrived{from, std::string(bytes)});
  });
  link_->handle_requests(link_request_kind::shards, [this](const link_request& request, link_responder r) {
    (void)inbox_.push(link_message_arrived{request.from, std::string(request.body)});
    r.answer(std::string_view());
  });
  link_->on_peer_lost([this](const peer_identity& peer, const error& why) {
    const bool silent = why.code == errc::deadline_exceeded;
    (void)inbox_.push(link_lost{peer.name, silent ? membership::link_loss::timed_out : membership::link_loss::closed});
  });
  link_->on_dial_refused([this](const link_target& to) { (void)inbox_.push(link_refused{to.address}); });
  link_->start(self_);
  with_.network.join(with_.index, {self_, link_.get(), &io_.context(0), [this](std::string from, std::string bytes) {
                                     (void)inbox_.push(datagram_arrived{std::move(from), std::move(bytes)});
                                   }});
  if (auto started = toolkit_->start(); !started) return started;
  status_.set_service("cache", service_state::running);
  with_.world.call_after(duration::zero(), with_.index, [] {});  // what was woken runs
  return {};
}

// As runner_shards.cpp.
expected<void> simulated_node::connect_shards() {
  const auto resolve = [this](std::uint64_t pid) { return find(pid); };
  changes_ = std::make_shared<change_link>(
      change_link::surroundings{io_, link_.get(), shards_, catalogue_, resolve, rng_.next()});
  if (auto started = changes_->start(); !started) return started;
  router_->set_changes(changes_.get());
  forwarder_ = std::make_unique<link_forwarder>(io_, *link_, resolve, [this] { return router_->table_stamp(); });
  router_->set_forwarder(forwarder_.get());
  replicas_ = std::make_shared<replica_link>(io_, *link_, shards_, catalogue_, resolve);
  replicas_->serve();
  shards_.set_channel(*replicas_);
  shards_.on_laggards(
      [this](std::vector<shard_host::laggard> who) { (void)inbox_.push(laggards_seen{std::move(who)}); });
  near_ = std::make_shared<near_link>(near_link::surroundings{io_, *link_, shards_, catalogue_, resolve, rng_.next()});
  if (auto started = near_->start(); !started) return started;
  router_->set_near(near_.get());
  local_ = std::make_shared<local_copy_link>(
      local_copy_link::surroundings{link_.get(), shards_, *changes_, catalogue_, resolve, rng_.next()});
  local_->start();
  router_->set_local(local_.get());
  served_ = serve_cache_requests(*link_, *router_);
  return {};
}

expected<void> simulated_node::open_toolkit() {
  const actor_toolkit::surroundings lent{
      *system_,
      io_,
      link_,
      board_,
      events_,
      *log_,
      calls_,
      self_.id,
      rng_.next(),
      shards_,
      [this](std::uint64_t pid) { return find(pid); },
      catalogue_,
      [this](const std::string& name) { return open_cache(name); },
      [](const std::string&, std::vector<migration>, const journal_options&) -> expected<journal> {
        return fail(errc::unavailable, "simulated nodes have no databases");
      }};
  toolkit_ = std::make_unique<actor_toolkit>(lent, brings_);
  contents_.set_work(&toolkit_->work());
  try {
    if (brings_.prepare) brings_.prepare(*toolkit_);
  } catch (const std::exception& fault) {
    return fail(errc::bad_config, std::string("actor_options::prepare threw: ") + fault.what());
  }
  return {};
}

expected<void> simulated_node::spawn_cluster() {
  if (auto ticking = clock_.start([this] { (void)inbox_.push(alarm_rang{}); }); !ticking) return ticking;
  const auto now = with_.world.now();
  node_identity self{self_.name, self_.id, self_.address, false,
                     membership::first_incarnation_at(now.time_since_epoch())};
  auto machine = cluster_machine::make(settings_, std::move(self), contents_, with_.files, rng_.fork(), now);
  if (!machine) return tl::unexpected(std::move(machine.error()));
  slot_->set(caf::actor(system_->system().spawn<cluster_actor>(std::move(*machine), ports())));
  return {};
}

// As cluster_port's, with the simulated network and disk.
cluster_ports simulated_node::ports() {
  cluster_ports p{
      .in = inbox_,
      .clock = clock_,
      .write = {},
      .shards = shards_,
      .status = status_,
      .events = events_,
      .log = *log_,
      .shards_lost = shards_lost_,
      .moves = moves_,
      .membership = membership_,
      .send_datagram = {},
      .ask_store = {},
      .watch_store = {},
      .on_store_health = {},
      .send_link = {},
      .send_bulk = {},
      .on_addresses = {},
      .on_failed = {},
      .on_adopted = {},
      .on_seeds_wanted = {},
      .on_expelled = {},
      .on_departed = {},
      .calls = &calls_,
  };
  p.write = [this](const std::string& file, std::string bytes, disk_writer::callback done) {
    write(file, std::move(bytes), std::move(done));
  };
  p.send_datagram = [this](const std::string& to, std::string bytes) {
    with_.network.send_datagram(with_.index, to, std::move(bytes));
  };
  p.send_link = [this](const link_target& to, const std::string& bytes) { (void)link_->send_cluster(to, bytes); };
  p.send_bulk = [this](const link_target& to, const std::string& bytes) {
    link_->request(to, link_request_kind::shards, bytes, with_.world.now() + bulk_max,
                   [](const expected<std::string_view>&) {});
  };
  p.on_addresses = [this](std::map<std::uint64_t, link_target> found) { addresses_ = std::move(found); };
  p.on_failed = [this](const incarnation_id& id) { link_->forget(id, "the member has failed"); };
  p.on_adopted = [this] { (void)router_->retry_parked(with_.world.now()); };
  p.on_expelled = [this] { log_->error("cluster", "expelled"); };
  p.on_departed = [] {};
  return p;
}

// One after the other; what the process was still writing when it ended is not on the disk.
void simulated_node::write(const std::string& file, std::string bytes, disk_writer::callback done) {
  last_write_ = std::max(last_write_, with_.world.now()) + rng_.between(write_min, write_max);
  with_.world.call_at(last_write_, with_.index,
                      [this, file, bytes = std::move(bytes), done = std::move(done)]() mutable {
                        with_.files[file] = std::move(bytes);
                        if (done) done({});
                      });
}

std::optional<link_target> simulated_node::find(std::uint64_t pid) const {
  const auto found = addresses_.find(pid);
  return found == addresses_.end() ? std::nullopt : std::optional(found->second);
}

expected<cache> simulated_node::open_cache(const std::string& name) const {
  if (!router_->find(name)) return fail(errc::not_found, "no cache " + name + " is declared");
  return cache(router_, name);
}

// ---- running ----

bool simulated_node::pump() {
  stepped_->go_to(with_.world.now());
  std::size_t steps = 0;
  for (std::size_t ran = 1; ran > 0 && steps < steps_max; steps += ran) {
    ran = io_.context(0).poll();
    while (steps + ran < steps_max && stepped_->run_one()) ++ran;
  }
  const auto next = stepped_->next_due();
  if (next < due_) {
    due_ = next;
    with_.world.call_at(next, with_.index, [this, next] {
      if (due_ == next) due_ = time_point::max();
    });
  }
  return steps < steps_max;
}

// Off the network first: what ends tells those who wait for it, and nobody elsewhere hears of it.
simulated_node::~simulated_node() {
  const virtual_clock::scope here(with_.world.clock_of(with_.index));
  with_.network.leave(with_.index);
  with_.world.end(with_.index);
  if (!system_) return;
  router_->stop_parking();
  shards_.close();
  if (near_) near_->close();
  if (local_) local_->close();
  if (changes_) changes_->close();
  if (toolkit_) toolkit_->cut();
  if (upkeep_) caf::anon_send_exit(upkeep_, caf::exit_reason::kill);
  if (const auto cluster = slot_->get()) caf::anon_send_exit(cluster, caf::exit_reason::kill);
  slot_->set(nullptr);
  upkeep_ = nullptr;
  clock_.close();
  run_all();
  stepped_->abandon();
}

// What is left after steps_max is dropped.
void simulated_node::run_all() {
  std::size_t steps = 0;
  for (std::size_t ran = 1; ran > 0 && steps < steps_max; steps += ran) {
    ran = io_.context(0).poll();
    while (steps + ran < steps_max && stepped_->run_one()) ++ran;
  }
}

}  // namespace troupe
