// Several nodes that tell each other what their clients listen to, on virtual time, with answers that are lost.
#include "runtime/pubsub/pubsub_machine.hpp"

#include <random>

#include <gtest/gtest.h>

namespace troupe::pubsub {
namespace {

using namespace std::chrono_literals;

struct nodes : testing::Test {
  static constexpr std::size_t count = 3;

  nodes() {
    for (std::size_t i = 0; i < count; ++i) machines[i].set_members(others_of(i));
  }
  static incarnation_id id(std::size_t i) { return {1, i + 1}; }
  static std::set<incarnation_id> others_of(std::size_t i) {
    std::set<incarnation_id> others;
    for (std::size_t j = 0; j < count; ++j) {
      if (j != i) others.insert(id(j));
    }
    return others;
  }
  /// Carries updates until nothing is due; each fails when `lost` says so.
  template <class Lost>
  void exchange(const Lost& lost) {
    for (bool more = true; more;) {
      more = false;
      for (std::size_t i = 0; i < count; ++i) {
        for (auto& u : machines[i].due(now)) {
          more = true;
          const auto to = static_cast<std::size_t>(u.to.low - 1);
          if (lost()) {
            machines[i].on_answer(u.to, u.number, std::nullopt, now);
            continue;
          }
          const auto version = machines[to].on_update(id(i), u.update);
          machines[i].on_answer(u.to, u.number, lost() ? std::nullopt : std::optional(version), now);
        }
      }
    }
  }
  void exchange() {
    exchange([] { return false; });
  }

  std::array<pubsub_machine, count> machines;
  time_point now{};
};

TEST_F(nodes, a_message_goes_to_nodes_that_have_told_nothing) {
  EXPECT_EQ(machines[0].others(topic_kind::channel, "c").nodes.size(), 2u);
  EXPECT_EQ(machines[0].others(topic_kind::channel, "c").listeners, 0u);
  exchange();
  EXPECT_TRUE(machines[0].others(topic_kind::channel, "c").nodes.empty()) << "nobody listens, and all have said so";
}

TEST_F(nodes, a_message_goes_to_nodes_with_listeners_only) {
  machines[1].change({topic_kind::channel, "c"}, 1);
  machines[1].change({topic_kind::channel, "c"}, 1);
  machines[2].change({topic_kind::pattern, "d*"}, 1);
  exchange();
  auto a = machines[0].others(topic_kind::channel, "c");
  EXPECT_EQ(a.listeners, 2u);
  EXPECT_EQ(a.nodes, std::vector{id(1)});
  a = machines[0].others(topic_kind::channel, "dog");
  EXPECT_EQ(a.nodes, std::vector{id(2)});
  EXPECT_TRUE(machines[0].others(topic_kind::shard_channel, "c").nodes.empty());
  EXPECT_EQ(machines[0].listeners({topic_kind::channel, "c"}), 2u);
  EXPECT_EQ(machines[2].names(topic_kind::channel), std::set<std::string>{"c"});
  machines[1].change({topic_kind::channel, "c"}, -2);
  exchange();
  EXPECT_TRUE(machines[0].others(topic_kind::channel, "c").nodes.empty());
}

TEST_F(nodes, who_does_not_answer_is_told_again_after_a_pause) {
  exchange();
  machines[0].change({topic_kind::channel, "c"}, 1);
  const auto told = machines[0].due(now);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_TRUE(machines[0].due(now).empty()) << "one at a time";
  machines[0].on_answer(id(1), told[0].number, std::nullopt, now);
  EXPECT_TRUE(machines[0].due(now).empty());
  EXPECT_EQ(machines[0].next_due(), now + pubsub_machine::again);
  now += pubsub_machine::again;
  const auto again = machines[0].due(now);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].to, id(1));
  EXPECT_EQ(again[0].update.items.size(), 1u);
}

