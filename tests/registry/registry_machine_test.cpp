// Who is asked when, and what is answered, between machines that hand each other their messages.
#include "runtime/registry/registry_machine.hpp"

#include <deque>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

struct registry_cluster {
  std::map<incarnation_id, registry_machine> nodes;
  time_point now = time_point{} + 1h;
  std::set<incarnation_id> deaf;
  std::uint64_t messages = 0;

  explicit registry_cluster(std::uint64_t count) {
    for (std::uint64_t i = 1; i <= count; ++i) add_node(i);
  }
  static incarnation_id id(std::uint64_t n) { return {n, n}; }
  registry_machine& at(std::uint64_t n) { return nodes.at(id(n)); }

  void add_node(std::uint64_t n) {
    nodes.emplace(id(n), registry_machine(id(n), random(n)));
    tell_members();
  }
  void tell_members() {
    std::set<incarnation_id> all;
    for (const auto& [i, node] : nodes) all.insert(i);
    for (auto& [i, node] : nodes) {
      auto others = all;
      others.erase(i);
      node.set_members(others, now);
    }
  }
  void drop_node(std::uint64_t n) {
    nodes.erase(id(n));
    tell_members();
  }
  void deliver(const incarnation_id& from, registry_machine::outgoing out) {
    std::deque<std::pair<incarnation_id, registry_machine::outgoing>> way{{from, std::move(out)}};
    while (!way.empty()) {
      auto [sender, o] = std::move(way.front());
      way.pop_front();
      ++messages;
      if (deaf.contains(sender) || deaf.contains(o.first) || !nodes.contains(o.first)) continue;
      auto read = decode_registry_message(encode(o.second));
      ASSERT_TRUE(read) << describe(read.error());
      auto answer = nodes.at(o.first).on_message(sender, *read, now);
      if (answer)
        way.push_back({o.first, {sender, std::move(*answer)}});
      else if (!o.second.known.empty())
        (void)nodes.at(sender).on_message(o.first, {}, now);  // as the link's empty reply
    }
  }
  void run(duration d) {
    const auto end = now + d;
    while (true) {
      auto next = time_point::max();
      for (const auto& [i, node] : nodes) next = std::min(next, node.next_tick());
      if (next > end) break;
      now = std::max(now, next);
      for (auto& [i, node] : nodes) {
        if (node.next_tick() > now) continue;
        for (auto& o : node.on_tick(now)) deliver(i, std::move(o));
      }
    }
    now = end;
  }
  [[nodiscard]] bool all_know(const std::string& key, std::size_t count) {
    return std::all_of(nodes.begin(), nodes.end(),
                       [&](const auto& row) { return row.second.find(key).size() == count; });
  }
};

TEST(registry_machine, what_is_registered_is_known_everywhere_within_moments) {
  registry_cluster c(30);
  c.run(1s);
  ASSERT_TRUE(c.at(7).add({"printer", 1}, c.now));
  c.run(500ms);
  EXPECT_TRUE(c.all_know("printer", 1));
  EXPECT_EQ(c.at(9).find("printer"), (std::vector<registry_row>{{c.id(7), 1}}));
  c.at(7).remove({"printer", 1}, c.now);
  c.run(500ms);
  EXPECT_TRUE(c.all_know("printer", 0));
}

TEST(registry_machine, who_joins_knows_all_at_once_and_is_known) {
  registry_cluster c(20);
  for (std::uint64_t n = 1; n <= 20; ++n) ASSERT_TRUE(c.at(n).add({"clock", n}, c.now));
  c.run(20s);
  c.add_node(21);
  c.run(1ms);
  EXPECT_EQ(c.at(21).find("clock").size(), 20u);
  ASSERT_TRUE(c.at(21).add({"clock", 21}, c.now));
  c.run(500ms);
  EXPECT_TRUE(c.all_know("clock", 21));
}

