// Topics of nodes in the simulated world, whose subscribers come and go and whose nodes publish. Who is a member is
// told by a look at the world that comes late and is at times wrong; the real membership is simulated elsewhere.
//
// The checker knows what everybody published. Of each subscription: nothing twice, nothing of another topic, each
// publisher's messages in order, and no message left out between two without a gap told. Out of order is only what was
// retained, and said to be late; whatever is said so is. In the end each has seen what is retained. Of each group: one
// member.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "runtime/topics/topics_machine.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

struct topics_setup {
  double noticed = 0.2;           // chance that a node sees another's start or end, each time it looks
  double false_alarms = 0;        // chance that it takes a living one for gone
  double retained = 0.2;          // of what is published
  channel how = channel::stream;  // of messages and retained values; interest always goes by stream
};

class topics_stage;

class topics_process final : public process {
 public:
  static constexpr duration look_interval = std::chrono::milliseconds(100);
  static constexpr duration answer_max = std::chrono::seconds(2);

  topics_process(topics_stage& stage, node_index self, outside& out, random rng);

  void on_start(time_point now) override { look(now); }
  void on_packet(node_index from, channel how, std::string_view bytes, time_point now) override;
  void on_link_lost(node_index, time_point) override {}
  void on_tick(time_point now) override;
  [[nodiscard]] time_point next_tick() const override;
  void leave(time_point) override {}

  /// Subscribes, ends a subscription or publishes, at random.
  void act(time_point now);
  void publish(const std::string& topic, bool retain, time_point now);
  topic_subscription_id subscribe(const std::string& topic, const std::string& group, time_point now);
  void unsubscribe(topic_subscription_id id, time_point now);

  struct subscription {
    std::string topic, group;
    std::map<std::string, std::uint64_t> last;  // of each publisher
    std::set<std::string> missed;               // publishers after whose last a gap was told
    std::set<std::string> texts;
  };
  [[nodiscard]] const incarnation_id& id() const noexcept { return id_; }
  [[nodiscard]] const topics_machine& machine() const noexcept { return machine_; }
  [[nodiscard]] const std::map<topic_subscription_id, subscription>& subscriptions() const noexcept { return subs_; }
  [[nodiscard]] const std::map<node_index, incarnation_id>& members() const noexcept { return members_; }

 private:
  struct question {
    topics_machine::packet_id of;
    time_point until;
  };
  void look(time_point now);
  void run(time_point now);
  void send(char kind, std::uint64_t number, node_index to, const incarnation_id& whom, const topic_packet* p);
  void take(const topics_machine::deliveries& all);
  void check(subscription& s, const topic_delivery& d);

  topics_stage& stage_;
  const node_index self_;
  outside& out_;
  random rng_;
  const incarnation_id id_;
  topics_machine machine_;
  std::map<node_index, incarnation_id> members_;
  std::map<std::uint64_t, question> questions_;
  std::uint64_t last_question_ = 0;
  std::map<topic_subscription_id, subscription> subs_;
  time_point look_at_{};
};

class topics_stage {
 public:
  topics_stage(world_options options, topics_setup given);

  topics_setup setup;
  world w;

  /// Acts at random nodes, again and again, until `until`.
  void run_actions(duration pause_max, duration until);
  [[nodiscard]] const topics_process* at(node_index n) const { return w.process_of<topics_process>(n); }
  /// All know each other and each other's subscribers, node by node, and have the same retained values.
  [[nodiscard]] bool settled() const;
  /// Every running node publishes a message in each topic; the number of the first.
  std::uint64_t publish_everywhere(bool retain);
  /// Each subscription by itself has been given what is retained for its topic.
  void expect_retained_seen();
  /// Each subscription by itself has all since that number, and of each group one member each.
  [[nodiscard]] bool arrived(std::uint64_t from) const;

  static constexpr int topics = 3;
  struct published {
    std::map<std::string, std::map<std::string, std::set<std::uint64_t>>> counts;  // topic, publisher
    std::map<std::uint64_t, std::set<incarnation_id>> unwanted;  // of whom the publisher knew that nobody listens there
    std::set<std::string> given_to_group;                        // group and text
    std::set<std::uint64_t> retained;
  };
  published truth;
  std::uint64_t messages = 0, received = 0, gaps = 0, late = 0;
};

}  // namespace troupe::sim
