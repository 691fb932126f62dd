// GET /v1/events/ws: the events of this node over a WebSocket (RFC 6455), one text message of JSON each.
//
// The session hands its socket over after the request; from then on the connection stays on the lane's thread
// as a tenant. Pings, pongs and closing are Beast's. What the client says is read and passed over. A client
// that does not keep up is closed; it resumes with ?after=SEQUENCE.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "gateways/http/event_queue.hpp"
#include "gateways/http/event_stream.hpp"
#include "gateways/http/lane.hpp"

namespace troupe {

struct event_socket_request {
  static constexpr duration handshake_max = std::chrono::seconds(10);
  static constexpr duration silence_max = std::chrono::seconds(30);  // half of it without a word: a ping
  static constexpr std::size_t message_bytes_max = 1024;             // from the client

  std::string target;  // of the request, and the fields of its handshake
  std::string host;
  std::string key;
  event_queue::kinds kinds;
  std::uint64_t resume_after = UINT64_MAX;
};

/// On the lane's thread. `hub` outlives the lane.
void serve_event_socket(boost::asio::ip::tcp::socket socket, std::shared_ptr<http_lane> lane, event_socket_request r,
                        event_hub& hub, std::shared_ptr<event_stream_counts> counts);

}  // namespace troupe
