// Actors found by what they do: registered under a key at any node, found at every node.
//
//   cluster.registry().add("printer", printer);                                       // at one node
//   auto printer = cluster.registry().one("printer", troupe::where::nearest());       // at another
//   auto watch = cluster.registry().subscribe("printer", [](const troupe::listing& now) { ... });
//
// The picture: every node holds the whole registry and looks into its own copy, which follows the others within
// moments. An entry goes with its actor and with its node. Who is found may have ended a moment ago: a request says so,
// a monitor too. A handle does not outlive its node's membership; look again, it costs nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <caf/actor.hpp>

#include <troupe/error.hpp>
#include <troupe/where.hpp>

namespace troupe {

struct registered_actor {
  caf::actor actor;
  std::string member;  // the name of its node
};
using listing = std::vector<registered_actor>;

/// Ends what it stands for with its last copy, or by end(); not from within the callback.
class registry_subscription {
 public:
  registry_subscription() = default;
  explicit registry_subscription(std::shared_ptr<void> held) : held_(std::move(held)) {}
  void end() { held_.reset(); }

 private:
  std::shared_ptr<void> held_;
};

/// Thread-safe; nothing here waits for other nodes.
class registry {
 public:
  virtual ~registry() = default;

  /// Shows an actor of this node under `key` (1 to 128 bytes) until it ends or is removed; it may have several keys.
  /// errc::invalid_argument for a bad key or an actor of another node; errc::unavailable when this node has 16384
  /// entries, leaves or stops.
  virtual expected<void> add(const std::string& key, const caf::actor& actor) = 0;
  /// Does nothing when it is not there.
  virtual void remove(const std::string& key, const caf::actor& actor) = 0;

  /// Those on members that `w` allows, in the order in which `w` would take them; least_loaded counts as any. Empty
  /// when there is none.
  [[nodiscard]] virtual listing find(const std::string& key, const where& w = where::all()) const = 0;
  /// The first of them. errc::not_found.
  [[nodiscard]] expected<caf::actor> one(const std::string& key, const where& w = where::any()) const {
    auto found = find(key, w);
    if (found.empty()) return fail(errc::not_found, "no actor is registered as " + key);
    return std::move(found.front().actor);
  }

  using callback = std::function<void(const listing&)>;
  /// Tells all that are registered under `key`: now, and after each change, changes of a moment together. On a thread
  /// of the node: it must not block. Ends with the returned object; a call may be under way then.
  [[nodiscard]] virtual registry_subscription subscribe(const std::string& key, callback f) = 0;
  /// The same as messages to an actor of this node, until it ends: (std::string key, std::vector<caf::actor>).
  virtual void subscribe(const std::string& key, const caf::actor& listener) = 0;
};

}  // namespace troupe
