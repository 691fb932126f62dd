// Which connections of one I/O thread listen to what. On that thread only, but for count().
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <string_view>
#include <vector>

#include "runtime/pubsub/topic.hpp"

namespace troupe::resp {

class connection;

class lane_subscribers {
 public:
  /// Each connection once for a topic; it is removed before it ends.
  void add(const pubsub::topic_view& t, connection& c);
  void remove(const pubsub::topic_view& t, connection& c);

  /// Gives a message to all connections that listen; how often it was given.
  std::size_t deliver(pubsub::topic_kind kind, std::string_view channel, std::string_view payload);

  /// Subscriptions; from any thread.
  [[nodiscard]] std::size_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  std::map<pubsub::topic, std::vector<connection*>, pubsub::topic_order> topics_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace troupe::resp
