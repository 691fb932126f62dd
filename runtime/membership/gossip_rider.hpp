// What rides on gossip beside the news of members: bytes that swim carries and does not look into.
//
// The picture: news of members boards every packet first; the rider gets the room that is left and so can
// never starve it. While the rider says that something waits, rounds of gossip go on as they do for news.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/membership/member.hpp"
#include "runtime/membership/output.hpp"
#include "runtime/membership/packet.hpp"

namespace troupe::membership {

/// A packet of a member of this cluster, seen by the rider.
struct ride {
  const record& self;
  const packet& said;             // talk: what the sender's rider let ride
  std::string_view from_address;  // where an answer goes
  bool newcomer = false;          // this member was accepted by a cluster a moment ago, and this is its table
  /// Given with the answer to a direct ping over UDP.
  std::optional<duration> round_trip;
};

/// To one member alone, in a packet of its own.
struct ride_packet {
  std::string address{};  // empty: where `peer` is known to be
  std::string peer;       // its name
  incarnation_id id{};    // given: only this process of the name may have it
  channel how = channel::datagram;
  std::string bytes{};  // at most talk_bytes_max
};

class gossip_rider {
 public:
  virtual ~gossip_rider() = default;

  /// What is to ride on a packet of `kind` that leaves now: at most `room` bytes, or nothing. Each thing is
  /// sent `sendings_max` times by one member.
  [[nodiscard]] virtual std::string board(packet_kind kind, std::size_t room, std::uint32_t sendings_max) = 0;
  virtual void alight(const ride& r, time_point now) = 0;
  /// Something is to be gossiped.
  [[nodiscard]] virtual bool waits() const = 0;
  /// No other member lives: what waits has no hearers.
  virtual void drop_waiting() = 0;
  /// True once after something new came or was said here: a round and a comparison of tables should be soon.
  [[nodiscard]] virtual bool take_fresh() = 0;
  [[nodiscard]] virtual std::vector<ride_packet> take_packets() = 0;
};

}  // namespace troupe::membership