TEST_F(nodes, a_gap_is_filled_by_beginning_anew) {
  machines[0].change({topic_kind::channel, "c"}, 1);
  exchange();
  machines[1] = {};  // it forgets everything, as a node that dropped the other as no member
  machines[1].set_members(others_of(1));
  machines[0].change({topic_kind::channel, "d"}, 1);
  exchange();
  EXPECT_EQ(machines[1].listeners({topic_kind::channel, "c"}), 1u);
  EXPECT_EQ(machines[1].listeners({topic_kind::channel, "d"}), 1u);
}

TEST_F(nodes, who_was_held_for_gone_by_one_side_only_tells_again) {
  machines[1].change({topic_kind::channel, "c"}, 1);
  exchange();
  machines[0].set_members({id(2)});
  machines[0].set_members(others_of(0));  // machine 1 has seen nothing of that
  EXPECT_EQ(machines[0].listeners({topic_kind::channel, "c"}), 0u);
  exchange();
  EXPECT_EQ(machines[0].listeners({topic_kind::channel, "c"}), 1u);
}

TEST_F(nodes, a_member_that_is_gone_is_forgotten) {
  machines[1].change({topic_kind::channel, "c"}, 1);
  exchange();
  machines[0].set_members({id(2)});
  EXPECT_EQ(machines[0].listeners({topic_kind::channel, "c"}), 0u);
  machines[0].on_answer(id(1), 1, 1, now);  // late: nobody cares
  machines[0].set_members(others_of(0));
  EXPECT_EQ(machines[0].others(topic_kind::channel, "x").nodes, std::vector{id(1)}) << "until it has told again";
}

TEST_F(nodes, an_answer_to_what_was_told_before_it_was_held_for_gone_is_none_to_what_is_told_since) {
  exchange();
  machines[0].change({topic_kind::channel, "c"}, 1);
  const auto before = machines[0].due(now);
  machines[0].set_members({id(2)});
  machines[1].set_members({id(2)});
  machines[0].set_members(others_of(0));
  machines[1].set_members(others_of(1));
  const auto lost = machines[0].due(now);
  ASSERT_EQ(lost.size(), 1u);
  machines[0].on_answer(id(1), before[0].number, 1, now);
  EXPECT_TRUE(machines[0].due(now).empty()) << "it is still under way";
  machines[0].on_answer(id(1), lost[0].number, std::nullopt, now);
  machines[0].on_answer(id(2), before[1].number, std::nullopt, now);
  now += pubsub_machine::again;
  exchange();
  EXPECT_EQ(machines[1].listeners({topic_kind::channel, "c"}), 1u);
}

TEST_F(nodes, who_is_heard_before_it_is_known_as_a_member_is_told_as_soon_as_it_is) {
  pubsub_machine early;
  EXPECT_EQ(early.on_update(id(1), {0, 1, {{{topic_kind::channel, "c"}, 1}}}), 1u);
  EXPECT_TRUE(early.due(now).empty());
  EXPECT_TRUE(early.others(topic_kind::channel, "c").nodes.empty());
  early.set_members({id(1)});
  EXPECT_EQ(early.others(topic_kind::channel, "c").nodes, std::vector{id(1)});
  EXPECT_EQ(early.due(now).size(), 1u);
}

TEST_F(nodes, all_know_the_truth_when_messages_are_lost_at_random) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    for (std::size_t i = 0; i < count; ++i) {
      machines[i] = {};
      machines[i].set_members(others_of(i));
    }
    std::map<std::string, std::array<std::int64_t, count>> truth;
    for (int step = 0; step < 300; ++step) {
      const auto who = random() % count;
      const auto name = "c" + std::to_string(random() % 20);
      auto& n = truth[name][who];
      const std::int64_t by = n > 0 && random() % 2 == 0 ? -1 : 1;
      n += by;
      machines[who].change({topic_kind::channel, name}, by);
      if (random() % 3 == 0) exchange([&] { return random() % 3 == 0; });
      now += 100ms;
    }
    now += 10s;
    exchange();
    for (const auto& [name, each] : truth) {
      for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(machines[i].listeners({topic_kind::channel, name}),
                  static_cast<std::uint64_t>(each[0] + each[1] + each[2]))
            << "seed " << seed << " " << name;
      }
    }
  }
}

}  // namespace
}  // namespace troupe::pubsub
