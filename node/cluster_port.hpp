// The cluster address of a node: gossip on UDP and the link on TCP under one port number, and the
// cluster actor behind them.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <troupe/config.hpp>
#include <troupe/error.hpp>

#include "actors/cluster/cluster_actor.hpp"
#include "actors/cluster/cluster_calls.hpp"
#include "actors/cluster/store_runner.hpp"
#include "actors/cluster/store_watch.hpp"
#include "actors/io_pool.hpp"
#include "actors/keyring/keyring_service.hpp"
#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"
#include "actors/net/drop_log.hpp"
#include "actors/net/gossip_socket.hpp"
#include "node/discovery.hpp"
#include "runtime/modules/module_world.hpp"

namespace troupe {

class cluster_port {
 public:
  /// `faults` are of tests; most have none.
  cluster_port(const config& c, io_pool& io, event_log& log, std::shared_ptr<network_faults> faults);

  /// Reads the secret and the key ring of `data_dir`, then binds both sockets. errc::unavailable with the
  /// address, errc::bad_config, errc::corrupt or errc::storage_failed for the ring.
  [[nodiscard]] expected<void> open(const std::string& data_dir, const incarnation_id& id);

  /// The bound address, and the one that others are told.
  [[nodiscard]] const std::string& address() const noexcept { return bound_; }
  [[nodiscard]] const std::string& advertised() const noexcept { return advertised_; }

  /// The child that runs the cluster machine. Reads the machine's files; errc::corrupt, errc::storage_failed.
  struct surroundings {
    const std::string& data_dir;
    disk_writer& disk;
    shard_host& shards;
    shard_contents& contents;
    node_status& status;
    event_hub& events;
    cluster_board& board;
    std::shared_ptr<leader_store> store;  // null: votes
    std::function<void(const std::string&)> on_store_health;
    std::function<void()> on_adopted;   // called by the actor after each new shard table
    std::function<void()> on_expelled;  // the others hold this node for departed: it should leave
    std::uint64_t seed = 0;
  };
  [[nodiscard]] expected<child_spec> make_actor(const surroundings& s);

  /// Lets packets in; after the actor was started and others registered what they serve on the link.
  void start();

  [[nodiscard]] link_table& link() noexcept { return *link_; }
  [[nodiscard]] const std::shared_ptr<link_table>& shared_link() const noexcept { return link_; }
  /// Where the member with this PID is reached. From any thread.
  [[nodiscard]] std::optional<link_target> find(std::uint64_t pid) const;

  /// The key ring across the cluster; null in a cluster without a secret.
  [[nodiscard]] keyring_access* keyring() const noexcept { return keyring_.get(); }

  /// Messages of the key-value service ride on the link beside the machines'; the handler is set before start().
  void on_kvs(std::function<void(const peer_identity& from, std::string_view bytes)> f) { kvs_handler_ = std::move(f); }
  void send_kvs(const link_target& to, const std::string& bytes) { (void)link_->send_cluster(to, kvs_tag + bytes); }

  /// Begins a graceful departure; `done` runs once, when the others know of it.
  void leave(std::function<void()> done);

  /// Copies that hold writes of this node's shards up.
  void on_laggards(std::vector<shard_host::laggard> who) { (void)inbox_.push(laggards_seen{std::move(who)}); }

  /// Asks for a failed member to be declared departed; false when the node is too busy to take it.
  [[nodiscard]] bool force_leave(std::string name);

  /// Others learn this tag of the node, from now on and after a restart of the actor; after make_actor().
  void tell_tag(const std::string& name, const std::string& value);

  /// Others learn that the node runs these services besides those of the configuration: from now on and after a restart
  /// of the actor; before make_actor() too. `done` on any thread: errc::too_large when they do not fit a packet of
  /// gossip, and the others see what they saw before.
  void tell_services(std::vector<std::string> further, std::function<void(expected<void>)> done);
  /// The same for what its modules export now; beside those, not in their place.
  void tell_exports(const std::map<std::string, export_variables>& all, std::function<void(expected<void>)> done);

  /// Tags, user events, queries, round trips.
  [[nodiscard]] cluster_calls& calls() noexcept { return calls_; }

  void register_metrics(metrics& m);
  /// Says goodbye to the peers and closes; bounded by close_max and store_watch::slice. A node off the network says
  /// nothing.
  void close();

  static constexpr duration close_max = std::chrono::milliseconds(1500);
  /// A page of a shard that is not on its way by then is made anew.
  static constexpr duration bulk_max = std::chrono::seconds(5);

 private:
  static constexpr char kvs_tag = 'k';  // beside cluster_machine::link_tag

  [[nodiscard]] expected<void> check_record(const cluster_machine::files& found) const;
  void count_refusals(event_hub& events) const;
  [[nodiscard]] std::function<void(store_request)> run_store(std::shared_ptr<leader_store> store);
  [[nodiscard]] std::function<void(std::optional<store_sight>)> watch_store(std::shared_ptr<leader_store> store,
                                                                            std::uint64_t seed);
  [[nodiscard]] cluster_machine::offer own_offer() const;
  template <class Part>
  void tell_offer(Part& part, Part wanted, std::function<void(expected<void>)> done);
  void connect_link();
  void start_gossip();

  const config& settings_;
  config machine_settings_;  // the same, with numeric seeds only
  io_pool& io_;
  event_log& log_;
  const std::shared_ptr<network_faults> faults_;
  std::shared_ptr<child_slot> slot_;
  cluster_inbox inbox_;
  alarm clock_;
  std::unique_ptr<store_runner> store_;
  std::unique_ptr<store_watch> watch_;  // with store_
  std::function<void(const peer_identity&, std::string_view)> kvs_handler_;
  cluster_calls calls_{inbox_};
  std::unique_ptr<gossip_socket> gossip_;
  std::shared_ptr<link_table> link_;
  std::shared_ptr<ring_keeper> ring_;  // null without a secret
  std::shared_ptr<keyring_service> keyring_;
  discovery discovery_;
  drop_log drops_;
  event_hub* events_ = nullptr;
  peer_identity self_;
  bool started_ = false;
  std::mutex tags_mutex_;
  std::map<std::string, std::string> own_tags_;  // beyond the configuration's
  std::vector<std::string> own_marks_;           // beyond the configuration's services
  std::map<std::string, export_variables> own_exports_;
  bool made_ = false;  // the actor's child, which reads them
  mutable std::mutex addresses_mutex_;
  std::map<std::uint64_t, link_target> addresses_;  // by PID
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> shards_lost_{0};
  hand_over_numbers moves_;
  struct refusals {
    std::atomic<std::uint64_t> of_joiners{0};  // by this node
    std::atomic<std::uint64_t> of_this{0};     // by others
  };
  const std::shared_ptr<refusals> refusals_ = std::make_shared<refusals>();
  membership_numbers membership_;
  std::string bound_;
  std::string advertised_;
  std::mutex departed_mutex_;
  std::function<void()> departed_;
};

}  // namespace troupe
