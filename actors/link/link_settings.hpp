// What the composition root decides about the cluster link. Every limit of actors/link is here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/time.hpp>

#include "actors/net/network_faults.hpp"
#include "runtime/link/peer_identity.hpp"

namespace troupe {

class link_carrier;

struct link_settings {
  std::string cluster = "troupe";
  std::string secret;  // empty when insecure
  /// Asked for each handshake when given: the secrets of now, the preferred first. From any thread.
  std::function<std::vector<std::string>()> secrets;
  std::uint64_t queue_max = 64 * mib;
  std::uint64_t frame_max = 4 * mib;
  std::uint64_t message_max = 65 * mib;  // one message, chunked or not: cache.value_max and its head
  duration idle_timeout = std::chrono::minutes(10);
  duration handshake_timeout = std::chrono::seconds(5);
  duration dial_timeout = std::chrono::seconds(3);  // name, connect and handshake
  duration backoff_min = std::chrono::milliseconds(100);
  duration backoff_max = std::chrono::seconds(5);
  std::uint32_t unauthenticated_max = 64;  // connections in their handshake; beyond it the oldest is closed
  std::uint32_t connections_max = 1024;
  std::uint32_t requests_max = 1u << 20;  // waiting for one peer

  /// Asked for each proven newcomer, on an I/O thread: the words of a refusal, or none.
  std::function<std::optional<std::string>(const peer_identity&)> admit;

  /// Of tests; a node has none.
  std::shared_ptr<network_faults> faults;
  /// Of a simulated node, in place of TCP.
  std::shared_ptr<link_carrier> carrier{};

  [[nodiscard]] static link_settings from(const config& c) {
    link_settings s;
    s.cluster = c.cluster.name;
    s.queue_max = c.cluster.link_queue_max;
    s.frame_max = c.cluster.frame_max;
    s.message_max = c.cache.value_max + mib;
    s.idle_timeout = c.cluster.link_idle_timeout;
    return s;
  }
};

}  // namespace troupe
