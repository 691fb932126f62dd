// The key-value service's machines without a network: founding, requests, and what bad input does.
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/kvs/kvs_machine.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

const incarnation_id disk_a{1, 1};

kvs_cell cell_of(std::uint64_t ballot, std::string bytes) {
  kvs_cell c;
  c.promised = c.accepted = ballot;
  c.promised_to = disk_a;
  c.value.version = ballot;
  c.value.present = true;
  c.value.bytes = std::move(bytes);
  return c;
}

// --- machines without a network: messages are handed over at once, writes are durable at once

class kvs_machines : public ::testing::Test {
 protected:
  kvs_machine& start(const std::string& name, std::uint32_t expected, bool runs = true) {
    kvs_options o;
    o.self = name;
    o.id = {++ids, 7};
    o.runs = runs;
    o.expected = expected;
    auto& there = machines[name];
    there = std::make_unique<kvs_machine>(o, kvs_image{}, random(++ids), now);
    services[name] = runs;
    return *there;
  }
  void tell_peers() {
    for (auto& [name, machine] : machines) {
      std::vector<kvs_peer> peers;
      for (const auto& [other, runs] : services) {
        if (other != name) peers.push_back({other, runs});
      }
      kvs_output out;
      machine->on_peers(peers, now, out);
      take(name, out);
    }
  }
  void run_for(duration d) {
    for (const auto end = now + d; now < end; now += 50ms) {
      for (auto& [name, machine] : machines) {
        kvs_output out;
        machine->on_tick(now, out);
        take(name, out);
      }
      deliver();
    }
  }
  void take(const std::string& from, kvs_output& out) {
    for (auto& p : out.packets) queue.push_back({from, p.to, std::move(p.bytes)});
    for (auto& r : out.results) results.push_back(std::move(r));
    if (!out.write) return;
    kvs_output more;
    machines[from]->on_persisted(out.write->token, disk_works, now, more);
    take(from, more);
  }
  void deliver() {
    while (!queue.empty()) {
      const auto p = queue.front();
      queue.pop_front();
      if (!machines.contains(p.to)) continue;
      kvs_output out;
      machines[p.to]->on_message(p.from, p.bytes, now, out);
      take(p.to, out);
    }
  }
  kvs_result ask(const std::string& at, kvs_request r) {
    r.id = ++ids;
    r.deadline = now + 2s;
    kvs_output out;
    machines[at]->on_request(r, now, out);
    take(at, out);
    deliver();
    run_for(3s);
    for (const auto& result : results) {
      if (result.id == r.id) return result;
    }
    ADD_FAILURE() << "no answer";
    return {};
  }
  struct packet {
    std::string from, to, bytes;
  };
  time_point now{};
  std::uint64_t ids = 0;
  bool disk_works = true;
  std::map<std::string, std::unique_ptr<kvs_machine>> machines;
  std::map<std::string, bool> services;
  std::deque<packet> queue;
  std::vector<kvs_result> results;
};

kvs_request put_of(std::string key, std::string value) {
  kvs_request r;
  r.op = kvs_op::put;
  r.key = std::move(key);
  r.value = std::move(value);
  return r;
}

TEST_F(kvs_machines, one_alone_serves_at_once) {
  start("a", 1);
  run_for(100ms);
  EXPECT_TRUE(machines["a"]->group().serves());
  EXPECT_EQ(ask("a", put_of("k", "v")).code, errc::ok);
}

TEST_F(kvs_machines, a_node_of_a_cluster_without_the_service_needs_no_clock_until_another_has_it) {
  start("user", 3, false);
  start("other", 3, false);
  tell_peers();
  run_for(1s);
  EXPECT_EQ(machines["user"]->next_tick(), time_point::max());
  for (const auto* name : {"a", "b", "c"}) start(name, 3);
  tell_peers();
  EXPECT_NE(machines["user"]->next_tick(), time_point::max());
  run_for(1s);
  EXPECT_TRUE(machines["user"]->group().founded());
  EXPECT_EQ(ask("user", put_of("k", "v")).code, errc::ok);
}

TEST_F(kvs_machines, three_found_a_group_and_a_user_finds_it) {
  for (const auto* name : {"a", "b", "c"}) start(name, 3);
  start("user", 3, false);
  tell_peers();
  run_for(1s);
  for (const auto* name : {"a", "b", "c"}) EXPECT_TRUE(machines[name]->group().serves()) << name;
  const auto done = ask("user", put_of("k", "v"));
  EXPECT_EQ(done.code, errc::ok) << done.context;
  kvs_request r;
  r.key = "k";
  const auto read = ask("b", r);
  EXPECT_EQ(read.value, "v");
  EXPECT_EQ(read.version, done.version);
  r.op = kvs_op::list;
  r.key.clear();
  EXPECT_EQ(ask("user", r).keys, std::vector<std::string>{"k"});
  r.op = kvs_op::is_alive;
  EXPECT_EQ(ask("user", r).code, errc::ok);
}

TEST_F(kvs_machines, more_than_expected_begin_nothing_and_say_why) {
  for (const auto* name : {"a", "b", "c", "d"}) start(name, 3);
  tell_peers();
  run_for(2s);
  EXPECT_FALSE(machines["a"]->group().founded());
  EXPECT_NE(machines["a"]->status().fault.find("4 members run kvs"), std::string::npos);
}

