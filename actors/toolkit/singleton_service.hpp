// The singletons of a node: for each name its two handles and the actor that tends them. What the application calls,
// and the order in which all of it ends.
//
//   declare -> handles and singleton_actor, published; the proxy is the application's handle
//   withdraw: the node leaves: instances hand over and end, and their successors have what they left (bounded)
//   stop: the same, then the handles go down
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <troupe/caf_singleton.hpp>
#include <troupe/error.hpp>

#include "actors/event_hub.hpp"
#include "actors/metrics.hpp"
#include "actors/toolkit/singleton_actor.hpp"

namespace troupe {

class singleton_service final : public std::enable_shared_from_this<singleton_service> {
 public:
  static constexpr std::size_t name_max = 48;
  static constexpr std::size_t singletons_max = 128;  // of a node; each may claim a lock (runtime/locks)
  static constexpr duration withdraw_max = std::chrono::seconds(5);
  static constexpr duration end_max = std::chrono::seconds(2);

  struct surroundings {
    caf::actor_system& system;
    event_hub& events;
    std::shared_ptr<actor_directory> directory;
    cluster_board& board;
    event_log& log;
    lock_calls& locks;
    incarnation_id self;
    std::uint64_t seed = 0;
  };
  explicit singleton_service(surroundings s) : with_(std::move(s)) {}

  /// Follows the members from now on.
  void start();
  [[nodiscard]] expected<caf::actor> declare(const std::string& name, singleton_factory make,
                                             const singleton_options& o);
  /// Blocks for at most `limit`: not on a thread of the node.
  void withdraw(duration limit);
  void stop();
  /// The node is gone (actors/simulation): everything ends, nothing is handed over or waited for.
  void cut();

  /// troupe_singletons_*.
  void register_metrics(metrics& m);

 private:
  struct row {
    singleton_actor::handles handles;
    caf::actor host;
    bool may_run = false;
  };

  [[nodiscard]] expected<row> make(const std::string& name, const singleton_options& o);
  [[nodiscard]] std::map<std::string, row> rows() const;
  void wake();

  const surroundings with_;
  const std::shared_ptr<singleton_counters> numbers_ = std::make_shared<singleton_counters>();
  const std::shared_ptr<std::atomic<bool>> over_ = std::make_shared<std::atomic<bool>>(false);
  mutable std::mutex mutex_;
  std::map<std::string, row> rows_;
  std::uint64_t listener_ = 0;
  bool leaves_ = false;
};

}  // namespace troupe
