// Membership by itself: a few rosters on a perfect wire, with verbs.
#include "runtime/membership/roster.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include <gtest/gtest.h>

namespace troupe::membership {
namespace {

using namespace std::chrono_literals;

wall_time no_wall(time_point) { return {}; }

class rosters : public ::testing::Test {
 protected:
  struct node {
    roster machine;
    bool dead = false;
    std::vector<roster_output::happening> events{};
    std::vector<asked_query> asked{};
    std::vector<finished_query> finished{};
    std::size_t failed_links = 0;
    bool departed = false;
    bool seeds_wanted = false;
  };

  static local_member introduce(const std::string& name, std::uint64_t id) {
    local_member m;
    m.cluster = "members:troupe";
    m.name = name;
    m.address = name + ":7070";
    m.id = {id, 1};
    return m;
  }

  void start(const std::string& name, std::vector<std::string> seeds = {"a:7070"}, bool more = false) {
    nodes_.erase(name);
    auto made = roster::make(introduce(name, ids_ + 1), *profile("lan"), "1.2.3", random(ids_));
    ++ids_;
    ASSERT_TRUE(made) << describe(made.error());
    nodes_.emplace(name, node{std::move(*made)});
    act(name, [&](roster& m, roster_output& out) { m.on_start(seeds, more, now_, out); });
  }
  void start_all(const std::vector<std::string>& names) {
    for (const auto& n : names) start(n);
    tick(3s);
    for (const auto& a : names) {
      for (const auto& b : names) EXPECT_EQ(state(a, b), member_state::alive) << a << " on " << b;
    }
  }
  void kill(const std::string& name) { nodes_.at(name).dead = true; }

  template <class Act>
  void act(const std::string& name, Act what) {
    roster_output out;
    what(nodes_.at(name).machine, out);
    carry_out(name, out);
    deliver();
  }
  void tick(duration d) {
    const auto end = now_ + d;
    for (;;) {
      auto next = time_point::max();
      for (auto& [name, n] : nodes_) {
        if (!n.dead) next = std::min(next, n.machine.next_tick());
      }
      if (next > end) break;
      now_ = std::max(now_, next);
      for (auto& [name, n] : nodes_) {
        if (n.dead || n.machine.next_tick() > now_) continue;
        roster_output out;
        n.machine.on_tick(now_, out);
        carry_out(name, out);
      }
      deliver();
    }
    now_ = end;
  }

  member_state state(const std::string& observer, const std::string& subject) {
    for (const auto& m : nodes_.at(observer).machine.describe(no_wall)) {
      if (m.name == subject) return m.state;
    }
    ADD_FAILURE() << observer << " does not know " << subject;
    return member_state::departed;
  }
  bool told(const std::string& name, const std::string& kind, const std::string& of) {
    const auto& events = nodes_.at(name).events;
    return std::any_of(events.begin(), events.end(), [&](const auto& e) {
      return e.kind == kind && !e.fields.empty() && e.fields.front().second == of;
    });
  }

  std::map<std::string, node> nodes_;
  time_point now_ = time_point{} + 1h;

 private:
  struct under_way {
    std::string from;
    outgoing packet;
  };
  void carry_out(const std::string& name, roster_output& out) {
    auto& n = nodes_.at(name);
    for (auto& p : out.packets) wire_.push_back({name + ":7070", std::move(p)});
    std::move(out.events.begin(), out.events.end(), std::back_inserter(n.events));
    std::move(out.asked.begin(), out.asked.end(), std::back_inserter(n.asked));
    std::move(out.finished.begin(), out.finished.end(), std::back_inserter(n.finished));
    n.failed_links += out.failed.size();
    n.departed = n.departed || out.departed;
    n.seeds_wanted = n.seeds_wanted || out.seeds_wanted;
  }
  void deliver() {
    while (!wire_.empty()) {
      const auto p = std::move(wire_.front());
      wire_.pop_front();
      const auto to = nodes_.find(p.packet.address.substr(0, p.packet.address.find(':')));
      if (to == nodes_.end() || to->second.dead) continue;
      roster_output out;
      to->second.machine.on_packet(p.from, p.packet.how, p.packet.bytes, now_, out);
      carry_out(to->first, out);
    }
  }