TEST_F(kvs_machines, a_further_member_is_a_spare_that_uses_the_service) {
  for (const auto* name : {"a", "b", "c"}) start(name, 3);
  tell_peers();
  run_for(1s);
  start("d", 3);
  tell_peers();
  run_for(6s);
  EXPECT_FALSE(machines["d"]->group().serves());
  EXPECT_NE(machines["d"]->status().fault.find("a spare"), std::string::npos);
  EXPECT_EQ(ask("d", put_of("k", "v")).code, errc::ok);
}

TEST_F(kvs_machines, members_that_expect_another_number_are_named) {
  start("a", 3);
  start("b", 5);
  tell_peers();
  run_for(1s);
  EXPECT_NE(machines["a"]->status().fault.find("b expects another number of kvs members: 5"), std::string::npos);
}

TEST_F(kvs_machines, two_groups_that_meet_do_not_mix_and_say_so) {
  start("a", 1);
  run_for(200ms);
  start("b", 1);
  {
    kvs_output out;
    machines["b"]->on_tick(now, out);
    take("b", out);
  }
  tell_peers();
  run_for(6s);
  EXPECT_NE(machines["a"]->status().fault.find("another kvs group"), std::string::npos);
  EXPECT_EQ(machines["a"]->group().roster().names(), "a");
}

TEST_F(kvs_machines, requests_that_make_no_sense_are_refused_at_once) {
  start("a", 1);
  run_for(100ms);
  EXPECT_EQ(ask("a", put_of("", "v")).code, errc::invalid_argument);
  EXPECT_EQ(ask("a", put_of(std::string(kvs_key_bytes_max + 1, 'k'), "v")).code, errc::too_large);
  EXPECT_EQ(ask("a", put_of("k", std::string(kvs_value_bytes_max + 1, 'v'))).code, errc::too_large);
  auto r = put_of("k", "v");
  r.ttl = kvs_ttl_max + 1s;
  EXPECT_EQ(ask("a", r).code, errc::invalid_argument);
  EXPECT_EQ(ask("a", put_of(std::string(kvs_key_bytes_max, 'k'), std::string(kvs_value_bytes_max, 'v'))).code,
            errc::ok);
}

TEST_F(kvs_machines, without_a_disk_nothing_is_answered_and_the_fault_is_told) {
  start("a", 1);
  run_for(100ms);
  disk_works = false;
  EXPECT_EQ(ask("a", put_of("k", "v")).code, errc::unavailable) << "the promise was never on the disk";
  EXPECT_NE(machines["a"]->status().fault.find("disk"), std::string::npos);
  disk_works = true;
  run_for(2s);
  EXPECT_EQ(machines["a"]->status().fault, "");
  EXPECT_EQ(ask("a", put_of("k", "v")).code, errc::ok);
}

TEST_F(kvs_machines, bytes_that_are_no_message_are_counted_and_change_nothing) {
  start("a", 1);
  run_for(100ms);
  kvs_output out;
  machines["a"]->on_message("b", "nonsense", now, out);
  EXPECT_EQ(machines["a"]->status().malformed, 1U);
  EXPECT_TRUE(out.packets.empty());
}

/// The answer to a deletion is lost, somebody else brings the deletion to its end, all forget the key, and
/// somebody writes it anew: the deletion must not be done a second time.
TEST_F(kvs_machines, a_deletion_that_was_done_and_forgotten_is_not_done_twice) {
  kvs_proposer proposer({9, 9}, random(1));
  kvs_proposer::output out;
  const auto roster = founding_of({{"a", disk_a}});
  proposer.on_roster(roster, now, out);
  kvs_request r;
  r.id = 1;
  r.op = kvs_op::erase;
  r.key = "k";
  r.deadline = now + 10s;
  proposer.on_request(r, now, out);
  const auto answer = [&](kvs_kind kind, const kvs_message& to) {
    kvs_message m;
    m.kind = kind;
    m.group = to.group;
    m.epoch = to.epoch;
    m.round = to.round;
    m.ballot = to.ballot;
    m.proposer = to.proposer;
    m.granted = true;
    return m;
  };
  auto prepare = out.packets.back().message;
  auto promise = answer(kvs_kind::promise, prepare);
  promise.accepted = first_ballot_of(1) + 1;
  promise.value = cell_of(promise.accepted, "v").value;
  proposer.on_answer("a", promise, now, out);
  const auto tombstone = out.packets.back().message;
  ASSERT_EQ(tombstone.kind, kvs_kind::accept);
  auto lost = answer(kvs_kind::accepted, tombstone);
  lost.granted = false;
  lost.why = kvs_refusal::promised;
  lost.promised = tombstone.ballot + 1;
  proposer.on_answer("a", lost, now, out);
  now += 1s;
  proposer.on_tick(now, out);
  prepare = out.packets.back().message;
  ASSERT_EQ(prepare.kind, kvs_kind::prepare);
  promise = answer(kvs_kind::promise, prepare);
  promise.accepted = tombstone.ballot + 2;
  promise.value = cell_of(promise.accepted, "anew").value;
  promise.value.gone = tombstone.ballot + 1;  // over nothing: what was before may have been the tombstone
  proposer.on_answer("a", promise, now, out);
  ASSERT_EQ(out.results.size(), 1U);
  EXPECT_EQ(out.results.front().code, errc::outcome_unknown);
}

}  // namespace
}  // namespace troupe
