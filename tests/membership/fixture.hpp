// A few membership machines on a perfect wire, with verbs: start("a"), kill("b"), tick(500ms), ...
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/membership/swim.hpp"

namespace troupe::membership {

using namespace std::chrono_literals;

class cluster : public ::testing::Test {
 protected:
  struct node {
    swim machine;
    bool dead = false;    // gone: packets to it vanish
    bool frozen = false;  // stopped: packets to it wait
    std::vector<event> events;
  };
  struct packet_under_way {
    std::string from, to;
    channel how;
    std::string bytes;
  };

  static std::string address_of(const std::string& name) { return name + ":7070"; }

  local_member introduce(const std::string& name) {
    local_member m;
    m.name = name;
    m.address = address_of(name);
    m.id = {++ids_, 1};
    return m;
  }

  /// Starts or restarts; the first one started is the seed of all.
  swim& start(const std::string& name) { return start(introduce(name)); }
  swim& start(const local_member& m) {
    nodes_.erase(m.name);
    auto& n = nodes_.emplace(m.name, node{swim(m, settings_, random(++ids_)), false, false, {}}).first->second;
    if (seed_.empty()) seed_ = m.address;
    output out;
    n.machine.join({seed_}, now_, out);
    carry_out(m.name, out);
    return n.machine;
  }
  void start_all(const std::vector<std::string>& names) {
    for (const auto& n : names) start(n);
    tick(3s);
    for (const auto& a : names) {
      for (const auto& b : names) expect_state(a, b, member_state::alive);
    }
  }

  void kill(const std::string& name) { nodes_.at(name).dead = true; }
  void freeze(const std::string& name) { nodes_.at(name).frozen = true; }
  void thaw(const std::string& name) { nodes_.at(name).frozen = false; }
  void break_link(const std::string& at, const std::string& peer, link_loss how) {
    act(at, [&](swim& m, output& out) { m.on_link_lost(peer, how, now_, out); });
  }
  swim& at(const std::string& name) { return nodes_.at(name).machine; }

  template <class Act>
  void act(const std::string& name, Act what) {
    output out;
    what(at(name), out);
    carry_out(name, out);
    deliver();
  }

  /// Lets time pass; every machine is ticked when it asked for it.
  void tick(duration d) {
    const time_point end = now_ + d;
    deliver();
    for (;;) {
      time_point next = time_point::max();
      for (auto& [name, n] : nodes_) {
        if (!n.dead && !n.frozen) next = std::min(next, n.machine.next_tick());
      }
      if (next > end) break;
      now_ = std::max(now_, next);
      for (auto& [name, n] : nodes_) {
        if (n.dead || n.frozen || n.machine.next_tick() > now_) continue;
        output out;
        n.machine.on_tick(now_, out);
        carry_out(name, out);
      }
      deliver();
    }
    now_ = end;
  }

  /// A packet made by hand, as if `from` had sent it.
  void forge(const std::string& from, const std::string& to, packet p) {
    if (p.from.empty()) {
      p.from = from;
      p.from_id = at(from).self().id;
    }
    p.cluster = cluster_hash("troupe", 1);
    inject(to, encode(p));
  }
  void inject(const std::string& to, const std::string& bytes) {
    act(to, [&](swim& m, output& out) { m.on_packet("nobody:1", channel::datagram, bytes, now_, out); });
  }
  update news_of(const std::string& name, member_state state, std::uint64_t incarnation) {
    const auto& self = at(name).self();
    update u;
    u.name = name;
    u.id = self.id;
    u.address = self.address;
    u.state = state;
    u.incarnation = u.told_at = incarnation;
    return u;
  }

  member_state state(const std::string& observer, const std::string& subject) {
    const record* r = at(observer).find(subject);
    return r == nullptr ? member_state::departed : r->state;
  }
  void expect_state(const std::string& observer, const std::string& subject, member_state s) {
    ASSERT_NE(at(observer).find(subject), nullptr) << observer << " does not know " << subject;
    EXPECT_EQ(troupe::name_of(state(observer, subject)), troupe::name_of(s)) << observer << " on " << subject;
  }
  std::size_t count(const std::string& name, event_kind k) {
    std::size_t sum = 0;
    for (const auto& e : nodes_.at(name).events) sum += e.kind == k ? 1 : 0;
    return sum;
  }

  settings settings_;
  time_point now_ = time_point{} + 1h;

 private:
  void carry_out(const std::string& name, output& out) {
    for (auto& p : out.packets) {
      EXPECT_LE(p.bytes.size(), packet_bytes_max);
      wire_.push_back({address_of(name), p.address, p.how, std::move(p.bytes)});
    }
    auto& events = nodes_.at(name).events;
    events.insert(events.end(), out.events.begin(), out.events.end());
  }
  void deliver() {
    std::deque<packet_under_way> waiting;
    while (!wire_.empty()) {
      auto p = std::move(wire_.front());
      wire_.pop_front();
      const auto to = nodes_.find(p.to.substr(0, p.to.find(':')));
      if (to == nodes_.end() || to->second.dead) continue;
      if (to->second.frozen) {
        waiting.push_back(std::move(p));
        continue;
      }
      output out;
      to->second.machine.on_packet(p.from, p.how, p.bytes, now_, out);
      carry_out(to->first, out);
    }
    wire_ = std::move(waiting);
  }

  std::map<std::string, node> nodes_;
  std::deque<packet_under_way> wire_;
  std::string seed_;
  std::uint64_t ids_ = 0;
};

}  // namespace troupe::membership
