// A node in your process: what the program `troupe node` runs, as a library.
//
// A node owns its threads and sockets, installs no signal handler, never ends the process and
// touches no global logger or registry. Destroying it stops it at once; leave() departs gracefully.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <troupe/cache.hpp>
#include <troupe/cache_loader.hpp>
#include <troupe/cluster.hpp>
#include <troupe/config.hpp>
#include <troupe/database.hpp>
#include <troupe/entities.hpp>
#include <troupe/error.hpp>
#include <troupe/event.hpp>
#include <troupe/fenced.hpp>
#include <troupe/journal.hpp>
#include <troupe/leader_store.hpp>
#include <troupe/lock.hpp>
#include <troupe/module.hpp>
#include <troupe/query.hpp>

namespace caf {
class actor_system_config;
}

namespace troupe {

class cluster_actors;

/// Where a started node listens; empty when the service is off.
struct node_addresses {
  std::string http;
  std::string resp;
  std::string cluster;
};

struct cache_loading {
  cache_loader load;
  loader_options options{};
};

/// Actors of the application's own (caf_actors.hpp).
struct actor_options {
  /// Registers message and actor types; called once, before the actor system is made. It leaves scheduler.* alone; what
  /// it throws is errc::bad_config.
  std::function<void(caf::actor_system_config&)> configure{};
  /// Called once, before the node takes part in the cluster: the place to add grain types. What it throws is
  /// errc::bad_config.
  std::function<void(cluster_actors&)> prepare{};
  std::uint32_t threads = 0;              // of their scheduler; 0: one for each core, at most 8
  std::uint32_t spawned_max = 1'000'000;  // alive at this node, of those that were spawned by name
  /// An actor whose message came alone from another node runs on the I/O thread that read it, so that no second thread
  /// wakes; should it stay longer than some milliseconds, another thread goes on with that I/O. So two of them may run
  /// at once even where `threads` is 1. False: actors run on `threads` only.
  bool run_on_arrival = true;
};

/// What an embedder brings along.
struct node_options {
  /// A leader store of the embedder's own in the place of kvs.type; all members use the same one.
  std::shared_ptr<leader_store> store;
  /// By typeName; for the service entities. An entity that the model does not have is errc::bad_config.
  entity_extensions entities;
  /// By the name of a cache: what loads its values (cache_loader.hpp). errc::bad_config for one that set_loader
  /// refuses.
  std::map<std::string, cache_loading> loaders{};
  /// With it the node takes part in actors: node::actors(). It shows the tag `actors`.
  std::optional<actor_options> actors{};
  /// Services of the embedder's own (module.hpp). Two of one name, an import of itself, circles at one node and keys
  /// that a module does not know are errc::bad_config. The context lists every fault.
  std::vector<module> modules{};
};

class node {
 public:
  using event_callback = std::function<void(const event&)>;

  /// Starts a node and returns when its doors are open. errc::bad_config when `c` is unsound,
  /// errc::unavailable when an address cannot be bound (the context names it), errc::storage_failed
  /// when the data directory cannot be used.
  [[nodiscard]] static expected<node> start(config c);
  [[nodiscard]] static expected<node> start(config c, node_options options);
  /// With node_options::store.
  [[nodiscard]] static expected<node> start(config c, std::shared_ptr<leader_store> store);

  node(node&&) noexcept;
  node& operator=(node&&) noexcept;
  ~node();

  /// Blocks until the node is ready (a leader is known, a PID given, shards in sync) or the deadline
  /// passes: errc::deadline_exceeded with the reasons.
  [[nodiscard]] expected<void> wait_ready(duration deadline = std::chrono::seconds(10));

  /// A handle for the cache `name`; errc::not_found when it is not declared.
  [[nodiscard]] expected<troupe::cache> open_cache(const std::string& name = "default");

  /// From now on values of the cache that are asked for and not there are loaded by `load`, when this node is the
  /// primary of their shard (cache_loader.hpp). errc::not_found for a cache that is not declared;
  /// errc::invalid_argument for one that has a loader or that a database backs, and for options out of bounds.
  expected<void> set_loader(const std::string& cache, cache_loader load, const loader_options& options = {});

