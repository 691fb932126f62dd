// The two sockets of a cluster address: gossip on UDP and the link on TCP, under one port number.
#pragma once

#include <memory>
#include <string>

#include <troupe/config.hpp>
#include <troupe/error.hpp>

#include "actors/io_pool.hpp"
#include "actors/keyring/ring_keeper.hpp"
#include "actors/link/link_table.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "actors/net/gossip_socket.hpp"
#include "actors/net/network_faults.hpp"

namespace troupe {

struct cluster_sockets {
  /// Tries for a pair of free ports when port 0 was asked for and the other protocol's twin is taken.
  static constexpr int pair_tries_max = 20;

  std::shared_ptr<link_table> link;
  std::unique_ptr<gossip_socket> gossip;
  std::string bound;  // host:port of both

  /// Binds cluster.bind of `c`; nothing is received yet. `ring` and `faults` may be null. errc::bad_config for an
  /// address that is none, errc::unavailable with the address when it is taken.
  [[nodiscard]] static expected<cluster_sockets> bind(const config& c, io_pool& io, event_log& log,
                                                      const std::shared_ptr<ring_keeper>& ring,
                                                      const std::shared_ptr<network_faults>& faults);
};

/// What cluster.secret_file holds, without the white space at its end; empty without one. errc::bad_config.
[[nodiscard]] expected<std::string> read_cluster_secret(const std::string& file);

/// troupe_gossip_*; the socket outlives the last scrape.
void register_metrics(metrics& m, const gossip_socket& gossip);

}  // namespace troupe
