// The bytes that ride on gossip (protobuf, runtime/proto/troupe/wire/talk.proto). Everything from outside is
// checked here; what passes decode_talk() is well-formed, though it may still be a lie.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/membership/announcements.hpp"
#include "runtime/membership/coordinates.hpp"
#include "runtime/membership/packet.hpp"

namespace troupe::membership {

struct comparison {
  std::uint64_t floor = 0;
  std::vector<announcements::mention> known;
  bool reply = false;
};

struct query_reply {
  std::uint64_t time = 0;  // of the query
  bool handled = false;
  std::string payload;
};

struct talk_bundle {
  std::vector<announcement> heard;  // in order of their ids
  std::optional<coordinate> place;
  std::uint64_t clock = 0;  // of a state: the next Lamport time of the sender
  std::optional<comparison> compared;
  std::optional<query_reply> reply;
};

/// errc::corrupt when malformed or beyond a limit.
[[nodiscard]] expected<talk_bundle> decode_talk(std::string_view bytes);

[[nodiscard]] std::string encode_talk(const talk_bundle& b);

/// Adds an encoded announcement to an encoded Talk; false, and no change, above `bytes_max`.
bool append_announcement(std::string& talk_bytes, std::string_view encoded, std::size_t bytes_max);

}  // namespace troupe::membership
