// Channels of a whole cluster, as one node sees them: what its own clients listen to, what it has told each other node
// of that, and what those have told it.
//
//   change        -> the ledger has a new version; every other node is told, one update at a time
//   answer        -> the version that node has now; the rest follows, or everything anew when it has another
//   no answer     -> again after a pause, for as long as it is a member
//   update        -> applied if it begins at the version known of that node, or at 0; the answer says what is known
//   publish       -> who listens here and there, and which nodes are to be sent the message: those that have listeners
//                    for it, and those that have told nothing yet
//
// Pure: the caller passes the time and carries out what is due. It does NOT send messages a second time: a listener
// whose node is away misses them, as one whose connection is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include <troupe/ids.hpp>
#include <troupe/time.hpp>

#include "runtime/pubsub/interest_ledger.hpp"

namespace troupe::pubsub {

class pubsub_machine {
 public:
  static constexpr duration again = std::chrono::milliseconds(500);

  /// The other nodes that take part, whenever they change.
  void set_members(const std::set<incarnation_id>& others);

  /// One more (1) or fewer (-1) of this node's clients listens.
  void change(const topic_view& t, std::int64_t by) { mine_.change(t, by); }
  [[nodiscard]] const interest_ledger& mine() const noexcept { return mine_; }

  struct outgoing {
    incarnation_id to;
    std::uint64_t number = 0;  // of all updates
    interest_update update;
  };
  /// What is to be sent now. Each is answered once by on_answer.
  [[nodiscard]] std::vector<outgoing> due(time_point now);
  /// When due() is to be asked again, though nothing happened; none: never.
  [[nodiscard]] std::optional<time_point> next_due() const;
  /// The version that `from` said it has, to the update of that number; none: no answer. Without effect when another
  /// update is under way to it, since it has been no member meanwhile.
  void on_answer(const incarnation_id& from, std::uint64_t number, std::optional<std::uint64_t> version,
                 time_point now);

  /// What another node listens to; returns the answer.
  [[nodiscard]] std::uint64_t on_update(const incarnation_id& from, interest_update u);

  struct audience {
    std::uint64_t listeners = 0;        // on other nodes, as known
    std::vector<incarnation_id> nodes;  // that are to be sent the message
  };
  [[nodiscard]] audience others(topic_kind kind, std::string_view channel) const;

  /// Listeners of this very topic, on all nodes as known.
  [[nodiscard]] std::uint64_t listeners(const topic_view& t) const;
  /// Topics of a kind whose names begin so, member by member; this node is the empty id.
  void each(topic_kind kind, std::string_view prefix,
            function_ref<void(const incarnation_id& node, std::string_view name, std::uint64_t listeners)> show) const;
  /// Topics that somebody listens to anywhere, as known.
  [[nodiscard]] std::set<std::string> names(topic_kind kind) const;

 private:
  struct peer {
    bool member = false;  // otherwise it was heard before membership told of it
    // What this node has told it.
    std::uint64_t told = 0;
    std::uint64_t in_flight = 0;  // the number of the update under way; 0: none
    bool ever_told = false;       // also "nothing": a node that is told nothing yet gets every message
    std::optional<time_point> retry_at;
    // What it has told this node.
    std::map<topic, std::uint64_t, topic_order> interests;
    std::uint64_t known = 0;
    bool heard = false;
  };

  [[nodiscard]] bool has_news(const peer& p) const;
  [[nodiscard]] static std::uint64_t audience_of(const peer& p, topic_kind kind, std::string_view channel);

  interest_ledger mine_;
  std::map<incarnation_id, peer> peers_;
  std::uint64_t updates_ = 0;
};

}  // namespace troupe::pubsub
