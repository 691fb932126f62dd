// The actors that a node shows to others, and the handles of theirs: the same caf::actor whether it
// lives here or there. request/then, delegate, monitor, link and anonymous sends work across nodes.
//
// What differs from a local actor, and always will: a message may be lost with its node; a handle
// dies with its node and is never revived (find the actor again); handles of two nodes in one process
// must not share a container (CAF compares them by actor id).
// Only actors whose handle was given away (as sender, in a message, by name) can be reached by peers.
#pragma once

#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include "actors/link/actor_session.hpp"
#include "actors/link/link_table.hpp"

namespace troupe {

class actor_directory : public std::enable_shared_from_this<actor_directory> {
 public:
  static constexpr std::size_t exports_max = 1 << 20;

  /// Rides on `link`, which must not have been started; `io` runs what must wait for CAF's locks; `log`, if any,
  /// outlives the directory. `run_on_arrival`: whose message came alone runs on the connection's thread (io_loop).
  [[nodiscard]] static std::shared_ptr<actor_directory> open(caf::actor_system& system,
                                                             const std::shared_ptr<link_table>& link,
                                                             boost::asio::io_context& io, event_log* log = nullptr,
                                                             bool run_on_arrival = true);

  /// Shows an actor under a name until it ends. errc::invalid_argument when the name is taken.
  [[nodiscard]] expected<void> publish(std::string_view name, const caf::actor& actor);
  void unpublish(std::string_view name);

  /// Shows an actor of this node by its own id until it ends or unpin() was called as often. errc::invalid_argument for
  /// an actor of another node, errc::unavailable.
  [[nodiscard]] expected<void> pin(const caf::actor& actor);
  void unpin(std::uint64_t id);
  /// The handle of a pinned actor of a member, this node included; null when it is not there or its node not reachable.
  [[nodiscard]] caf::actor pinned(const link_target& member, std::uint64_t id);

  /// The handle of `name` at a member, made at once: it dies with errc::not_found when the name turns
  /// out to be unknown there. `member` names an incarnation. errc::unavailable as link_table::peer,
  /// errc::not_found when the member is this node and has no such name.
  [[nodiscard]] expected<caf::actor> find(const link_target& member, std::string_view name);

  /// As find, but asks first; `done` runs once, on any thread.
  void lookup(const link_target& member, std::string_view name, time_point deadline,
              std::function<void(expected<caf::actor>)> done);

  /// Every handle of a remote actor dies, nothing of this node is reachable any more. Before the actor
  /// system ends.
  void close();

  // Of the sessions.
  [[nodiscard]] caf::actor_system& system() noexcept { return system_; }
  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
  [[nodiscard]] bool run_on_arrival() const noexcept { return run_on_arrival_; }
  [[nodiscard]] incarnation_id self() const;
  [[nodiscard]] caf::strong_actor_ptr local(std::uint64_t id) const;
  [[nodiscard]] bool add_export(std::uint64_t id, const caf::strong_actor_ptr& actor,
                                const std::shared_ptr<actor_session>& watcher);
  /// False when nothing is known under the id.
  [[nodiscard]] bool watch(std::uint64_t id, const std::shared_ptr<actor_session>& watcher);
  void unwatch(const actor_session& watcher, const std::vector<std::uint64_t>& ids);
  [[nodiscard]] caf::strong_actor_ptr foreign(const link_target& node, std::uint64_t id);

  [[nodiscard]] const std::shared_ptr<dead_letters>& letters() const noexcept { return letters_; }
  [[nodiscard]] std::size_t exports() const;

 private:
  struct exported {
    caf::strong_actor_ptr actor;
    std::string name;  // when published
    std::uint32_t pins = 0;
    std::vector<std::weak_ptr<actor_session>> watchers;
  };

  actor_directory(caf::actor_system& system, const std::shared_ptr<link_table>& link, boost::asio::io_context& io,
                  event_log* log, bool run_on_arrival);
  void watch_end_of(const caf::strong_actor_ptr& actor, std::uint64_t id);
  void on_ended(std::uint64_t id, caf::actor_id who, const caf::error& reason);
  void on_lookup(const link_request& request, link_responder responder);

  caf::actor_system& system_;
  const std::weak_ptr<link_table> link_;
  boost::asio::io_context& io_;
  const std::shared_ptr<dead_letters> letters_;
  const bool run_on_arrival_;

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::uint64_t, exported> exports_;
  std::vector<std::weak_ptr<actor_session>> sessions_;
  bool closed_ = false;
};

}  // namespace troupe
