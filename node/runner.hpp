// The composition root: makes every part of a node, starts them in order and stops them in reverse.
//
//   start: log, data directory, cluster port, actor system, stores, database, actors, doors, I/O threads, modules
//   stop:  modules, doors, actors, link, database, disk, I/O threads, actor system
//
// The only place that knows every room. Members are declared in the order in which they are made: what
// fails on the way is taken down by the destructors.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <troupe/node.hpp>

#include "actors/cache/cache_loaders.hpp"
#include "actors/cache/cache_numbers.hpp"
#include "actors/cache/cache_router.hpp"
#include "actors/cache/cache_server.hpp"
#include "actors/cache/change_link.hpp"
#include "actors/cache/host_contents.hpp"
#include "actors/cache/link_forwarder.hpp"
#include "actors/cache/local_copy_link.hpp"
#include "actors/cache/replica_link.hpp"
#include "actors/cache/shard_host.hpp"
#include "actors/cluster_board.hpp"
#include "actors/db/database_service.hpp"
#include "actors/db/shard_committed_store.hpp"
#include "actors/disk/data_directory.hpp"
#include "actors/disk/disk_writer.hpp"
#include "actors/door_context.hpp"
#include "actors/durability/shard_log.hpp"
#include "actors/entities/entity_service.hpp"
#include "actors/event_hub.hpp"
#include "actors/io_pool.hpp"
#include "actors/kvs/kvs_service.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "actors/modules/module_host.hpp"
#include "actors/node_status.hpp"
#include "actors/pubsub/pubsub_service.hpp"
#include "actors/supervision/actor_runtime.hpp"
#include "actors/toolkit/actor_toolkit.hpp"
#include "gateways/http/entity_server.hpp"
#include "node/cluster_port.hpp"
#include "node/entropy.hpp"
#include "node/event_handlers.hpp"
#include "node/standstill.hpp"

namespace troupe {

class node::runner {
 public:
  /// How long a lone node may take to lead itself before it says that it serves.
  static constexpr duration lone_start_max = std::chrono::seconds(5);
  /// Of drain_timeout, what is kept for the doors after the departure from the cluster.
  static constexpr duration doors_drain_min = std::chrono::seconds(1);

  [[nodiscard]] static expected<std::unique_ptr<runner>> start(config c,
                                                               std::shared_ptr<network_faults> faults = nullptr,
                                                               node_options options = {});
  ~runner();

  [[nodiscard]] expected<void> wait_ready(duration deadline) const;
  [[nodiscard]] expected<cache> open_cache(const std::string& name) const;
  [[nodiscard]] expected<void> set_loader(const std::string& name, cache_loader load, const loader_options& options);
  [[nodiscard]] expected<database> open_database(const std::string& name, std::vector<migration> migrations);
  [[nodiscard]] expected<journal> open_journal(const std::string& name, std::vector<migration> migrations,
                                               const journal_options& o);
  [[nodiscard]] std::shared_ptr<const cluster_view> view() const { return board_.read(); }
  [[nodiscard]] node_addresses addresses() const;
  [[nodiscard]] const config& settings() const noexcept { return settings_; }
  void on_event(event_callback f);
  [[nodiscard]] cluster_actors& actors();
  [[nodiscard]] cluster_calls& calls() noexcept { return cluster_.calls(); }
  [[nodiscard]] event_handlers& handlers() noexcept { return handlers_; }
  expected<void> leave();
  void stop();
  /// For tests: the node stands still until resume(), or until it is stopped.
  void pause();
  void resume();
  [[nodiscard]] bool paused() const noexcept { return still_ != nullptr; }
  [[nodiscard]] bool leave_requested() const noexcept { return leave_requested_; }

 private:
  runner(config c, std::shared_ptr<event_log> log, data_directory data, std::shared_ptr<network_faults> faults);

  [[nodiscard]] expected<void> start_parts();
  [[nodiscard]] expected<void> open_databases();
  [[nodiscard]] expected<std::shared_ptr<database_driver>> make_driver();
  [[nodiscard]] expected<void> open_entities();
  [[nodiscard]] expected<void> switch_entities();
  [[nodiscard]] link_table* link() noexcept;  // null on a node that is alone by configuration
  [[nodiscard]] expected<void> open_cluster();
  [[nodiscard]] expected<void> open_store();
  void open_kvs();
  void show_kvs_health(std::string& place, const std::string& fault);
  [[nodiscard]] expected<void> connect_shards();
  [[nodiscard]] expected<void> open_log();
  [[nodiscard]] expected<void> open_doors();
  [[nodiscard]] expected<void> open_toolkit();
  void open_modules();
  [[nodiscard]] std::optional<explanation> explain_service(const std::string& name) const;
  void name_services();
  void request_leave();
  void announce();
  [[nodiscard]] std::string advertised_resp() const;
  [[nodiscard]] bool drain_doors(duration limit);
  void register_metrics();

  config settings_;
  std::shared_ptr<event_log> log_;
  data_directory data_;
  const entropy drawn_;
  event_hub events_;
  cluster_board board_;
  node_status status_;
  std::unique_ptr<actor_runtime> application_system_;  // null without application_; what waits on io_ may hold actors
  io_pool io_;
  metrics numbers_;  // its readers may hold what lives on the I/O threads
  disk_writer disk_;
  shard_host shards_;
  shard_committed_store committed_;
  const cache_catalogue catalogue_;
  std::unique_ptr<shard_log> shard_log_;  // null: no cache is durable
  host_contents contents_;
  std::shared_ptr<cache_router> router_;
  std::shared_ptr<cache_loaders> loaders_;
  std::unique_ptr<database_service> database_;
  entity_extensions extensions_;
  std::unique_ptr<row_cache> rows_;
  std::shared_ptr<entity_service> entities_;
  std::shared_ptr<const entity_server_counters> entities_served_;  // null: none, or nobody could ask
  std::shared_ptr<leader_store> store_;                            // null: votes
  cluster_port cluster_;
  std::unique_ptr<kvs_service> kvs_;  // null: nobody here needs it
  std::mutex kvs_health_mutex_;
  std::string kvs_fault_;    // of the service
  std::string store_fault_;  // of the leader's store
  event_handlers handlers_;
  std::shared_ptr<pubsub_service> channels_;   // null without RESP
  std::unique_ptr<link_forwarder> forwarder_;  // none on a node that is alone by configuration
  std::shared_ptr<replica_link> replicas_;     // the same
  std::shared_ptr<near_link> near_;            // the same
  std::shared_ptr<change_link> changes_;
  std::shared_ptr<local_copy_link> local_;  // none on a node that is alone by configuration
  std::shared_ptr<const cache_server_counters> served_;
  actor_runtime actors_;
  std::optional<actor_options> application_;
  std::unique_ptr<actor_toolkit> toolkit_;  // null without application_
  std::vector<module> brought_;             // until they are opened
  std::unique_ptr<module_host> modules_;    // null: the embedder brings none
  std::unique_ptr<standstill> still_;
  std::vector<std::unique_ptr<door>> doors_;
  door* http_ = nullptr;
  door* resp_ = nullptr;
  std::atomic<bool> leave_requested_{false};
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

}  // namespace troupe
