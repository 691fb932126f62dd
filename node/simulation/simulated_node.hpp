// One process of a simulated node: the parts of node::runner that need no thread, socket or file, put together for one
// thread. From the cluster machine to grains they are those of a real node; ADR 0030 lists what is stood in for.
//
// Made by start() and gone with its destructor, as after kill -9: what it was about to send is not sent. Everything
// here runs on the world's thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <troupe/config.hpp>
#include <troupe/node.hpp>

#include "actors/cache/cache_loaders.hpp"
#include "actors/cache/cache_router.hpp"
#include "actors/cache/cache_server.hpp"
#include "actors/cache/change_link.hpp"
#include "actors/cache/host_contents.hpp"
#include "actors/cache/link_forwarder.hpp"
#include "actors/cache/local_copy_link.hpp"
#include "actors/cache/near_link.hpp"
#include "actors/cache/replica_link.hpp"
#include "actors/cache/shard_host.hpp"
#include "actors/cluster/cluster_actor.hpp"
#include "actors/cluster/cluster_calls.hpp"
#include "actors/cluster_board.hpp"
#include "actors/event_hub.hpp"
#include "actors/io_pool.hpp"
#include "actors/link/link_table.hpp"
#include "actors/log.hpp"
#include "actors/node_status.hpp"
#include "actors/simulation/simulated_network.hpp"
#include "actors/simulation/simulated_world.hpp"
#include "actors/simulation/stepped_actors.hpp"
#include "actors/supervision/actor_runtime.hpp"
#include "actors/toolkit/actor_toolkit.hpp"

namespace troupe {

class simulated_node {
 public:
  /// Jobs of one node at one moment; more, and it does not come to rest.
  static constexpr std::size_t steps_max = 200'000;
  static constexpr duration write_min = std::chrono::microseconds(100);
  static constexpr duration write_max = std::chrono::milliseconds(5);

  using disk = std::map<std::string, std::string>;  // outlives processes
  struct surroundings {
    simulated_world& world;
    simulated_network& network;
    std::size_t index;
    disk& files;
    event_log::listener told;
  };
  /// errc::bad_config for settings that validate() refuses, and for what actor_options::configure or prepare throw.
  [[nodiscard]] static expected<std::unique_ptr<simulated_node>> start(const surroundings& s, config c,
                                                                       actor_options brings);
  ~simulated_node();

  [[nodiscard]] cluster_actors& actors() noexcept { return *toolkit_; }
  [[nodiscard]] std::shared_ptr<const cluster_view> view() const { return board_.read(); }
  [[nodiscard]] expected<cache> open_cache(const std::string& name) const;

 private:
  simulated_node(const surroundings& s, config c, actor_options brings);
  [[nodiscard]] expected<void> open();
  [[nodiscard]] expected<void> connect_shards();
  [[nodiscard]] expected<void> open_toolkit();
  [[nodiscard]] expected<void> spawn_cluster();
  [[nodiscard]] cluster_ports ports();
  [[nodiscard]] bool pump();
  void run_all();
  void write(const std::string& file, std::string bytes, disk_writer::callback done);
  [[nodiscard]] std::optional<link_target> find(std::uint64_t pid) const;

  const surroundings with_;
  const config settings_;
  const actor_options brings_;
  random rng_;
  const peer_identity self_;
  std::shared_ptr<event_log> log_;
  event_hub events_;
  cluster_board board_;
  node_status status_;
  std::unique_ptr<actor_runtime> system_;  // what waits on io_ may hold actors
  std::optional<stepped_actors> stepped_;
  io_pool io_;
  shard_host shards_;
  const cache_catalogue catalogue_;
  host_contents contents_;
  std::shared_ptr<cache_router> router_;
  std::shared_ptr<child_slot> slot_ = std::make_shared<child_slot>();
  cluster_inbox inbox_;
  alarm clock_;
  cluster_calls calls_{inbox_};
  std::shared_ptr<link_table> link_;
  std::unique_ptr<link_forwarder> forwarder_;
  std::shared_ptr<replica_link> replicas_;
  std::shared_ptr<near_link> near_;
  std::shared_ptr<change_link> changes_;
  std::shared_ptr<local_copy_link> local_;
  std::shared_ptr<const cache_server_counters> served_;
  std::atomic<std::uint64_t> shards_lost_{0};
  hand_over_numbers moves_;
  membership_numbers membership_;
  std::map<std::uint64_t, link_target> addresses_;  // by PID
  caf::actor upkeep_;
  std::unique_ptr<actor_toolkit> toolkit_;
  time_point last_write_{};
  time_point due_ = time_point::max();  // the earliest delayed message that the world will bring
};

}  // namespace troupe
