// One subscription of an actor: the queue of runtime/topics before its mailbox. A few messages at a time are in the
// mailbox, each followed by the next when its handler has returned (or it was dropped with the actor).
//
// Messages come as bytes and are read when their turn has come, once for all subscribers of a node. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/message.hpp>

#include <troupe/caf_topics.hpp>

#include "runtime/topics/subscriber_queue.hpp"
#include "runtime/topics/topic_message.hpp"

namespace troupe {

/// A message of a topic at this node, shared by its subscribers.
class topic_item {
 public:
  topic_item(topic_content bytes, std::optional<caf::message> read = std::nullopt)
      : bytes_(std::move(bytes)), read_(std::move(read)) {}

  [[nodiscard]] std::size_t size() const noexcept { return bytes_->size(); }
  /// errc::not_implemented, errc::corrupt as content_of.
  [[nodiscard]] expected<caf::message> read(caf::actor_system& system);

 private:
  const topic_content bytes_;
  std::mutex mutex_;
  std::optional<expected<caf::message>> read_;
};

/// Of all subscribers of a node.
struct subscriber_numbers {
  std::atomic<std::uint64_t> dropped{0};     // their queues were full
  std::atomic<std::uint64_t> unreadable{0};  // of types that are not registered here
  std::atomic<std::uint64_t> ended{0};       // by topic_overflow::unsubscribe
};

class subscriber_mailbox : public std::enable_shared_from_this<subscriber_mailbox> {
 public:
  static constexpr std::size_t window = 16;

  subscriber_mailbox(caf::actor subscriber, std::string topic, const subscribe_options& o,
                     std::shared_ptr<subscriber_numbers> numbers);

  /// False when the subscription has ended by its rule. pump() follows, not under locks of the caller. `late` as of
  /// topic_delivery.
  [[nodiscard]] bool offer(std::shared_ptr<topic_item> item, bool late);
  void miss(const queue_gap& g);
  void pump();
  /// Gives nothing more, but tells why, if there is a reason.
  void end(std::optional<error> why);

  [[nodiscard]] const caf::actor& subscriber() const noexcept { return subscriber_; }

 private:
  struct waiting {
    std::shared_ptr<topic_item> item;
    bool late;
  };
  using queue = subscriber_queue<waiting>;
  class element;

  void give(queue::next n);
  void tell_gap(const queue_gap& g, bool late);  // late: of the message that is told next
  void tell(caf::message m);
  void on_handled(std::size_t bytes);

  const caf::actor subscriber_;
  const std::string topic_;
  const bool tell_gaps_;
  const std::shared_ptr<subscriber_numbers> numbers_;

  std::mutex mutex_;
  queue queue_;
  bool pumping_ = false;  // one thread at a time, so that the order stays
  bool ended_ = false;
};

}  // namespace troupe
