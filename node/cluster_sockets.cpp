#include "node/cluster_sockets.hpp"

#include <cctype>
#include <optional>
#include <utility>

#include "actors/disk/durable_file.hpp"
#include "actors/net/bind_address.hpp"

namespace troupe {

namespace {

constexpr std::size_t secret_bytes_max = 64 * kib;

link_settings settings_of(const config& c, const std::shared_ptr<ring_keeper>& ring,
                          const std::shared_ptr<network_faults>& faults) {
  auto settings = link_settings::from(c);
  settings.faults = faults;
  if (ring) settings.secrets = [ring] { return ring->link_secrets(); };
  if (!c.cluster.accept_joiners) {
    settings.admit = [](const peer_identity&) {
      return std::optional<std::string>("this node runs alone and accepts no joiners (mode single)");
    };
  }
  return settings;
}

expected<void> bind_gossip(cluster_sockets& s, const std::shared_ptr<ring_keeper>& ring) {
  const auto got = parse_address(s.link->address());
  if (!got) return tl::unexpected(got.error());
  if (ring) s.gossip->set_seal(ring->seal());  // before anybody can send
  return s.gossip->bind(boost::asio::ip::udp::endpoint(got->address(), got->port()));
}

}  // namespace

expected<cluster_sockets> cluster_sockets::bind(const config& c, io_pool& io, event_log& log,
                                                const std::shared_ptr<ring_keeper>& ring,
                                                const std::shared_ptr<network_faults>& faults) {
  const auto wanted = parse_bind(c.cluster.bind);
  if (!wanted) return fail(errc::bad_config, "cluster.bind " + c.cluster.bind + ": " + wanted.error().context);
  const int tries = wanted->port() == 0 ? pair_tries_max : 1;
  expected<void> bound;
  for (int i = 0; i < tries; ++i) {
    cluster_sockets s;
    s.link = std::make_shared<link_table>(io, log, settings_of(c, ring, faults));
    s.gossip = std::make_unique<gossip_socket>(io.context(0), faults);
    bound = s.link->bind(to_string(*wanted));
    if (bound) bound = bind_gossip(s, ring);
    if (!bound) continue;
    s.bound = s.link->address();
    return s;
  }
  return tl::unexpected(std::move(bound.error()));
}

expected<std::string> read_cluster_secret(const std::string& file) {
  if (file.empty()) return std::string{};
  auto bytes = read_whole(file, secret_bytes_max);
  if (!bytes) return fail(errc::bad_config, "cluster.secret_file " + describe(bytes.error()));
  while (!bytes->empty() && std::isspace(static_cast<unsigned char>(bytes->back()))) bytes->pop_back();
  return bytes;
}

void register_metrics(metrics& m, const gossip_socket& gossip) {
  const auto read = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& number) {
    m.read_counter(name, help, {}, [&number] { return static_cast<double>(number.load(std::memory_order_relaxed)); });
  };
  const auto& n = gossip.count();
  read("troupe_gossip_packets_in_total", "Datagrams received on the cluster port", n.packets_in);
  read("troupe_gossip_packets_out_total", "Datagrams sent", n.packets_out);
  read("troupe_gossip_bytes_in_total", "Bytes of datagrams received", n.bytes_in);
  read("troupe_gossip_bytes_out_total", "Bytes of datagrams sent", n.bytes_out);
  read("troupe_gossip_send_failures_total", "Datagrams that could not be sent", n.send_failures);
  for (std::size_t i = 0; i < packet_drops; ++i) {
    m.read_counter("troupe_gossip_dropped_total", "Datagrams dropped unread",
                   {{"reason", std::string(name_of(static_cast<packet_drop>(i)))}},
                   [&number = n.dropped[i]] { return static_cast<double>(number.load(std::memory_order_relaxed)); });
  }
}

}  // namespace troupe
