// Your own actors on the cluster: an actor system of a node, and handles that work alike wherever an actor lives.
//
//   troupe::node_options options;
//   options.actors.emplace().configure = [](caf::actor_system_config& c) { c.add_actor_type("worker", worker); };
//   auto node = troupe::node::start(settings, std::move(options));
//   auto& cluster = node->actors();
//   auto greeter = cluster.system().spawn(greeter_behavior);
//   cluster.registry().add("greeter", greeter);
//   auto far = cluster.spawn("worker", caf::make_message(7), troupe::where::least_loaded());
//
// A caf::actor from here is sent to, asked, monitored and linked as any other. What differs when it lives elsewhere: a
// message may be lost with its node; when its member is held for failed, its handles go down with errc::peer_lost, and
// requests that wait fail with it at once (from_caf in caf.hpp reads the code). docs/ACTORS.md has the whole picture.
//
// Handles must not outlive their node. Handles of several nodes in one process (local_cluster) must not share a
// container: CAF compares those of local actors by number alone.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/message.hpp>

#include <troupe/caf.hpp>
#include <troupe/caf_delivery.hpp>
#include <troupe/caf_grains.hpp>
#include <troupe/caf_registry.hpp>
#include <troupe/caf_singleton.hpp>
#include <troupe/caf_topics.hpp>
#include <troupe/error.hpp>
#include <troupe/journal.hpp>
#include <troupe/time.hpp>
#include <troupe/where.hpp>

namespace troupe {

struct spawned_actor {
  std::string member;
  expected<caf::actor> actor;
};

/// Of one node, for as long as it runs. Thread-safe.
class cluster_actors {
 public:
  virtual ~cluster_actors() = default;

  /// The system of this node's actors of applications; those of the node itself are in another.
  [[nodiscard]] virtual caf::actor_system& system() = 0;
  [[nodiscard]] virtual troupe::registry& registry() = 0;
  [[nodiscard]] virtual troupe::topics& topics() = 0;
  [[nodiscard]] virtual deliveries& delivery() = 0;
  /// Actors with a name that are always there (caf_grains.hpp).
  [[nodiscard]] virtual troupe::grains& grains() = 0;
  /// As node::open_journal, for actors that are made before the node is there (actor_options::prepare); blocks.
  [[nodiscard]] virtual expected<journal> open_journal(const std::string& name,
                                                       std::vector<migration> migrations = {journal::tables()},
                                                       const journal_options& o = {}) = 0;

  static constexpr duration spawn_deadline = std::chrono::seconds(5);
  using spawn_callback = std::function<void(expected<caf::actor>)>;
  using spawn_all_callback = std::function<void(std::vector<spawned_actor>)>;

  /// Starts an actor of a type that the target has registered (actor_system_config::add_actor_type) with these
  /// arguments. `done` runs once, on any thread, and must not block.
  ///   errc::not_found         no member is as `at` wants it
  ///   errc::unavailable       the member leaves, failed, is full, or the actor's constructor threw: not done
  ///   errc::not_implemented   the target has no such type
  ///   errc::invalid_argument  the type takes other arguments, or they cannot travel; `at` is all(): see spawn_all
  ///   errc::deadline_exceeded no member was asked in time: not done
  ///   errc::peer_lost, errc::outcome_unknown   the target was lost, or did not answer in time: perhaps done
  /// Where `at` leaves a choice and a member refuses as unavailable, up to two others are tried. The actor lives until
  /// it ends or its node does; who spawned it may be gone.
  virtual void spawn(std::string type, caf::message arguments, where at, spawn_callback done,
                     duration deadline = spawn_deadline) = 0;
  /// The same, and waits: not from an actor or a thread of the node.
  [[nodiscard]] virtual expected<caf::actor> spawn(std::string type, caf::message arguments = {}, where at = {},
                                                   duration deadline = spawn_deadline) = 0;
  /// One on each member that `at` allows; an empty list: there is none. In the order of names.
  virtual void spawn_all(std::string type, caf::message arguments, where at, spawn_all_callback done,
                         duration deadline = spawn_deadline) = 0;
  [[nodiscard]] virtual std::vector<spawned_actor> spawn_all(std::string type, caf::message arguments = {},
                                                             where at = where::all(),
                                                             duration deadline = spawn_deadline) = 0;

  /// The handle of the singleton `name` (1 to 48 letters, digits, or . _ -), which this node may run when it gives
  /// `make` (caf_singleton.hpp). The same handle each time; it goes down when the node stops. Again with `make`, after
  /// a call without, adds it. errc::invalid_argument for a bad name or options, and for a second `make`;
  /// errc::unavailable when the node leaves or stops.
  [[nodiscard]] virtual expected<caf::actor> singleton(const std::string& name, singleton_factory make = nullptr,
                                                       const singleton_options& o = {}) = 0;

  /// The actor that a node shows under a name of its own choice; found by name and member, not by the registry.
  virtual expected<void> publish(const std::string& name, const caf::actor& actor) = 0;
  /// Made at once: goes down with errc::not_found when the member has no such name. errc::not_found when there is no
  /// such member, errc::unavailable when it cannot be reached.
  [[nodiscard]] virtual expected<caf::actor> find(const std::string& member, const std::string& name) = 0;
};

}  // namespace troupe
