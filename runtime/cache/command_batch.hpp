// The wire form of commands that travel to the owner of their shards, and of the replies that come
// back (runtime/proto/troupe/wire/cache.proto): many in one message, in order.
//
// Decoding refuses whatever was cut off, and allocates no more than a few times what the message
// holds. It does NOT know whether a cache exists, nor the limit of values: the owner's router does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>

#include "runtime/cache/command.hpp"

namespace troupe {

inline constexpr std::size_t batch_commands_max = 512;
inline constexpr std::size_t cache_name_bytes_max = 256;
/// Longest time to its deadline that a receiver believes.
inline constexpr duration forward_deadline_max = std::chrono::hours(1);
/// What is left of a reply's context on the wire.
inline constexpr std::size_t reply_context_bytes_max = 256;

/// The version of a get is the session of the sender's near cache (near_cache.hpp); 0: it keeps nothing.
struct batched_command {
  cache_command command;  // its cache id means nothing on another node
  std::string_view cache;
  duration left{};  // until the deadline; rounded up to milliseconds on the wire
};

struct command_batch {
  troupe::stamp stamp;
  std::vector<batched_command> commands;  // views into the bytes that were decoded
};

struct reply_batch {
  troupe::stamp stamp;
  std::vector<owned_reply> replies;
  std::vector<bool> told;  // of each: the owner tells the asker's near cache of later changes
};

[[nodiscard]] std::string encode_commands(const stamp& s, const std::vector<batched_command>& commands);
/// errc::corrupt: cut off, no or more than batch_commands_max commands, an unknown operation or
/// condition, a name or key beyond its limit.
[[nodiscard]] expected<command_batch> decode_commands(std::string_view bytes);

[[nodiscard]] std::string encode_replies(const stamp& s, const std::vector<owned_reply>& replies,
                                         const std::vector<bool>& told = {});
/// errc::corrupt: cut off, more than batch_commands_max replies, an unknown code.
[[nodiscard]] expected<reply_batch> decode_replies(std::string_view bytes);

}  // namespace troupe
