// Topics of a node: the machine of runtime/topics behind a lock, its packets over the cluster link (requests of kind
// `topics`), and a mailbox for each subscription.
//
//   publish, subscribe, an actor's end --> machine --> packets to other nodes; their answers --> machine
//   packets of other nodes --> machine --> mailboxes, in its order
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include <troupe/caf_topics.hpp>

#include "actors/alarm.hpp"
#include "actors/cluster_board.hpp"
#include "actors/event_hub.hpp"
#include "actors/io_pool.hpp"
#include "actors/link/link_table.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "actors/toolkit/subscriber_mailbox.hpp"
#include "runtime/topics/topics_machine.hpp"

namespace troupe {

class topics_service final : public topics, public std::enable_shared_from_this<topics_service> {
 public:
  static constexpr duration answer_max = std::chrono::seconds(2);
  static constexpr std::size_t waiting_most = 1'000'000;  // messages that a subscriber may have asked for
  static constexpr duration line_interval = std::chrono::seconds(10);

  struct surroundings {
    io_pool& io;
    link_table& link;
    cluster_board& board;
    event_hub& events;
    event_log& log;
    caf::actor_system& system;
    incarnation_id self;
    std::uint64_t seed = 0;
  };
  explicit topics_service(surroundings s);

  /// Serves requests of kind topics; before the link starts.
  void serve();
  /// Follows the members from now on. errc::unavailable when the system gives no timer.
  [[nodiscard]] expected<void> start();
  /// This node leaves: its subscriptions end. What is published still goes out.
  void withdraw();
  /// Says and tells nothing more, holds no actor. Before the link ends.
  void close();

  expected<topic_reach> publish(const std::string& topic, const caf::message& content,
                                const publish_options& o) override;
  expected<void> forget(const std::string& topic) override;
  expected<void> subscribe(const caf::actor& subscriber, const std::string& topic, const subscribe_options& o) override;
  void unsubscribe(const caf::actor& subscriber, const std::string& topic, const std::string& group) override;
  [[nodiscard]] std::size_t subscribers(const std::string& topic) const override;

  /// troupe_topics_*.
  void register_metrics(metrics& m);

 private:
  using mailbox_ptr = std::shared_ptr<subscriber_mailbox>;
  using row_key = std::tuple<caf::actor_id, std::string, std::string>;  // topic, group
  struct row {
    row_key key;
    mailbox_ptr mailbox;
  };
  using mailboxes = std::vector<mailbox_ptr>;

  void follow_members();
  void run();
  void run_soon();
  void send(const link_target& to, topics_machine::outgoing o);
  void on_answer(const topics_machine::packet_id& id, const expected<std::string_view>& answer);
  void on_request(const link_request& request, link_responder responder);
  [[nodiscard]] mailboxes hand_over(const topics_machine::deliveries& all, const topic_content& known = nullptr,
                                    const caf::message* read = nullptr);
  void end(topic_subscription_id id, std::optional<error> why, mailboxes* ended = nullptr);
  void note_numbers();
  void log_unreadable();

  const surroundings with_;
  alarm clock_;
  mutable std::mutex mutex_;
  topics_machine machine_;
  std::map<incarnation_id, link_target> targets_;
  std::map<topic_subscription_id, row> rows_;
  std::map<row_key, topic_subscription_id> by_key_;
  std::uint64_t listener_ = 0;
  bool run_posted_ = false;
  bool leaves_ = false;
  bool closed_ = false;
  std::uint64_t unreadable_told_ = 0;
  time_point last_line_{};

  struct counters {
    std::atomic<std::uint64_t> published{0}, sent{0}, received{0}, dropped{0}, lost{0}, again{0}, repeated{0},
        nobody{0}, repaired{0}, late{0}, malformed{0}, subscriptions{0}, waiting{0}, retained{0}, retained_bytes{0};
  };
  const std::shared_ptr<counters> numbers_ = std::make_shared<counters>();
  const std::shared_ptr<subscriber_numbers> of_subscribers_ = std::make_shared<subscriber_numbers>();
};

}  // namespace troupe
