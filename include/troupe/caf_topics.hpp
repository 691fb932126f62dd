// Topics across the cluster: whoever subscribes, at any node, gets what anybody publishes, at any node.
//
//   cluster.topics().subscribe(screen, "room/1");                              // every message
//   cluster.topics().subscribe(worker, "jobs", {.group = "workers"});          // shared by the group: each goes to one
//   cluster.topics().publish("room/1", caf::make_message(line));
//   cluster.topics().publish("price", caf::make_message(42), {.retain = true});  // the last one, for who comes later
//
// A subscriber is sent the message as it was published, from nobody. It gets it at most once; those of one publishing
// node and topic come in order, but for a retained value that is late: it says so. What waits for a subscriber is
// bounded: beyond it a rule decides, and the subscriber is told of the gap. A topic is there as soon as somebody names
// it. docs/ACTORS.md has the guarantees in full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/message.hpp>

#include <troupe/error.hpp>

namespace troupe {

/// What happens to a message for a subscriber that has `waiting_max` of them.
enum class topic_overflow : std::uint8_t {
  drop_oldest,
  drop_newest,
  unsubscribe,  // a topic_end tells it
};

struct subscribe_options {
  std::string group{};                               // empty: every message; otherwise one member of the group gets it
  std::size_t waiting_max = 1'000;                   // messages, 1 to 1000000
  std::size_t waiting_bytes_max = 16 * 1024 * 1024;  // of their contents as they travel
  topic_overflow overflow = topic_overflow::drop_oldest;
  /// Sends it a topic_gap where messages are missing, or one is late; it needs a handler for that.
  bool tell_gaps = true;
};

struct publish_options {
  /// Later subscribers get this one first, until another is retained or forget() is called.
  bool retain = false;
};

struct topic_reach {
  std::size_t here = 0;   // subscribers of this node that get it
  std::size_t nodes = 0;  // other nodes that it is on its way to
};

/// To a subscriber: messages are missing here.
struct topic_gap {
  std::string topic;
  std::uint64_t missed = 0;
  bool exact = true;  // false: perhaps more, perhaps none
  /// The message that follows is what is retained, and was published before others of its node that came already: this
  /// node joined after it was published, or it was missed. Who keeps a state by messages may have a newer one.
  bool late = false;
};

/// To a subscriber: it gets no more. errc::unavailable: its queue was full, or its node leaves.
struct topic_end {
  std::string topic;
  error why;
};

/// Thread-safe; nothing here waits for other nodes.
class topics {
 public:
  virtual ~topics() = default;

  /// At once to subscribers here, on its way to those elsewhere.
  ///   errc::invalid_argument  a topic that is none (1 to 255 bytes, no zero), or a message that cannot travel: empty,
  ///                           with an unregistered type, a float or an actor handle
  ///   errc::too_large         beyond a mebibyte
  ///   errc::unavailable       retained: 4096 topics or 64 MiB are; or the node stops
  virtual expected<topic_reach> publish(const std::string& topic, const caf::message& content,
                                        const publish_options& o = {}) = 0;
  /// Nothing is retained for the topic any more.
  virtual expected<void> forget(const std::string& topic) = 0;

  /// Sends an actor of this node what is published from now on (elsewhere: as soon as the other nodes know of it, a
  /// round trip), first what is retained, unless it joins a group. Until it ends or unsubscribes; the subscription
  /// holds it meanwhile. Once more changes nothing. errc::invalid_argument for a topic or group that is none, bounds
  /// out of range, or an actor of another node; errc::unavailable when this node has 65536, leaves or stops.
  virtual expected<void> subscribe(const caf::actor& subscriber, const std::string& topic,
                                   const subscribe_options& o = {}) = 0;
  /// What is on its way to the actor still arrives.
  virtual void unsubscribe(const caf::actor& subscriber, const std::string& topic, const std::string& group = {}) = 0;

  /// On all nodes, members of groups counted each, as known here.
  [[nodiscard]] virtual std::size_t subscribers(const std::string& topic) const = 0;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::topic_gap)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::topic_end)
