// Channels as a door sees them: it says what its clients listen to, publishes, and is given the messages of other
// nodes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/pubsub/pubsub_message.hpp"

namespace troupe {

class pubsub_access {
 public:
  using batch = std::shared_ptr<const std::vector<pubsub::channel_message>>;

  virtual ~pubsub_access() = default;

  /// One more (1) or fewer (-1) client of this node listens.
  virtual void change(const pubsub::topic_view& t, std::int64_t by) = 0;

  struct receivers {
    std::uint64_t here = 0;    // clients of this node: the caller gives them the message
    std::uint64_t others = 0;  // clients of other nodes as known: it is on its way to them
  };
  [[nodiscard]] virtual receivers publish(pubsub::topic_kind kind, std::string_view channel,
                                          std::string_view payload) = 0;

  /// On all nodes, as known.
  [[nodiscard]] virtual std::uint64_t listeners(const pubsub::topic_view& t) const = 0;
  [[nodiscard]] virtual std::set<std::string> names(pubsub::topic_kind kind) const = 0;

  /// `deliver` is called on I/O threads with what other nodes published, in each one's order; null: no more.
  virtual void on_messages(std::function<void(batch)> deliver) = 0;
};

}  // namespace troupe
