// The wire form of what nodes tell each other about channels (runtime/proto/troupe/wire/pubsub.proto).
//
// Decoding refuses whatever was cut off, and allocates no more than a few times what the message holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/pubsub/interest_ledger.hpp"

namespace troupe::pubsub {

inline constexpr std::size_t batch_messages_max = 4096;

struct channel_message {
  topic_kind kind = topic_kind::channel;  // never pattern
  std::string channel;
  std::string payload;
};

/// One of the two.
struct pubsub_message {
  interest_update update;
  std::vector<channel_message> messages;  // not empty: these were sent
};

[[nodiscard]] std::string encode(const interest_update& u);
[[nodiscard]] std::string encode(const std::vector<channel_message>& messages);
/// errc::corrupt: cut off, beyond a limit, an unknown kind, versions that go back.
[[nodiscard]] expected<pubsub_message> decode_pubsub(std::string_view bytes);

[[nodiscard]] std::string encode_pubsub_answer(std::uint64_t version);
[[nodiscard]] expected<std::uint64_t> decode_pubsub_answer(std::string_view bytes);

}  // namespace troupe::pubsub
