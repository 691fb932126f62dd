// The channels of a node: the machine of runtime/pubsub behind a lock, and its messages over the cluster link.
//
//   change()  --> machine --> updates to other nodes, one at a time each
//   publish() --> machine --> a queue for each node with listeners --> batches, one under way at a time
//   link      --> update: machine, answered at once; messages: to the door
//
// A queue is bounded in bytes: what does not fit, and what was under way to a node that is lost, is dropped and
// counted. Thread-safe; without a link (a node alone) it only counts.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "actors/alarm.hpp"
#include "actors/cluster_board.hpp"
#include "actors/event_hub.hpp"
#include "actors/io_pool.hpp"
#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"
#include "actors/pubsub/pubsub_access.hpp"
#include "runtime/pubsub/pubsub_machine.hpp"

namespace troupe {

class pubsub_service final : public pubsub_access, public std::enable_shared_from_this<pubsub_service> {
 public:
  static constexpr std::uint64_t waiting_bytes_max = 16 * mib;  // for one node
  static constexpr std::uint64_t batch_bytes_max = 512 * 1024;  // a larger message travels alone
  static constexpr duration answer_max = std::chrono::seconds(2);

  struct surroundings {
    io_pool& io;
    link_table* link;  // null: this node is alone
    cluster_board& board;
    event_hub& events;
  };
  explicit pubsub_service(surroundings s);

  /// Serves requests of kind pubsub; before the link starts.
  void serve();
  /// Follows the members from now on. errc::unavailable when the system gives no timer.
  [[nodiscard]] expected<void> start();
  /// Sends and tells nothing more. Before the link ends.
  void close();

  void change(const pubsub::topic_view& t, std::int64_t by) override;
  [[nodiscard]] receivers publish(pubsub::topic_kind kind, std::string_view channel, std::string_view payload) override;
  [[nodiscard]] std::uint64_t listeners(const pubsub::topic_view& t) const override;
  [[nodiscard]] std::set<std::string> names(pubsub::topic_kind kind) const override;
  void on_messages(std::function<void(batch)> deliver) override;

  /// troupe_pubsub_*; the service outlives the last scrape.
  void register_metrics(metrics& m) const;

 private:
  struct outbox {
    link_target to;
    std::deque<pubsub::channel_message> waiting;
    std::uint64_t bytes = 0;
    bool sending = false;
  };

  void follow_members();
  void tell();
  void enqueue(const incarnation_id& id, const pubsub::channel_message& m);
  void flush_soon();
  void flush();
  [[nodiscard]] static std::vector<pubsub::channel_message> take(outbox& o);
  void send(const incarnation_id& id, const link_target& to, std::vector<pubsub::channel_message> messages);
  void on_sent(const incarnation_id& id, bool arrived, std::size_t count);
  void on_request(const link_request& request, link_responder responder);

  surroundings with_;
  alarm clock_;
  std::uint64_t listener_ = 0;

  mutable std::mutex mutex_;  // of all below
  pubsub::pubsub_machine machine_;
  std::map<incarnation_id, outbox> outboxes_;
  bool flush_posted_ = false;
  bool tell_posted_ = false;
  bool closed_ = false;

  mutable std::mutex deliver_mutex_;
  std::function<void(batch)> deliver_;

  struct counters {
    std::atomic<std::uint64_t> published{0};
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> dropped{0};  // no room
    std::atomic<std::uint64_t> lost{0};     // under way when the node was lost
    std::atomic<std::uint64_t> malformed{0};
  };
  const std::shared_ptr<counters> numbers_ = std::make_shared<counters>();
};

}  // namespace troupe
