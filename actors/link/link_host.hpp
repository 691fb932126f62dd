// What peers and connections of the link ask of the table that owns them. May be called from any
// thread; the handshake's questions are answered later, on the table's home thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "actors/link/link_counters.hpp"
#include "actors/link/link_settings.hpp"
#include "runtime/link/handshake.hpp"

namespace troupe {

class link_connection;
class link_peer;

/// How a connection came to its end.
struct connection_end {
  error why;
  link_refusal refusal = link_refusal::none;  // in the handshake
  bool refused_by_peer = false;
  bool silent = false;  // nothing was heard for too long: it says nothing of the peer's process
  bool nobody = false;  // the dialled host refused: nothing listens there
  bool idle = false;    // both ends agreed to close it; the peer is not lost
  peer_identity peer;   // proven, or empty
};

class link_host {
 public:
  using connection_ptr = std::shared_ptr<link_connection>;
  using peer_ptr = std::shared_ptr<link_peer>;

  virtual ~link_host() = default;

  [[nodiscard]] virtual const link_settings& settings() const noexcept = 0;
  [[nodiscard]] virtual handshake_settings handshake_words() const = 0;
  [[nodiscard]] virtual link_counters& counters() noexcept = 0;
  [[nodiscard]] virtual std::uint64_t next_request_id() noexcept = 0;

  // Of a peer.
  virtual void want_connection(const peer_ptr& peer) = 0;
  virtual void want_sweep() = 0;
  virtual void on_request(const peer_ptr& peer, std::uint64_t id, std::uint16_t kind, time_point deadline,
                          std::string_view body) = 0;
  virtual void on_cluster(const peer_identity& from, std::string_view bytes) = 0;

  // Of a connection.
  virtual void on_proven(const connection_ptr& c, const peer_identity& peer) = 0;
  virtual void on_welcomed(const connection_ptr& c, const peer_identity& peer) = 0;
  virtual void on_ready(const connection_ptr& c) = 0;
  virtual void on_ended(const connection_ptr& c, connection_end end) = 0;
};

}  // namespace troupe
