// How a node finds its cluster: numeric seeds are given to the machine at once; files, names and multicast
// are looked after by a seed_finder and a multicast_beacon; a join_watch says why nobody answers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/error.hpp>

#include "actors/cluster/join_watch.hpp"
#include "actors/event_hub.hpp"
#include "actors/io_pool.hpp"
#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"
#include "actors/net/multicast_beacon.hpp"
#include "actors/net/seed_finder.hpp"

namespace troupe {

class discovery {
 public:
  discovery(const cluster_config& c, io_pool& io, event_log& log) : settings_(c), io_(io), log_(log) {}
  ~discovery() { close(); }

  discovery(const discovery&) = delete;
  discovery& operator=(const discovery&) = delete;

  /// errc::bad_config, errc::unavailable when the multicast group cannot be joined. `seal` may be null.
  [[nodiscard]] expected<void> open(const peer_identity& self, const std::string& bound,
                                    const std::shared_ptr<packet_seal>& seal);

  /// The seeds that need no looking up, as "ip:port".
  [[nodiscard]] std::vector<std::string> fixed_seeds() const;
  /// Whether others may follow.
  [[nodiscard]] bool may_find_more() const { return seed_finder::needed(settings_); }

  /// `events` and `link` outlive this object.
  void start(event_hub& events, const std::shared_ptr<link_table>& link, seed_finder::found_callback found);
  /// A join was tried.
  void wish();
  void register_metrics(metrics& m);
  /// Idempotent.
  void close();

 private:
  [[nodiscard]] std::vector<std::string> seeds_now() const;

  const cluster_config settings_;
  io_pool& io_;
  event_log& log_;
  event_hub* events_ = nullptr;
  std::uint64_t listener_ = 0;
  std::unique_ptr<seed_finder> finder_;
  std::unique_ptr<multicast_beacon> beacon_;
  std::shared_ptr<join_watch> watch_;
};

}  // namespace troupe
