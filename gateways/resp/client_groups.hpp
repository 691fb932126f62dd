// How a command reaches the connections of other threads: each thread's connections are a group, and work is sent
// to the thread. In a door the groups are its lanes; a connection without a socket has none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <troupe/time.hpp>

#include "runtime/base/function_ref.hpp"
#include "runtime/pubsub/topic.hpp"

namespace troupe::resp {

class connection;

/// What a socket knows of itself.
struct socket_state {
  std::string peer;  // "ip:port"
  std::string local;
  int descriptor = -1;
  duration age{};
  duration idle{};
  std::size_t received = 0;      // bytes that wait to be understood
  std::size_t receive_room = 0;  // beyond them
  std::size_t to_send = 0;       // bytes of replies
};

class client_group {
 public:
  virtual ~client_group() = default;
  /// Connections must not be ended inside, only asked to end.
  virtual void each(function_ref<void(connection&)> visit) = 0;
  /// Those that CLIENT PAUSE holds up look again.
  virtual void look_at_paused() = 0;
  /// A message of a channel, to those that listen.
  virtual void deliver(pubsub::topic_kind kind, std::string_view channel, std::string_view payload) = 0;
};

class client_groups {
 public:
  virtual ~client_groups() = default;
  [[nodiscard]] virtual std::size_t count() const noexcept = 0;
  /// Runs `work` on the thread of group `i`, not before this call has returned or at once.
  virtual void visit(std::size_t i, std::function<void(client_group&)> work) = 0;
  /// Subscriptions in group `i`.
  [[nodiscard]] virtual std::size_t listeners(std::size_t i) const noexcept = 0;
};

}  // namespace troupe::resp
