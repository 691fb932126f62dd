// Topics of a whole cluster, as one node sees them: who subscribes here, what the other nodes listen to, what is on its
// way to them, and what is retained.
//
//   publish     -> local subscribers at once; a queue for each node with subscribers, or with the group member whose
//                  turn it is; a retained one for every node
//   packet      -> messages: those that are no repetition go to the subscribers, in the order of their publisher
//                  interest, retained values: taken over, answered
//   no answer   -> all of it again, after a pause, for as long as that node is a member
//   set_members -> a node that is no member any more gets nothing; what it subscribed to is forgotten
//
// Promised: each subscriber gets a message at most once, those of one publisher (a node) and topic in order, and is
// told when some were missed while its node and the publisher's ran. What is retained reaches every subscriber, also
// when it comes by repair only; where that is after later messages of its publisher, it is marked as late: nothing else
// is out of order. Pure, on the caller's clock.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/base/random.hpp"
#include "runtime/pubsub/pubsub_machine.hpp"
#include "runtime/topics/retained_table.hpp"
#include "runtime/topics/subscriber_queue.hpp"
#include "runtime/topics/topic_outbox.hpp"
#include "runtime/topics/topic_subscriptions.hpp"

namespace troupe {

/// For one subscription: a gap, a message, or a message after a gap.
struct topic_delivery {
  topic_subscription_id to = 0;
  std::optional<queue_gap> gap;
  topic_content content;  // null: the gap only
  topic_stamp stamp;      // of the content
  bool late = false;      // what is retained, and older than messages of its publisher that were given before
};

class topics_machine {
 public:
  static constexpr duration send_again = std::chrono::milliseconds(200);
  static constexpr duration refused_again = std::chrono::seconds(5);
  static constexpr duration ask_again = std::chrono::seconds(1);   // a newcomer that did not answer
  static constexpr duration slow_round = std::chrono::seconds(5);  // repair of retained values
  static constexpr std::size_t heard_max = 4'096;                  // nodes remembered that are no members
  static constexpr std::size_t turns_max = 4'096;                  // groups whose turn is remembered

  using deliveries = std::vector<topic_delivery>;

  topics_machine(incarnation_id self, random rng) : self_(self), rng_(rng) {}

  /// The other nodes that take part, whenever they change.
  void set_members(std::set<incarnation_id> others, time_point now);

  /// Errors as topic_subscriptions::add. What is retained is given first, but not to members of groups.
  [[nodiscard]] expected<topic_subscription_id> subscribe(std::string_view topic, std::string_view group,
                                                          deliveries& out);
  void unsubscribe(topic_subscription_id id);

  struct reach {
    std::size_t here = 0;               // subscribers of this node that get it
    std::vector<incarnation_id> nodes;  // others that it is on its way to
  };
  /// errc::invalid_argument for a topic that is none, errc::too_large beyond topic_content_bytes_max, errc::unavailable
  /// as retained_table::may_add.
  [[nodiscard]] expected<reach> publish(std::string_view topic, topic_content content, bool retain, deliveries& out);
  /// Nothing is retained any more.
  [[nodiscard]] expected<void> forget(std::string_view topic);

  /// What a packet is known by when its answer comes.
  struct packet_id {
    incarnation_id to;
    topic_packet::kind part = topic_packet::kind::messages;
    std::uint64_t stay = 0;  // which of that node's times as a member; of an update of interests its number
  };
  struct outgoing {
    packet_id id;
    topic_packet packet;
  };
  /// To be sent now. Each is answered once by on_answer, also when it could not be sent.
  [[nodiscard]] std::vector<outgoing> due(time_point now);
  /// max(): never, as long as nothing happens.
  [[nodiscard]] time_point next_due() const;
  /// What came back for a packet; null: nothing, or an empty answer. Without effect when that node has been no member
  /// since: what is under way to it now is not what was answered.
  void on_answer(const packet_id& id, topic_outcome how, const topic_packet* answer, time_point now, deliveries& out);
  /// Returns the answer, if there is more to say than that it came.
  [[nodiscard]] std::optional<topic_packet> on_packet(const incarnation_id& from, topic_packet p, deliveries& out);

  /// Subscribers of a topic on all nodes, those in groups counted each, as known.
  [[nodiscard]] std::uint64_t subscribers(std::string_view topic) const;
  [[nodiscard]] const topic_subscriptions& mine() const noexcept { return mine_; }
  [[nodiscard]] const pubsub::pubsub_machine& interest() const noexcept { return interest_; }
  [[nodiscard]] const retained_table& retained() const noexcept { return retained_; }
  [[nodiscard]] std::size_t waiting() const;  // messages for other nodes

  struct counters {
    std::uint64_t published = 0, sent = 0, received = 0;
    std::uint64_t dropped = 0;   // no room in the queue of a node
    std::uint64_t lost = 0;      // waited for a node that is no member any more, or that refused them
    std::uint64_t again = 0;     // sent once more, because nobody answered
    std::uint64_t repeated = 0;  // came twice, or too late
    std::uint64_t nobody = 0;    // for a group without members here
    std::uint64_t repaired = 0;  // retained values
    std::uint64_t late = 0;      // given so
  };
  [[nodiscard]] const counters& counts() const noexcept { return counts_; }

 private:
  struct peer {
    std::uint64_t stay = 0;
    topic_outbox box;
    time_point send_at{};
    bool retained_asked = false;  // a question is under way
    bool retained_known = false;  // it has answered one
    time_point ask_at{};
    std::optional<retained_message> retained_due;  // to be sent next
  };
  struct memory {
    std::uint64_t last = 0;  // count
    bool heard = false;
  };

  using picks = std::map<incarnation_id, std::vector<std::string>>;
  [[nodiscard]] picks pick_groups(std::string_view topic);
  [[nodiscard]] std::size_t deliver(const topic_stamp& stamp, const topic_message& m, deliveries& out);
  void tell_gap(std::string_view topic, const queue_gap& g, deliveries& out) const;
  void tell_gap_of_all(const incarnation_id& from, bool heard, deliveries& out) const;
  void on_messages(const incarnation_id& from, topic_packet& p, deliveries& out);
  void on_message(const incarnation_id& from, topic_message& m, deliveries& out);
  void show_repaired(const std::vector<retained_row>& stored, deliveries& out);
  void plan_round(time_point now);
  void ask_round(time_point now);
  void forget_all_but(std::set<incarnation_id> others);
  void count_interest(const topic_subscriptions::row& r, std::int64_t by);
  void enqueue(peer& p, topic_message m);

  incarnation_id self_;
  random rng_;
  pubsub::pubsub_machine interest_;
  topic_subscriptions mine_;
  retained_table retained_;
  std::map<incarnation_id, peer> peers_;
  std::map<incarnation_id, memory> heard_;
  std::map<std::string, std::uint64_t> turns_;  // of groups, as this node sends to them
  std::uint64_t clock_ = 0;
  std::uint64_t stays_ = 0;
  time_point next_round_ = time_point::max();
  counters counts_;
};

}  // namespace troupe
