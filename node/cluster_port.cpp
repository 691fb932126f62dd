#include "node/cluster_port.hpp"

#include "actors/disk/durable_file.hpp"
#include "actors/net/bind_address.hpp"

namespace troupe {

namespace {

constexpr std::size_t machine_file_bytes_max = 16 * mib;

using boost::asio::ip::tcp;
using boost::asio::ip::udp;

}  // namespace

cluster_port::cluster_port(const config& c, io_pool& io, event_log& log)
    : settings_(c),
      io_(io),
      log_(log),
      slot_(std::make_shared<child_slot>()),
      inbox_(slot_),
      gossip_(std::make_unique<gossip_socket>(io.context(0))),
      link_(std::make_unique<listener>(io)) {}

expected<void> cluster_port::open() {
  const auto wanted = parse_bind(settings_.cluster.bind);
  if (!wanted) {
    return fail(errc::bad_config, "cluster.bind " + settings_.cluster.bind + ": " + wanted.error().context);
  }
  expected<void> bound;
  const int tries = wanted->port() == 0 ? pair_tries_max : 1;
  for (int i = 0; i < tries; ++i) {
    bound = bind_pair(*wanted);
    if (bound) break;
  }
  if (!bound) return bound;
  advertised_ = settings_.cluster.advertise.empty() ? bound_ : settings_.cluster.advertise;
  return {};
}

expected<void> cluster_port::bind_pair(const tcp::endpoint& wanted) {
  auto link = std::make_unique<listener>(io_);
  // Until the link answers here, whoever connects is turned away.
  auto opened = link->open("cluster.bind", to_string(wanted), [](tcp::socket, std::size_t) {});
  if (!opened) return opened;
  const auto got = parse_address(link->address());
  if (!got) return tl::unexpected(got.error());
  auto gossip = std::make_unique<gossip_socket>(io_.context(0));
  if (auto done = gossip->bind(udp::endpoint(got->address(), got->port())); !done) return done;
  bound_ = link->address();
  link_ = std::move(link);
  gossip_ = std::move(gossip);
  return {};
}

expected<child_spec> cluster_port::make_actor(const surroundings& s) {
  const node_identity self{settings_.node.name, s.id, advertised_};
  const auto make_machine = [this, self, data_dir = s.data_dir,
                             seed = s.seed]() -> expected<std::unique_ptr<cluster_machine>> {
    cluster_machine::files found;
    for (const auto& name : cluster_machine::file_names()) {
      auto bytes = read_whole(data_dir + "/" + name, machine_file_bytes_max);
      if (bytes) {
        found.emplace(name, std::move(*bytes));
      } else if (bytes.error().code != errc::not_found) {
        return tl::unexpected(bytes.error());
      }
    }
    return cluster_machine::make(settings_, self, found, random(seed), std::chrono::steady_clock::now());
  };
  auto first = make_machine();
  if (!first) return tl::unexpected(first.error());

  cluster_ports ports{inbox_, s.disk, s.data_dir, s.shards, s.status, s.events, log_, shards_lost_, {}, {}, {}};
  ports.send_datagram = [this](const std::string& to, std::string bytes) { gossip_->send(to, std::move(bytes)); };
  ports.send_link = [](const std::string&, const std::string&) {};
  ports.on_departed = [this] {
    const std::lock_guard lock(departed_mutex_);
    if (departed_) std::exchange(departed_, nullptr)();
  };
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

void cluster_port::start() {
  gossip_->start([this](std::string from, std::string bytes) {
    if (!inbox_.push(datagram_arrived{std::move(from), std::move(bytes)})) ++dropped_;
  });
}

void cluster_port::leave(std::function<void()> done) {
  {
    const std::lock_guard lock(departed_mutex_);
    departed_ = std::move(done);
  }
  (void)inbox_.push(leave_asked{});
}

void cluster_port::register_metrics(metrics& m) {
  const auto read = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& number) {
    m.read_counter(name, help, {}, [&number] { return static_cast<double>(number.load(std::memory_order_relaxed)); });
  };
  const auto& n = gossip_->count();
  read("troupe_gossip_packets_in_total", "Datagrams received on the cluster port", n.packets_in);
  read("troupe_gossip_packets_out_total", "Datagrams sent", n.packets_out);
  read("troupe_gossip_bytes_in_total", "Bytes of datagrams received", n.bytes_in);
  read("troupe_gossip_bytes_out_total", "Bytes of datagrams sent", n.bytes_out);
  read("troupe_gossip_send_failures_total", "Datagrams that could not be sent", n.send_failures);
  read("troupe_cache_shards_lost_total", "Shards that started empty because no copy was left", shards_lost_);
  read("troupe_cluster_inbox_dropped_total", "Packets dropped because the cluster actor was behind", dropped_);
}

void cluster_port::close() {
  gossip_->close();
  link_->close();
}

}  // namespace troupe
