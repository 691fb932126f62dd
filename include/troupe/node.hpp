// A node in your process: what the program `troupe node` runs, as a library.
//
// A node owns its threads and sockets, installs no signal handler, never ends the process and
// touches no global logger or registry. Destroying it stops it at once; leave() departs gracefully.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <troupe/cache.hpp>
#include <troupe/cluster.hpp>
#include <troupe/config.hpp>
#include <troupe/error.hpp>
#include <troupe/event.hpp>

namespace troupe {

/// Where a started node listens; empty when the service is off.
struct node_addresses {
  std::string http;
  std::string resp;
  std::string cluster;
};

class node {
 public:
  using event_callback = std::function<void(const event&)>;

  /// Starts a node and returns when its doors are open. errc::bad_config when `c` is unsound,
  /// errc::unavailable when an address cannot be bound (the context names it), errc::storage_failed
  /// when the data directory cannot be used.
  [[nodiscard]] static expected<node> start(config c);

  node(node&&) noexcept;
  node& operator=(node&&) noexcept;
  ~node();

  /// Blocks until the node is ready (a leader is known, a PID given, shards in sync) or the deadline
  /// passes: errc::deadline_exceeded with the reasons.
  [[nodiscard]] expected<void> wait_ready(duration deadline = std::chrono::seconds(10));

  /// A handle for the cache `name`; errc::not_found when it is not declared.
  [[nodiscard]] expected<troupe::cache> open_cache(const std::string& name = "default");

  [[nodiscard]] std::shared_ptr<const cluster_view> view() const;
  [[nodiscard]] node_addresses addresses() const;
  [[nodiscard]] const config& settings() const;

  /// Calls `f` for each later event, on a thread of the node, in order. It must not block.
  void on_event(event_callback f);

  /// Departs gracefully: hands over, drains what is in flight, then stops. Bounded by node.drain_timeout;
  /// errc::deadline_exceeded when something had to be cut off (the node is stopped all the same).
  expected<void> leave();

  /// Stops without hand-over. Idempotent.
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
