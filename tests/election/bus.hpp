// A handful of election machines on virtual time, joined by a perfect network and a perfect membership
// that a test may cut and falsify. Small on purpose: faults at random are the simulator's.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/election/election.hpp"

namespace troupe::test {

class bus {
 public:
  struct node {
    std::unique_ptr<election> machine;
    std::uint64_t starts = 0;
    std::uint64_t crashes = 0;
    std::int32_t priority = 0;
    std::string disk;
    std::vector<election_event> events;
    incarnation_id id;
  };

  explicit bus(std::uint32_t expected, duration lease = std::chrono::milliseconds(600))
      : expected_(expected), lease_(lease) {}

  duration latency = std::chrono::milliseconds(1);
  duration disk_time = std::chrono::milliseconds(2);
  duration detection = std::chrono::seconds(1);
  bool accept_joiners = true;
  bool by_seeds = false;
  bool take_over = false;
  duration hold_down = std::chrono::seconds(10);
  std::map<std::string, std::string> other_shards;      // a node's own idea of cache.shards, else 256
  std::map<std::string, std::uint32_t> other_expected;  // a node's own idea of expected_members
  std::set<std::pair<std::string, std::string>> cuts;   // from, to
  std::map<election_kind, int> sent;                    // by kind, since clear()
  std::function<bool(const std::string&, const std::string&, const election_message&)> drop;

  time_point now() const { return now_; }
  election& at(const std::string& name) { return *nodes_.at(name).machine; }
  node& raw(const std::string& name) { return nodes_.at(name); }
  bool up(const std::string& name) const { return nodes_.contains(name) && nodes_.at(name).machine != nullptr; }

  /// Starts the node with what is on its disk and lets everybody see everybody.
  void start(const std::string& name, std::int32_t priority = 0) {
    auto& n = nodes_[name];
    ++n.starts;
    n.priority = priority;
    n.id = {std::hash<std::string>{}(name) | 1U, n.starts};
    const auto fresh = voter_id{++voter_ids_, 77};
    auto file = open_vote_file(n.disk, fresh);
    election_options options;
    options.self = {name, n.id};
    options.address = name + ":7070";
    options.priority = priority;
    options.expected_members = other_expected.contains(name) ? other_expected.at(name) : expected_;
    options.equal_values["cache.shards"] = other_shards.contains(name) ? other_shards.at(name) : "256";
    options.by_seeds = by_seeds;
    options.accept_joiners = accept_joiners;
    options.lease = lease_;
    options.take_over = take_over;
    options.hold_down = hold_down;
    options.fresh_cluster = {fresh.high, 99};
    n.machine = std::make_unique<election>(options, *file, random(fresh.high), now_);
    for (auto& [other, o] : nodes_) {
      if (other == name || !o.machine) continue;
      tell(name, other, member_state::alive);
      tell(other, name, member_state::alive);
    }
    call(name, [&](election& e, election_output& out) { e.on_tick(now_, out); });
  }
  void start_all(const std::vector<std::string>& names) {
    for (const auto& name : names) start(name);
  }
  /// kill -9: the others are told after `detection`.
  void kill(const std::string& name, bool keep_disk = true) {
    auto& n = nodes_.at(name);
    n.machine.reset();
    ++n.crashes;
    if (!keep_disk) n.disk.clear();
    const auto id = n.id;
    after(detection, [this, name, id] {
      for (auto& [other, o] : nodes_) {
        if (other != name && o.machine && nodes_.at(name).id == id) tell(other, name, member_state::failed);
      }
    });
  }
  /// What membership says at `observer` about `about`.
  void tell(const std::string& observer, const std::string& about, member_state state) {
    auto& n = nodes_.at(about);
    call(observer, [&](election& e, election_output& out) {
      e.on_member({{about, n.id}, state, about + ":7070", n.priority}, now_, out);
    });
  }
  void cut_off(const std::string& name) {
    for (const auto& [other, o] : nodes_) {
      if (other != name) cuts.insert({name, other}), cuts.insert({other, name});
    }
  }
  void call(const std::string& name, const std::function<void(election&, election_output&)>& act) {
    auto& n = nodes_.at(name);
    if (!n.machine) return;
    election_output out;
    act(*n.machine, out);
    carry_out(name, out);
  }
  void after(duration d, std::function<void()> act) { queue_.push({now_ + d, ++order_, std::move(act)}); }

