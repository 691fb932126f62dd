// Messages that arrive: from a sender to a receiver of the same name, at whatever node that is, across lost links.
//
//   cluster.delivery().receiver("orders", warehouse);              // at one node: hands messages to an actor there
//   auto orders = cluster.delivery().sender("orders");             // at another
//   me->request(*orders, caf::infinite, order).then([](caf::ok_atom) { ... handled ... },
//                                                   [](const caf::error& e) { ... unavailable: slow down ... });
//
// The sender is an actor: whatever message it is sent, it delivers, and answers when the receiving actor has handled
// it. It keeps a bounded number; beyond that a request is answered errc::unavailable at once. While both endpoints
// live, each message is handled exactly once, in the order in which the sender took them. When the receiver's process
// was replaced, what it had handled without acknowledging may be handled again: at least once. Nothing is on disk: what
// waits at a sender ends with it. docs/ACTORS.md has the guarantees in full.
#pragma once

#include <cstddef>
#include <string>

#include <caf/actor.hpp>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct delivery_options {
  std::size_t message_bytes_max = 16 * 1024 * 1024;       // at most 64 MiB; larger than piece_bytes crosses in pieces
  std::size_t waiting_max = 1'000;                        // messages taken and not handled, at most 65536
  std::size_t waiting_bytes_max = 64 * 1024 * 1024;       // of them; a single one may be larger
  std::size_t window_bytes = 4 * 1024 * 1024;             // on their way at a time; a single message may be larger
  std::size_t piece_bytes = 256 * 1024;                   // at most a mebibyte
  duration retry_first = std::chrono::milliseconds(200);  // without progress, until something is sent again; doubles
  duration retry_most = std::chrono::seconds(5);
};

/// Thread-safe.
class deliveries {
 public:
  static constexpr std::size_t name_bytes_max = 100;

  virtual ~deliveries() = default;

  /// An actor that delivers what it is sent to the receiver of that name: it waits for one to appear, stays with it as
  /// long as it is there, and then takes another. It lives as long as somebody has its handle or something waits. A
  /// request is answered
  ///   caf::ok_atom            the receiving actor has handled it
  ///   its code                it has answered with an error (one that has no handler for it: errc::not_implemented)
  ///   errc::unavailable       too much waits: not taken
  ///   errc::too_large, errc::invalid_argument   a message that cannot travel, as of topics::publish
  ///   errc::not_implemented   its type is not registered at the receiver's node
  ///   errc::outcome_unknown   the sender has ended before
  /// What was only sent, and is not taken, is dropped and counted. errc::invalid_argument for a name of no or more than
  /// name_bytes_max bytes, or options out of range.
  [[nodiscard]] virtual expected<caf::actor> sender(const std::string& name, const delivery_options& o = {}) = 0;

  /// Registers a receiver of that name at this node, which hands messages to `target`, an actor of this node, as
  /// requests, and takes the answer for "handled". It holds its target, and ends with it or when it is sent an exit.
  /// Several receivers of a name serve different senders, or the same one after the other. Errors as registry::add.
  virtual expected<caf::actor> receiver(const std::string& name, const caf::actor& target) = 0;
};

}  // namespace troupe
