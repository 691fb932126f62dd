// What the composition root lends to a door. Everything outlives the door.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <troupe/config.hpp>

#include "actors/cluster_board.hpp"
#include "actors/event_hub.hpp"
#include "actors/io_pool.hpp"
#include "actors/keyring/keyring_access.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/cache_access.hpp"
#include "runtime/modules/explanation.hpp"

namespace troupe {

class cluster_calls;
class database_admin;
class entity_service;
class kvs_access;
class link_table;
class pubsub_access;

struct door_context {
  const config& settings;
  io_pool& io;
  event_log& log;
  metrics& numbers;
  event_hub& events;
  cluster_board& board;
  cache_access& caches;
  std::function<void()> request_leave;  // POST /v1/cluster/leave; returns at once
  keyring_access* keyring = nullptr;    // none in a cluster without a secret
  /// POST /v1/cluster/force-leave; false when it cannot be taken now. The outcome is an event.
  std::function<bool(std::string name)> force_leave{};
  /// Events, queries, tags, round trips; none: their routes answer 503.
  cluster_calls* calls = nullptr;
  /// The key-value service; none: its routes answer 503.
  kvs_access* kvs = nullptr;
  /// Channels of all nodes; none: the door has channels of its own.
  pubsub_access* channels = nullptr;
  /// The databases of this node; none: their routes answer 503.
  database_admin* databases = nullptr;
  /// Rows by the model; none: their routes answer 503.
  entity_service* entities = nullptr;
  /// To other nodes, for what this one does not serve; none on a node that is alone by configuration.
  link_table* link = nullptr;
  /// Why a service or a module runs or does not; nothing for a name that nobody here knows.
  std::function<std::optional<explanation>(const std::string& name)> why{};
};

/// A listening door: HTTP, RESP. Opened and closed by the composition root.
class door {
 public:
  virtual ~door() = default;

  /// Binds and accepts. errc::unavailable with the address when it cannot be bound.
  [[nodiscard]] virtual expected<void> open() = 0;

  /// The bound address with its real port.
  [[nodiscard]] virtual std::string address() const = 0;

  /// Accepts no more and lets what is in flight finish; `done` runs once, when the last answer is
  /// out (idle connections are closed at once).
  virtual void drain(std::function<void()> done) = 0;

  /// Closes everything now. Called after the I/O threads were stopped or from outside them.
  virtual void close() = 0;
};

}  // namespace troupe