  /// The database namespace `name` of a service of yours ([a-z][a-z0-9_]*), made when it is not there; blocks. With
  /// SQLite its migrations are applied before this returns; with PostgreSQL the leader applies them, and calls answer
  /// errc::unavailable until it has. Without `migrations` they are read from db.migrations. errc::bad_config for an
  /// applied one that has changed, errc::unavailable when this node does not run the service db.
  [[nodiscard]] expected<database> open_database(const std::string& name, std::vector<migration> migrations = {});
  /// The same with a journal in it (journal.hpp), in the node's log and metrics. The application's own tables beside it
  /// need journal::tables() among the migrations. Open it once and copy the handle.
  [[nodiscard]] expected<journal> open_journal(const std::string& name,
                                               std::vector<migration> migrations = {journal::tables()},
                                               const journal_options& o = {});

  /// The application's actors, here and elsewhere (<troupe/caf_actors.hpp>). Only of a node that was started with
  /// node_options::actors: otherwise asking is a programmer's error. Valid until the node is destroyed.
  [[nodiscard]] cluster_actors& actors();

  [[nodiscard]] std::shared_ptr<const cluster_view> view() const;
  [[nodiscard]] node_addresses addresses() const;
  [[nodiscard]] const config& settings() const;

  /// Calls `f` for each later event, on a thread of the node, in order. It must not block. The order is that
  /// of event::sequence, so what happened to one member comes in the order in which this node saw it.
  void on_event(event_callback f);

  /// Says a user event to every member, this one included: event `user_event` with name, payload, ltime and
  /// origin, once in each process. At most 64 and 512 bytes; its Lamport time. errc::unavailable above 10 a
  /// second. The calls from here to round_trip() block for a moment: not from a thread of the node.
  [[nodiscard]] expected<std::uint64_t> raise_event(std::string name, std::string payload = {});
  /// Asks all members that match, and blocks until they answered or the query's timeout passed.
  [[nodiscard]] expected<query_result> ask(query q);
  /// Answers queries here, before scripts of events.handlers do; the first handler with an answer counts.
  void on_query(query_handler h);
  /// Changes tags of this node as the others see them, until the process ends; all tags after the change.
  [[nodiscard]] expected<std::map<std::string, std::string>> change_tags(std::map<std::string, std::string> set,
                                                                         std::vector<std::string> erase = {});
  /// Has the lead handed to the member of this name, or to the highest-ranked other one if it is empty; any node
  /// may ask. Returns the new leader's name when it leads. errc::not_found, errc::unavailable with the reason.
  [[nodiscard]] expected<std::string> hand_over_lead(std::string to = {});
  /// The estimated round trip between two members, by name; errc::not_found while it is not known here.
  [[nodiscard]] expected<duration> round_trip(std::string a, std::string b) const;

  /// The token of this node's own term, to be shown to what it writes to as the leader. errc::unavailable when it
  /// does not lead. view()->leader_now says whether terms are fenced at all.
  [[nodiscard]] expected<fenced> fencing_token() const;

  /// Takes a lock or a permit of a semaphore; blocks for at most request.wait and a moment. errc::condition_failed
  /// when others hold it and the request does not wait, errc::deadline_exceeded when it waited in vain,
  /// errc::unavailable without a leader, errc::invalid_argument.
  [[nodiscard]] expected<held_lock> lock(lock_request request);
  /// Campaigns for a role of the cluster ("reports"): `f` is told, on a thread of the node and so without blocking,
  /// when this node has the role from now on, and when it has it no more. Until resign_role() or the end of the
  /// node. Who has a role that is not heard of loses it after `ttl`.
  expected<void> lead(std::string role, role_callback f, duration ttl = std::chrono::seconds(5));
  expected<void> resign_role(std::string role);

  /// Departs gracefully: hands over, drains what is in flight, then stops. Bounded by node.drain_timeout;
  /// errc::deadline_exceeded when something had to be cut off (the node is stopped all the same).
  expected<void> leave();

  /// Stops; only singletons are handed over. Idempotent. Neither this nor leave() from an actor's handler: they wait
  /// for it, and give it up after some seconds.
  void stop();

  /// True once the node was asked to leave from outside (POST /v1/cluster/leave).
  [[nodiscard]] bool leave_requested() const;

 private:
  friend class local_cluster;
  class runner;
  explicit node(std::unique_ptr<runner> r);
  std::unique_ptr<runner> runner_;
};

}  // namespace troupe
