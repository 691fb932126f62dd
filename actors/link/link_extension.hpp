// What rides on one peer besides requests and cluster messages: the actor directory's session.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include <troupe/error.hpp>

#include "runtime/link/frame.hpp"
#include "runtime/link/peer_identity.hpp"

namespace troupe {

class link_peer;

class link_extension {
 public:
  virtual ~link_extension() = default;

  /// The peer is proven and connected, for the first time; no frame came before.
  virtual void on_up(const peer_identity& peer) = 0;

  /// An actor frame, on the connection's I/O thread. errc::corrupt closes the connection.
  [[nodiscard]] virtual expected<void> on_frame(frame_type type, std::string_view payload) = 0;

  /// Every frame of one read was given, so many; on the same thread.
  virtual void on_batch_end(std::uint64_t frames) = 0;

  /// The peer is lost for good; called once, from any thread, without locks. Frames may still be
  /// delivered during the call.
  virtual void on_lost(const error& why) = 0;

  /// Something here waits for the peer: a connection closed for idleness is opened again.
  [[nodiscard]] virtual bool busy() const = 0;
};

using link_extension_factory = std::function<std::shared_ptr<link_extension>(const std::shared_ptr<link_peer>&)>;

}  // namespace troupe
