// What nodes tell each other about topics, and its wire form (runtime/proto/troupe/wire/topics.proto).
//
// Every message has the count of its publisher (a node), which rises, and is above all counts that this node has seen
// before: a Lamport clock. So (count, publisher) orders what is retained, the same at every node.
// Decoding refuses whatever was cut off or is beyond a limit, and allocates no more than a few times what it was given.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>

#include "runtime/pubsub/interest_ledger.hpp"

namespace troupe {

inline constexpr std::size_t topic_bytes_max = 255;                  // of a topic, and of a group
inline constexpr std::size_t topic_content_bytes_max = 1024 * 1024;  // of one message
inline constexpr std::size_t topic_batch_messages_max = 1024;        // in one packet
inline constexpr std::size_t topic_groups_max = 1024;                // that one message goes to at one node
inline constexpr std::uint64_t topic_count_max = std::uint64_t{1} << 62;
inline constexpr std::size_t retained_rows_max = 8'192;  // in one packet

/// 1 to topic_bytes_max bytes, none of them zero; so are groups.
[[nodiscard]] bool is_topic(std::string_view name) noexcept;

/// The bytes of a message, shared by all who get it.
using topic_content = std::shared_ptr<const std::string>;

struct topic_message {
  enum class kind : std::uint8_t {
    content,
    gone,    // the retained value is no more
    missed,  // nothing but `missed`
  };
  std::string topic;
  std::uint64_t count = 0;
  std::vector<std::string> groups{};  // rising
  bool retain = false;
  kind what = kind::content;
  topic_content content{};  // of kind content, never null
  std::uint32_t missed = 0;

  [[nodiscard]] std::size_t size() const noexcept {
    return sizeof(topic_message) + topic.size() + (content ? content->size() : 0);
  }
};

struct topic_stamp {
  std::uint64_t count = 0;
  incarnation_id publisher;

  auto operator<=>(const topic_stamp&) const = default;
};

/// The last value of a topic; no content: it was taken back.
struct retained_value {
  topic_stamp stamp;
  topic_content content;
};
struct retained_row {
  std::string topic;
  retained_value value;
};
struct retained_version {
  std::string topic;
  topic_stamp stamp;
};

struct retained_message {
  bool asks = false;  // whether the receiver has the same, by `sum`
  std::uint64_t sum = 0;
  bool whole = false;  // `known` is all that the sender has
  std::vector<retained_version> known;
  std::vector<retained_row> values;
  std::vector<std::string> wanted;
  bool more = false;  // not everything had room

  [[nodiscard]] bool empty() const noexcept { return !asks && !whole && values.empty() && wanted.empty() && !more; }
};

struct topic_packet {
  enum class kind : std::uint8_t { interest = 1, interest_answer = 2, messages = 3, retained = 4 };
  kind part = kind::messages;
  pubsub::interest_update update{};
  std::uint64_t version = 0;  // of interest_answer; of messages: the count at which a beginning anew stands
  bool anew = false;          // what was sent before that may not have arrived
  std::vector<topic_message> messages{};
  retained_message retained{};
};

/// What became of a packet.
enum class topic_outcome : std::uint8_t {
  answered,
  silence,  // it may have arrived
  refused,  // it never will
};

[[nodiscard]] std::string encode(const topic_packet& p);
/// errc::corrupt.
[[nodiscard]] expected<topic_packet> decode_topic_packet(std::string_view bytes);

}  // namespace troupe