  std::deque<under_way> wire_;
  std::uint64_t ids_ = 0;
};

TEST_F(rosters, who_is_alone_founds_and_the_others_join_by_a_seed) {
  start_all({"a", "b", "c"});
  EXPECT_TRUE(told("a", "joined", "a"));
  EXPECT_TRUE(told("c", "joined", "c"));
  EXPECT_TRUE(told("b", "member_joined", "c"));
}

TEST_F(rosters, while_seeds_may_come_nobody_founds) {
  start("a", {}, true);
  EXPECT_FALSE(nodes_.at("a").machine.members().joined());
  act("a", [this](roster& m, roster_output& out) { m.on_seeds({}, true, now_, out); });
  EXPECT_TRUE(nodes_.at("a").machine.members().joined());
}

TEST_F(rosters, attempts_to_join_ask_for_newer_seeds) {
  start("b", {"nobody:1"});
  EXPECT_TRUE(nodes_.at("b").seeds_wanted);
  EXPECT_FALSE(nodes_.at("b").machine.members().joined());
}

TEST_F(rosters, a_member_that_falls_silent_has_failed_and_its_link_is_given_up) {
  start_all({"a", "b", "c"});
  kill("c");
  tick(60s);
  for (const auto* observer : {"a", "b"}) {
    EXPECT_EQ(state(observer, "c"), member_state::failed);
    EXPECT_TRUE(told(observer, "member_failed", "c"));
    EXPECT_EQ(nodes_.at(observer).failed_links, 1U);
  }
}

TEST_F(rosters, who_leaves_has_departed_for_all_and_is_told_when_it_may_end) {
  start_all({"a", "b", "c"});
  act("b", [this](roster& m, roster_output& out) { m.leave(now_, out); });
  tick(5s);
  EXPECT_TRUE(nodes_.at("b").departed);
  EXPECT_EQ(state("a", "b"), member_state::departed);
  EXPECT_FALSE(told("a", "member_failed", "b"));
  nodes_.at("b").departed = false;
  act("b", [this](roster& m, roster_output& out) { m.leave(now_, out); });
  EXPECT_TRUE(nodes_.at("b").departed) << "whoever asks again is answered too";
}

TEST_F(rosters, tags_reach_the_others_and_are_told) {
  start_all({"a", "b"});
  act("a", [this](roster& m, roster_output& out) {
    const auto tags = m.change_tags({{{"zone", "x"}}, {}}, now_, out);
    ASSERT_TRUE(tags);
    EXPECT_EQ(tags->at("zone"), "x");
    EXPECT_EQ(m.change_tags({{{"bad name", "x"}}, {}}, now_, out).error().code, errc::invalid_argument);
  });
  tick(2s);
  EXPECT_TRUE(told("b", "member_updated", "a"));
  EXPECT_EQ(nodes_.at("b").machine.describe(no_wall).front().tags.at("zone"), "x");
}

TEST_F(rosters, user_events_and_queries_ride_along) {
  start_all({"a", "b", "c"});
  act("a", [this](roster& m, roster_output& out) { ASSERT_TRUE(m.raise_event("deploy", "v2", now_, out)); });
  tick(2s);
  for (const auto* name : {"a", "b", "c"}) EXPECT_TRUE(told(name, "user_event", "deploy")) << name;

  query q;
  q.name = "ping";
  act("a", [&](roster& m, roster_output& out) { ASSERT_TRUE(m.ask(q, now_, out)); });
  tick(3s);
  ASSERT_EQ(nodes_.at("a").finished.size(), 1U);
  EXPECT_EQ(nodes_.at("a").finished[0].result.answers.size(), 3U);

  q.name = "load";
  act("a", [&](roster& m, roster_output& out) { ASSERT_TRUE(m.ask(q, now_, out)); });
  tick(1s);
  for (const auto* name : {"a", "b", "c"}) {
    ASSERT_EQ(nodes_.at(name).asked.size(), 1U) << name;
    const auto id = nodes_.at(name).asked[0].id;
    act(name, [&](roster& m, roster_output& out) { m.answer_query(id, name, now_, out); });
  }
  ASSERT_EQ(nodes_.at("a").finished.size(), 2U);
  EXPECT_EQ(nodes_.at("a").finished[1].result.answers.size(), 3U);
}

TEST_F(rosters, rubbish_and_packets_of_another_cluster_change_nothing) {
  start_all({"a", "b"});
  const auto version = nodes_.at("a").machine.members().version();
  act("a", [this](roster& m, roster_output& out) {
    for (const std::string bytes : {"", "x", "\xff\xff\xff\xff", "rubbish of some length"}) {
      m.on_packet("nobody:1", channel::datagram, bytes, now_, out);
      m.on_packet("nobody:1", channel::stream, bytes, now_, out);
    }
    EXPECT_TRUE(out.events.empty());
    EXPECT_FALSE(out.picture_changed);
  });
  EXPECT_EQ(nodes_.at("a").machine.members().version(), version);
}

TEST_F(rosters, what_the_others_would_refuse_is_refused_at_once) {
  auto self = introduce("a", 1);
  self.told.tags["zone"] = std::string(5000, 'x');
  EXPECT_FALSE(roster::make(self, *profile("lan"), "1", random(1)));
  self = introduce("", 1);
  EXPECT_FALSE(roster::make(self, *profile("lan"), "1", random(1)));
}

TEST_F(rosters, only_a_failed_member_can_be_sent_away) {
  start_all({"a", "b", "c"});
  act("a", [this](roster& m, roster_output& out) {
    EXPECT_EQ(m.force_leave("b", now_, out).error().code, errc::condition_failed);
    EXPECT_EQ(m.force_leave("nobody", now_, out).error().code, errc::not_found);
  });
  kill("c");
  tick(60s);
  act("a", [this](roster& m, roster_output& out) { EXPECT_TRUE(m.force_leave("c", now_, out)); });
  tick(5s);
  EXPECT_EQ(state("b", "c"), member_state::departed);
}

}  // namespace
}  // namespace troupe::membership
