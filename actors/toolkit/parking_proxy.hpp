// A handle of a singleton: an actor without a mailbox. What is sent to it goes on to its target at once, with its
// sender and its number, so that answers go straight back; while it has none, messages wait here, in their order,
// bounded in number and time. Each node has two for each singleton:
//
//   the proxy  for the application here; aimed at the gate of the node that runs the singleton
//   the gate   for the proxies of all nodes; aimed at the instance, while this node's hold is good
//
// Thread-safe. It does not know what is done with a message after it was passed on.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include <caf/actor_control_block.hpp>
#include <caf/actor_proxy.hpp>
#include <caf/mailbox_element.hpp>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "actors/link/dead_letters.hpp"

namespace troupe {

class parking_proxy final : public caf::actor_proxy {
 public:
  struct limits {
    std::size_t waiting_max;
    duration wait_max;
  };
  /// Beside the target's end. Looked at before each message, under its lock: false closes the proxy until it is aimed
  /// anew.
  using condition = std::function<bool()>;

  parking_proxy(caf::actor_config& cfg, const limits& l, std::shared_ptr<dead_letters> letters)
      : caf::actor_proxy(cfg), limits_(l), letters_(std::move(letters)) {}

  using caf::actor_proxy::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  void kill_proxy(caf::execution_unit* host, caf::error reason) override;

  /// Called, without a lock, when a first message waits.
  void on_first(std::function<void()> wake);
  /// What waits goes there now.
  void aim(caf::strong_actor_ptr target, condition still = {});
  /// Messages wait from now on.
  void park();
  [[nodiscard]] bool aimed() const;
  /// What waits is refused as errc::unavailable.
  void refuse_waiting(const char* words);
  /// Refuses what has waited for too long; the moment at which it is to be called again, max() when nothing waits.
  [[nodiscard]] time_point expire(time_point now);
  /// Refuses everything from now on, and goes down.
  void close();
  [[nodiscard]] std::size_t waiting() const;

 private:
  using row = std::pair<time_point, caf::mailbox_element_ptr>;
  void refuse(caf::mailbox_element& what, const char* words);

  const limits limits_;
  const std::shared_ptr<dead_letters> letters_;
  mutable std::mutex mutex_;
  std::function<void()> wake_;
  caf::strong_actor_ptr target_;
  condition still_;
  std::deque<row> waiting_;  // since when
  bool closed_ = false;
};

}  // namespace troupe
