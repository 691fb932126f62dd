// What a node gives its application's actors: their system, handles of those elsewhere, the registry, topics, spawning
// by name. The composition root makes it for a node that was started with node_options::actors.
//
//   made: directory and registry on the link (before that starts)
//   start: spawner, registry follows the members
//   withdraw: the node leaves: singletons are handed over, nothing is registered or spawned here any more
//   stop: singletons and what was spawned by name end (bounded), then every handle dies
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <troupe/caf_actors.hpp>
#include <troupe/node.hpp>

#include "actors/cluster/cluster_calls.hpp"
#include "actors/cluster_board.hpp"
#include "actors/event_hub.hpp"
#include "actors/grains/grain_service.hpp"
#include "actors/io_pool.hpp"
#include "actors/link/actor_directory.hpp"
#include "actors/link/link_table.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "actors/supervision/actor_runtime.hpp"
#include "actors/toolkit/delivery_service.hpp"
#include "actors/toolkit/member_distances.hpp"
#include "actors/toolkit/registry_service.hpp"
#include "actors/toolkit/singleton_service.hpp"
#include "actors/toolkit/spawner_actor.hpp"
#include "actors/toolkit/topics_service.hpp"

namespace troupe {

class actor_toolkit final : public cluster_actors {
 public:
  static constexpr duration stop_max = std::chrono::seconds(2);
  static constexpr std::size_t threads_most = 8;  // when none were asked for

  struct surroundings {
    actor_runtime& runtime;  // outlives what was posted to `io`: that may hold actors
    io_pool& io;
    std::shared_ptr<link_table> link;
    cluster_board& board;
    event_hub& events;
    event_log& log;
    cluster_calls& calls;
    incarnation_id self;
    std::uint64_t seed = 0;
    shard_host& shards;
    std::function<std::optional<link_target>(std::uint64_t pid)> find;
    const cache_catalogue& caches;
    std::function<expected<cache>(const std::string& name)> open_cache;
    std::function<expected<journal>(const std::string& name, std::vector<migration>, const journal_options&)>
        open_journal;
  };

  /// The system of an application's actors. errc::bad_config when actor_options::configure threw.
  [[nodiscard]] static expected<std::unique_ptr<actor_runtime>> make_runtime(const actor_options& o);
  /// The same, stepped.
  [[nodiscard]] static expected<std::unique_ptr<actor_runtime>> make_stepped_runtime(const actor_options& o);
  actor_toolkit(surroundings s, const actor_options& o);
  ~actor_toolkit() override;

  [[nodiscard]] expected<void> start();
  /// Blocks while singletons are handed over, for at most `limit`.
  void withdraw(duration limit);
  /// Grains save what they have, while caches still serve.
  void rest_grains() { grains_->rest_all(); }
  void stop();
  /// In place of stop(): the node is gone, and nothing is waited for (actors/simulation).
  void cut();
  [[nodiscard]] shard_work& work() noexcept { return *grains_; }

  void register_metrics(metrics& m);

  // cluster_actors
  [[nodiscard]] caf::actor_system& system() override { return with_.runtime.system(); }
  [[nodiscard]] troupe::registry& registry() override { return *registry_; }
  [[nodiscard]] troupe::topics& topics() override { return *topics_; }
  [[nodiscard]] deliveries& delivery() override { return *delivery_; }
  [[nodiscard]] troupe::grains& grains() override { return *grains_; }
  [[nodiscard]] expected<journal> open_journal(const std::string& name, std::vector<migration> migrations,
                                               const journal_options& o) override {
    return with_.open_journal(name, std::move(migrations), o);
  }
  void spawn(std::string type, caf::message arguments, where at, spawn_callback done, duration deadline) override;
  [[nodiscard]] expected<caf::actor> spawn(std::string type, caf::message arguments, where at,
                                           duration deadline) override;
  void spawn_all(std::string type, caf::message arguments, where at, spawn_all_callback done,
                 duration deadline) override;
  [[nodiscard]] std::vector<spawned_actor> spawn_all(std::string type, caf::message arguments, where at,
                                                     duration deadline) override;
  [[nodiscard]] expected<caf::actor> singleton(const std::string& name, singleton_factory make,
                                               const singleton_options& o) override;
  expected<void> publish(const std::string& name, const caf::actor& actor) override;
  [[nodiscard]] expected<caf::actor> find(const std::string& member, const std::string& name) override;

 private:
  [[nodiscard]] expected<std::vector<candidate>> candidates(const where& at);
  void begin(std::string type, caf::message arguments, std::vector<candidate> members, bool by_load,
             spawn_callback done, duration deadline);
  /// Of a spawn that no member is asked for; what a member refuses is told there.
  [[nodiscard]] error refused(const std::string& type, error why);

  const surroundings with_;
  const std::size_t spawned_max_;
  std::shared_ptr<actor_directory> directory_;
  std::shared_ptr<member_distances> far_;
  std::shared_ptr<registry_service> registry_;
  std::shared_ptr<topics_service> topics_;
  std::unique_ptr<delivery_service> delivery_;
  const std::shared_ptr<singleton_service> singletons_;
  const std::shared_ptr<grain_service> grains_;
  const std::shared_ptr<spawner_state> spawns_ = std::make_shared<spawner_state>();
  std::mutex mutex_;
  random rng_;
  caf::actor spawner_;  // null before start and after stop
  bool cut_ = false;
};

}  // namespace troupe
