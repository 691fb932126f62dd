// The packets of gossip and their bytes (protobuf, runtime/proto/troupe/wire/membership.proto).
//
// Everything from outside is checked here: sizes, counts, unknown kinds and states, empty names. What
// passes decode() is well-formed, though it may still be a lie.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>

#include "runtime/membership/member.hpp"

namespace troupe::membership {

inline constexpr std::uint32_t protocol_version = 1;
inline constexpr std::size_t packet_bytes_max = 1400;  // fits an Ethernet frame with room for encryption
inline constexpr std::size_t update_bytes_max = 1000;  // one member with all its attributes
inline constexpr std::size_t talk_header_bytes = 4;    // tag and length of what rides on a packet
inline constexpr std::size_t talk_bytes_max = 1150;    // of it in a packet of its own
inline constexpr std::size_t updates_max = 256;        // in one packet
inline constexpr std::uint32_t patience_ms_max = 600'000;
inline constexpr std::size_t text_bytes_max = 256;  // of a refusal, of a cluster's name

enum class packet_kind : std::uint8_t { news, ping, ack, ping_request, join, refusal, state_hash, state, nack };

enum class join_refusal : std::uint8_t {
  none,
  cluster_name,
  protocol,
  expected_members,
  no_joiners,
  name_in_use,
  departed,
  full
};

/// E.g. "name_in_use".
[[nodiscard]] std::string_view name_of(join_refusal r) noexcept;

struct packet {
  std::uint32_t protocol = protocol_version;
  std::uint32_t cluster = 0;
  std::string from;
  incarnation_id from_id;
  std::string digest;
  packet_kind kind = packet_kind::news;
  std::uint64_t sequence = 0;
  std::string target;
  incarnation_id target_id;
  std::string target_address;
  std::uint32_t patience_ms = 0;  // ping_request: a NACK is of use for so long; 0: none is wanted
  std::uint64_t hash = 0;
  bool want = false;
  bool welcome = false;
  join_refusal refusal = join_refusal::none;
  std::string text;
  std::string cluster_name;
  std::uint32_t expected_members = 0;
  std::vector<update> updates;
  std::string talk;  // of the rider (gossip_rider.hpp), not looked into
};

/// The packet without room limits; updates usually follow by append_update.
[[nodiscard]] std::string encode(const packet& p);

/// One update alone, to be kept and appended to many packets.
[[nodiscard]] std::string encode(const update& u);

/// Adds an encoded update to an encoded packet; false, and no change, when it would exceed packet_bytes_max.
bool append_update(std::string& packet_bytes, std::string_view update_bytes);

/// Adds what rides to an encoded packet that has nothing riding yet; false when it would exceed packet_bytes_max.
bool append_talk(std::string& packet_bytes, std::string_view talk);

/// errc::too_large beyond packet_bytes_max, errc::corrupt when malformed. A packet of another protocol
/// version comes back with `protocol` set and, where they could be read, the fields of a join.
[[nodiscard]] expected<packet> decode(std::string_view bytes);

/// Tells two clusters apart in every packet: of the name and the expected members.
[[nodiscard]] std::uint32_t cluster_hash(std::string_view name, std::uint32_t expected_members) noexcept;

}  // namespace troupe::membership