TEST(registry_machine, what_a_node_registered_goes_with_it_and_no_latecomer_brings_it_back) {
  registry_cluster c(3);
  ASSERT_TRUE(c.at(3).add({"clock", 3}, c.now));
  c.run(1s);
  const auto stale = c.at(2).on_message(c.id(1), {{}, true, {}, {}, false}, c.now);
  ASSERT_TRUE(stale);
  c.drop_node(3);
  EXPECT_TRUE(c.all_know("clock", 0));
  EXPECT_FALSE(c.at(1).on_message(c.id(2), *stale, c.now));
  EXPECT_TRUE(c.at(1).find("clock").empty());
  EXPECT_GT(c.at(1).counts().refused, 0u);
}

TEST(registry_machine, only_a_node_itself_changes_what_it_registered) {
  registry_cluster c(2);
  ASSERT_TRUE(c.at(1).add({"mine", 1}, c.now));
  registry_message forged;
  forged.updates = {{c.id(1), 0, 99, {{99, {"forged", 2}, false}}}};
  EXPECT_FALSE(c.at(1).on_message(c.id(2), forged, c.now));
  EXPECT_TRUE(c.at(1).find("forged").empty());
  EXPECT_EQ(c.at(1).find("mine").size(), 1u);
}

TEST(registry_machine, a_node_that_heard_nothing_for_a_while_is_repaired) {
  registry_cluster c(5);
  ASSERT_TRUE(c.at(1).add({"a", 1}, c.now));
  c.run(1s);
  c.deaf = {c.id(5)};
  ASSERT_TRUE(c.at(1).add({"b", 1}, c.now));
  c.at(1).remove({"a", 1}, c.now);
  c.run(20s);
  EXPECT_TRUE(c.at(5).find("b").empty());
  c.deaf.clear();
  c.run(15s);
  EXPECT_TRUE(c.all_know("b", 1));
  EXPECT_TRUE(c.all_know("a", 0));
}

TEST(registry_machine, says_which_keys_changed) {
  registry_cluster c(2);
  ASSERT_TRUE(c.at(1).add({"a", 1}, c.now));
  EXPECT_EQ(c.at(1).take_changed(), (std::set<std::string>{"a"}));
  EXPECT_TRUE(c.at(1).take_changed().empty());
  c.run(1s);
  EXPECT_EQ(c.at(2).take_changed(), (std::set<std::string>{"a"}));
  c.drop_node(1);
  EXPECT_EQ(c.at(2).take_changed(), (std::set<std::string>{"a"}));
}

TEST(registry_machine, is_silent_while_nothing_is_registered_and_rarely_heard_when_nothing_changes) {
  registry_cluster c(10);
  c.run(10s);
  const auto before = c.messages;
  c.run(60s);
  EXPECT_EQ(c.messages, before) << "nobody has registered anything";
  ASSERT_TRUE(c.at(1).add({"a", 1}, c.now));
  c.run(5s);
  const auto calm = c.messages;
  c.run(100s);
  EXPECT_LE(c.messages - calm, 10u * 2u * 25u * 2u) << "a question and an answer of each node in 5 s or so";
}

TEST(registry_machine, more_than_a_message_holds_comes_in_several) {
  registry_cluster c(3);
  const std::string padding(registry_key_bytes_max - 8, 'k');
  for (std::uint64_t n = 1; n <= 3; ++n) {
    for (std::uint64_t i = 0; i < registry_entries_max; ++i)
      ASSERT_TRUE(c.at(n).add({padding + std::to_string(i % 1000), i}, c.now));
  }
  c.run(30s);
  for (std::uint64_t n = 1; n <= 3; ++n) EXPECT_EQ(c.at(n).entries(), 3 * registry_entries_max) << n;
}

TEST(registry_machine, a_node_that_leaves_takes_everything_back) {
  registry_cluster c(3);
  for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(c.at(1).add({"a", i}, c.now));
  c.run(1s);
  EXPECT_TRUE(c.all_know("a", 10));
  c.at(1).remove_all(c.now);
  c.run(1s);
  EXPECT_TRUE(c.all_know("a", 0));
}

}  // namespace
}  // namespace troupe