  void run(duration d) {
    const auto end = now_ + d;
    while (true) {
      auto next = end;
      if (!queue_.empty()) next = std::min(next, queue_.top().when);
      std::string ticking;
      for (auto& [name, n] : nodes_) {
        if (n.machine && n.machine->next_tick() < next) {
          next = std::max(now_, n.machine->next_tick());
          ticking = name;
        }
      }
      now_ = std::max(now_, next);
      if (!ticking.empty()) {
        call(ticking, [&](election& e, election_output& out) { e.on_tick(now_, out); });
        ASSERT_GT(at(ticking).next_tick(), now_) << "a tick that leads nowhere: " << at(ticking).phase_name();
      } else if (!queue_.empty() && queue_.top().when <= now_ && now_ <= end) {
        auto act = queue_.top().act;
        queue_.pop();
        act();
      } else {
        return;
      }
    }
  }
  /// The time until `done`; a negative one when `limit` passed first.
  duration run_until(const std::function<bool()>& done, duration limit) {
    const auto begin = now_;
    while (!done()) {
      if (now_ - begin >= limit) return duration(-1);
      run(std::chrono::milliseconds(1));
    }
    return now_ - begin;
  }
  /// The name that every running node takes for the leader, which leads indeed; empty when they differ.
  std::string leader() const {
    std::string name;
    for (const auto& [own, n] : nodes_) {
      if (!n.machine) continue;
      const auto& l = n.machine->leader_now();
      if (!l || (!name.empty() && name != l->who.name)) return {};
      name = l->who.name;
    }
    return up(name) && nodes_.at(name).machine->may_act(now_) ? name : std::string();
  }
  duration until_leader(duration limit = std::chrono::seconds(20)) {
    return run_until([this] { return !leader().empty(); }, limit);
  }
  /// Until this very node leads; a negative one when `limit` passed first.
  duration until_leads(const std::string& name, duration limit = std::chrono::seconds(20)) {
    return run_until([&] { return leader() == name; }, limit);
  }
  template <class Event>
  std::vector<Event> events(const std::string& name) const {
    std::vector<Event> found;
    for (const auto& e : nodes_.at(name).events) {
      if (const auto* event = std::get_if<Event>(&e)) found.push_back(*event);
    }
    return found;
  }

 private:
  struct happening {
    time_point when;
    std::uint64_t order;
    std::function<void()> act;
    bool operator<(const happening& other) const { return std::tie(when, order) > std::tie(other.when, other.order); }
  };

  void carry_out(const std::string& name, election_output& out) {
    auto& n = nodes_.at(name);
    const auto starts = n.starts;
    for (auto& packet : out.packets) {
      const auto m = decode_election_message(packet.bytes);
      if (!m || cuts.contains({name, packet.to.name}) || (drop && drop(name, packet.to.name, *m))) continue;
      ++sent[m->kind];
      after(latency, [this, from = member_ref{name, n.id}, packet] {
        const auto to = nodes_.find(packet.to.name);
        if (to == nodes_.end() || to->second.id != packet.to.id) return;
        call(packet.to.name, [&](election& e, election_output& o) { e.on_message(from, packet.bytes, now_, o); });
      });
    }
    if (out.persist) {
      after(disk_time, [this, name, starts, crashes = n.crashes, write = *out.persist] {
        auto& writer = nodes_.at(name);
        if (writer.starts != starts || writer.crashes != crashes) return;
        writer.disk = write.bytes;
        call(name, [&](election& e, election_output& o) { e.on_persisted(write.token, now_, o); });
      });
    }
    for (auto& e : out.events) n.events.push_back(std::move(e));
  }

  std::uint32_t expected_;
  duration lease_;
  time_point now_{std::chrono::hours(1)};
  std::map<std::string, node> nodes_;
  std::priority_queue<happening> queue_;
  std::uint64_t order_ = 0;
  std::uint64_t voter_ids_ = 0;
};

}  // namespace troupe::test
