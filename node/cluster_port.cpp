#include "node/cluster_port.hpp"

#include <algorithm>
#include <utility>

#include "actors/disk/durable_file.hpp"
#include "actors/wall_clock.hpp"
#include "node/cluster_sockets.hpp"
#include "node/countdown.hpp"
#include "runtime/election/store_entry.hpp"
#include "runtime/election/vote_file.hpp"

namespace troupe {

namespace {

constexpr std::size_t machine_file_bytes_max = 16 * mib;

}  // namespace

cluster_port::cluster_port(const config& c, io_pool& io, event_log& log, std::shared_ptr<network_faults> faults)
    : settings_(c),
      machine_settings_(c),
      io_(io),
      log_(log),
      faults_(std::move(faults)),
      slot_(std::make_shared<child_slot>()),
      inbox_(slot_, io.context(0)),
      clock_(io.context(0)),
      gossip_(std::make_unique<gossip_socket>(io.context(0))),
      discovery_(c.cluster, io, log),
      drops_(log) {}

expected<void> cluster_port::open(const std::string& data_dir, const incarnation_id& id) {
  const auto secret = read_cluster_secret(settings_.cluster.secret_file);
  if (!secret) return tl::unexpected(secret.error());
  if (!secret->empty()) {
    auto ring = ring_keeper::open(settings_.cluster.name, *secret, data_dir, log_);
    if (!ring) return tl::unexpected(std::move(ring.error()));
    ring_ = std::move(*ring);
  }
  auto sockets = cluster_sockets::bind(settings_, io_, log_, ring_, faults_);
  if (!sockets) return tl::unexpected(std::move(sockets.error()));
  link_ = std::move(sockets->link);
  gossip_ = std::move(sockets->gossip);
  bound_ = std::move(sockets->bound);
  advertised_ = settings_.cluster.advertise.empty() ? bound_ : settings_.cluster.advertise;
  self_ = {settings_.node.name, id, advertised_};
  machine_settings_.cluster.seeds = discovery_.fixed_seeds();
  return discovery_.open(self_, bound_, ring_ ? ring_->seal() : nullptr);
}

// The number of shards is the cluster's for ever: a node that was told another one would hold nothing.
expected<void> cluster_port::check_record(const cluster_machine::files& found) const {
  const auto votes = found.find("votes");
  if (votes == found.end() || settings_.cluster.expected_members == 1) return {};
  const auto file = decode_vote_file(votes->second);
  if (!file || !file->accepted) return {};  // the machine says what is wrong
  const auto shards = file->accepted->values.find("cache.shards");
  const auto ours = std::to_string(settings_.cache.shards);
  if (shards == file->accepted->values.end() || shards->second == ours) return {};
  return fail(errc::bad_config, "cache.shards is " + ours + ", but the cluster of this data directory has " +
                                    shards->second + " and keeps them");
}

void cluster_port::count_refusals(event_hub& events) const {
  events.listen([n = refusals_](const std::shared_ptr<const event>& e) {
    if (e->kind == "joiner_refused") ++n->of_joiners;
    if (e->kind == "join_refused") ++n->of_this;
  });
}

expected<child_spec> cluster_port::make_actor(const surroundings& s) {
  const node_identity self{self_.name, self_.id, advertised_, discovery_.may_find_more(), first_incarnation_now()};
  events_ = &s.events;
  if (ring_) {
    keyring_ =
        std::make_shared<keyring_service>(keyring_service::surroundings{ring_, link_, s.board, s.disk, s.events, log_});
  }
  const auto make_machine = [this, self, data_dir = s.data_dir, seed = s.seed,
                             &contents = s.contents]() -> expected<std::unique_ptr<cluster_machine>> {
    cluster_machine::files found;
    for (const auto& name : cluster_machine::file_names()) {
      auto bytes = read_whole(data_dir + "/" + name, machine_file_bytes_max);
      if (bytes) {
        found.emplace(name, std::move(*bytes));
      } else if (bytes.error().code != errc::not_found) {
        return tl::unexpected(bytes.error());
      }
    }
    if (auto fits = check_record(found); !fits) return tl::unexpected(std::move(fits.error()));
    {
      const std::lock_guard lock(tags_mutex_);
      for (const auto& [name, value] : own_tags_) machine_settings_.node.tags[name] = value;
      auto offer = own_offer();
      machine_settings_.node.services = std::move(offer.services);
      std::erase_if(machine_settings_.node.tags, [](const auto& tag) { return tag.first.starts_with(export_tag); });
      machine_settings_.node.tags.merge(offer.export_tags);
      made_ = true;
    }
    return cluster_machine::make(machine_settings_, self, contents, found, random(seed),
                                 std::chrono::steady_clock::now());
  };
  count_refusals(s.events);
  auto first = make_machine();
  if (!first) return tl::unexpected(first.error());

  if (auto ticking = clock_.start([this] { (void)inbox_.push(alarm_rang{}); }); !ticking)
    return tl::unexpected(std::move(ticking.error()));
  cluster_ports ports{
      .in = inbox_,
      .clock = clock_,
      .write = {},
      .shards = s.shards,
      .status = s.status,
      .events = s.events,
      .log = log_,
      .shards_lost = shards_lost_,
      .moves = moves_,
      .membership = membership_,
      .send_datagram = {},
      .ask_store = {},
      .watch_store = {},
      .on_store_health = s.on_store_health,
      .send_link = {},
      .send_bulk = {},
      .on_addresses = {},
      .on_failed = {},
      .on_adopted = s.on_adopted,
      .on_seeds_wanted = {},
      .on_expelled = s.on_expelled,
      .on_departed = {},
      .calls = nullptr,
  };
  ports.write = [&disk = s.disk, data_dir = s.data_dir](const std::string& file, std::string bytes,
                                                        disk_writer::callback done) {
    disk.write(data_dir + "/" + file, std::move(bytes), std::move(done));
  };
  ports.send_datagram = [this](const std::string& to, std::string bytes) { gossip_->send(to, std::move(bytes)); };
  if (s.store) {
    ports.ask_store = run_store(s.store);
    ports.watch_store = watch_store(s.store, s.seed + 2);
  }
  // A message that cannot be taken is lost, as with its peer: the machines repeat what matters.
  ports.send_link = [this](const link_target& to, const std::string& bytes) { (void)link_->send_cluster(to, bytes); };
  // As a request, so that it waits in another lane than what decides who leads; the answer says nothing.
  ports.send_bulk = [this](const link_target& to, const std::string& bytes) {
    link_->request(to, link_request_kind::shards, bytes, std::chrono::steady_clock::now() + bulk_max,
                   [](const expected<std::string_view>&) {});
  };
  ports.on_addresses = [this](std::map<std::uint64_t, link_target> found) {
    const std::lock_guard lock(addresses_mutex_);
    addresses_ = std::move(found);
  };
  ports.on_failed = [this](const incarnation_id& id) { link_->forget(id, "the member has failed"); };
  ports.on_seeds_wanted = [this] { discovery_.wish(); };
  ports.on_departed = [this] {
    const std::lock_guard lock(departed_mutex_);
    if (departed_) std::exchange(departed_, nullptr)();
  };
  ports.calls = &calls_;
  // A restarted actor begins with a machine made anew from the disk: what the old one only had in
  // memory may be what broke it.
  auto spawn = [this, ports, make_machine,
                ready = std::make_shared<expected<std::unique_ptr<cluster_machine>>>(std::move(first))](
                   caf::actor_system& system) {
    auto machine = std::exchange(*ready, fail(errc::unavailable));
    if (!machine) machine = make_machine();
    if (!machine) log_.error("cluster", "machine_refused", {{"reason", describe(machine.error())}});
    return caf::actor(system.spawn<cluster_actor>(machine ? std::move(*machine) : nullptr, ports));
  };
  return child_spec{"cluster", std::move(spawn), slot_};
}

std::function<void(store_request)> cluster_port::run_store(std::shared_ptr<leader_store> store) {
  store_ = std::make_unique<store_runner>(std::move(store), store_key_of(settings_.cluster.name));
  return [this](store_request r) {
    store_->ask(std::move(r), [this](store_answer a) { (void)inbox_.push(store_answered{std::move(a)}); });
  };
}

std::function<void(std::optional<store_sight>)> cluster_port::watch_store(std::shared_ptr<leader_store> store,
                                                                          std::uint64_t seed) {
  store_watch::ports ports;
  ports.hint = [this] { return inbox_.push(store_hinted{}); };
  ports.failed = [this](const error& why) {
    log_.warn("cluster", "leader_store_watch_failed", {{"reason", describe(why)}});
  };
  watch_ = std::make_unique<store_watch>(std::move(store), store_key_of(settings_.cluster.name), std::move(ports),
                                         random(seed));
  return [this](std::optional<store_sight> sight) { watch_->follow(sight); };
}

void cluster_port::connect_link() {
  link_->set_cluster_handler([this](const peer_identity& from, std::string_view bytes) {
    if (!bytes.empty() && bytes.front() == kvs_tag) {
      if (kvs_handler_) kvs_handler_(from, bytes.substr(1));
      return;
    }
    if (!inbox_.push(link_message_arrived{from, std::string(bytes)})) ++dropped_;
  });
  link_->handle_requests(link_request_kind::shards, [this](const link_request& request, link_responder r) {
    if (!inbox_.push(link_message_arrived{request.from, std::string(request.body)})) ++dropped_;
    r.answer(std::string_view());
  });
  link_->on_peer_lost([this](const peer_identity& peer, const error& why) {
    const bool silent = why.code == errc::deadline_exceeded;
    (void)inbox_.push(link_lost{peer.name, silent ? membership::link_loss::timed_out : membership::link_loss::closed});
  });
  if (keyring_) keyring_->start();
  link_->on_dial_refused([this](const link_target& to) { (void)inbox_.push(link_refused{to.address}); });
  link_->start(self_);
}

std::optional<link_target> cluster_port::find(std::uint64_t pid) const {
  const std::lock_guard lock(addresses_mutex_);
  const auto it = addresses_.find(pid);
  return it == addresses_.end() ? std::nullopt : std::optional(it->second);
}

void cluster_port::start() {
  started_ = true;
  connect_link();
  start_gossip();
  discovery_.start(*events_, link_, [this](std::vector<std::string> addresses, bool complete) {
    (void)inbox_.push(seeds_found{std::move(addresses), complete});
  });
}

void cluster_port::start_gossip() {
  gossip_->start(
      [this](std::string from, std::string bytes) {
        if (!inbox_.push(datagram_arrived{std::move(from), std::move(bytes)})) ++dropped_;
      },
      [this](const std::string& from, packet_drop why) {
        (void)drops_.note(from, why, std::chrono::steady_clock::now());
      });
}

void cluster_port::leave(std::function<void()> done) {
  {
    const std::lock_guard lock(departed_mutex_);
    departed_ = std::move(done);
  }
  (void)inbox_.push(leave_asked{});
}

void cluster_port::tell_tag(const std::string& name, const std::string& value) {
  {
    const std::lock_guard lock(tags_mutex_);
    own_tags_[name] = value;
  }
  calls_.change_tags({{{name, value}}, {}}, [this, name](const expected<cluster_calls::tags>& changed) {
    if (!changed) log_.warn("cluster", "tag_not_told", {{"tag", name}, {"reason", describe(changed.error())}});
  });
}

// Modules that the configuration names are told of only while they run.
cluster_machine::offer cluster_port::own_offer() const {
  cluster_machine::offer o;
  const auto& known = known_services();
  for (const auto& name : settings_.node.services) {
    if (std::find(known.begin(), known.end(), name) != known.end()) o.services.push_back(name);
  }
  o.services.insert(o.services.end(), own_marks_.begin(), own_marks_.end());
  for (const auto& [name, variables] : own_exports_) {
    o.services.push_back(name);
    const auto text = text_of(variables);
    if (text && !text->empty()) o.export_tags[std::string(export_tag) + name] = *text;
  }
  return o;
}

void cluster_port::tell_services(std::vector<std::string> further, std::function<void(expected<void>)> done) {
  tell_offer(own_marks_, std::move(further), std::move(done));
}

void cluster_port::tell_exports(const std::map<std::string, export_variables>& all,
                                std::function<void(expected<void>)> done) {
  tell_offer(own_exports_, all, std::move(done));
}

// What is refused was not said, and is not said after a restart of the actor either.
template <class Part>
void cluster_port::tell_offer(Part& part, Part wanted, std::function<void(expected<void>)> done) {
  cluster_machine::offer offer;
  {
    const std::lock_guard lock(tags_mutex_);
    std::swap(part, wanted);
    if (!made_) return done({});
    offer = own_offer();
  }
  calls_.change_services(std::move(offer),
                         [this, &part, before = std::move(wanted), done = std::move(done)](expected<void> changed) {
                           if (!changed && changed.error().code == errc::too_large) {
                             const std::lock_guard lock(tags_mutex_);
                             part = before;
                           }
                           done(std::move(changed));
                         });
}

bool cluster_port::force_leave(std::string name) { return inbox_.push(force_leave_asked{std::move(name)}); }

void cluster_port::register_metrics(metrics& m) {
  calls_.register_metrics(m);
  const auto read = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& number) {
    m.read_counter(name, help, {}, [&number] { return static_cast<double>(number.load(std::memory_order_relaxed)); });
  };
  register_link_metrics(m, link_->numbers());
  troupe::register_metrics(m, *gossip_);
  discovery_.register_metrics(m);
  read("troupe_cache_shards_lost_total", "Shards that started empty because no copy was left", shards_lost_);
  read("troupe_cache_shards_given_total", "Shards that this node handed over to others", moves_.shards_given);
  read("troupe_cache_shards_taken_total", "Shards that were copied to this node whole", moves_.shards_taken);
  read("troupe_cache_hand_over_bytes_total", "Bytes of shards sent to others", moves_.bytes_sent);
  read("troupe_cache_hand_over_failed_total", "Attempts to hand a shard over that were given up",
       moves_.attempts_failed);
  read("troupe_cache_hand_over_no_room_total", "Attempts that found no memory at the other node",
       moves_.refused_for_room);
  read("troupe_cache_replicas_made_total", "Copies of this node's shards that came in sync", moves_.replicas_made);
  read("troupe_cache_replicas_dropped_total", "Copies that fell behind", moves_.replicas_dropped);
  m.read_gauge("troupe_cache_shards_to_give_count", "Shards on their way to others", {},
               [this] { return static_cast<double>(moves_.shards_to_give.load(std::memory_order_relaxed)); });
  read("troupe_cluster_joiners_refused_total", "Joiners that this node refused, each once in ten seconds",
       refusals_->of_joiners);
  read("troupe_cluster_joins_refused_total", "Times that this node was refused", refusals_->of_this);
  if (watch_) {
    read("troupe_election_store_false_hints_total", "Of them, those after which it was read as before",
         watch_->numbers().false_hints);
    read("troupe_election_store_watch_failures_total", "Times watching the leader store failed",
         watch_->numbers().failures);
  }
  membership_.register_metrics(m);
  read("troupe_cluster_inbox_dropped_total", "Packets dropped because the cluster actor was behind", dropped_);
}

void cluster_port::close() {
  calls_.lease()->publish(0, {});  // the actor has stopped: who still has a token leads no more
  clock_.close();
  if (watch_) watch_->stop();
  if (store_) store_->stop();
  gossip_->close();
  discovery_.close();
  if (keyring_) keyring_->close();
  if (!link_ || !std::exchange(started_, false)) return;
  if (faults_ && faults_->of_all()) return;
  const auto closed = std::make_shared<countdown>(1);
  link_->close([closed] { closed->arrive(); });
  (void)closed->wait(close_max);
}

}  // namespace troupe
