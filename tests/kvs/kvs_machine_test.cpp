// The key-value service's parts on their own: codecs, the journal, cells, founding, and what bad input does.
#include <deque>
#include <map>
#include <memory>

#include <gtest/gtest.h>

#include "runtime/kvs/kvs_machine.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

const incarnation_id disk_a{1, 1}, disk_b{2, 2}, disk_c{3, 3};

kvs_cell cell_of(std::uint64_t ballot, std::string bytes, duration ttl = {}) {
  kvs_cell c;
  c.promised = c.accepted = ballot;
  c.promised_to = disk_a;
  c.value.version = ballot;
  c.value.present = true;
  c.value.bytes = std::move(bytes);
  c.value.ttl = ttl;
  return c;
}

kvs_meta meta_of() {
  kvs_meta m;
  m.disk = disk_a;
  m.roster = founding_of({{"c", disk_c}, {"a", disk_a}, {"b", disk_b}});
  m.founded = true;
  m.floor = first_ballot_of(1) + 3;
  return m;
}

// --- journal

std::string journal_of_three() {
  kvs_batch first;
  first.meta = meta_of();
  first.cells.emplace_back("x", cell_of(first_ballot_of(1) + 5, "one"));
  kvs_batch second;
  second.cells.emplace_back("y", cell_of(first_ballot_of(1) + 6, "two", 5s));
  kvs_batch third;
  third.cells.emplace_back("x", std::nullopt);
  return encode(first) + encode(second) + encode(third);
}

TEST(kvs_journal, reads_back_what_was_written) {
  const auto image = read_kvs_journal(journal_of_three());
  ASSERT_TRUE(image);
  EXPECT_EQ(image->meta, meta_of());
  ASSERT_EQ(image->cells.size(), 1U);
  EXPECT_EQ(image->cells.at("y"), cell_of(first_ballot_of(1) + 6, "two", 5s));
  EXPECT_FALSE(image->torn);
  EXPECT_TRUE(read_kvs_journal({})) << "no file is an empty member";
}

TEST(kvs_journal, a_torn_last_batch_is_dropped_at_every_length) {
  const auto whole = journal_of_three();
  kvs_batch third;
  third.cells.emplace_back("x", std::nullopt);
  const auto before = whole.size() - encode(third).size();
  for (std::size_t size = before + 1; size < whole.size(); ++size) {
    const auto image = read_kvs_journal(whole.substr(0, size));
    ASSERT_TRUE(image) << size;
    EXPECT_TRUE(image->torn);
    EXPECT_EQ(image->cells.size(), 2U) << "the last batch did not happen";
  }
  EXPECT_FALSE(read_kvs_journal(whole.substr(0, before))->torn);
}

TEST(kvs_journal, damage_with_sound_batches_behind_it_is_refused) {
  const auto whole = journal_of_three();
  kvs_batch third;
  third.cells.emplace_back("x", std::nullopt);
  const auto last = whole.size() - encode(third).size();
  for (std::size_t at = 0; at < last; ++at) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    const auto image = read_kvs_journal(damaged);
    ASSERT_FALSE(image) << at;
    EXPECT_EQ(image.error().code, errc::corrupt);
  }
}

// --- messages

kvs_message full_message() {
  kvs_message m;
  m.kind = kvs_kind::promise;
  m.group = disk_a;
  m.epoch = 2;
  m.round = 7;
  m.ballot = first_ballot_of(2) + 9;
  m.proposer = disk_b;
  m.key = "k";
  m.granted = true;
  m.promised = first_ballot_of(2) + 1;
  m.accepted = first_ballot_of(2) + 2;
  m.value = cell_of(m.accepted, "v", 3s).value;
  m.ttl_left = 2s;
  return m;
}

TEST(kvs_messages, are_read_back_and_refused_when_cut_or_out_of_bounds) {
  const auto bytes = encode(full_message());
  const auto back = decode_kvs_message(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) (void)decode_kvs_message(bytes.substr(0, size));
  auto m = full_message();
  m.ballot = first_ballot_of(kvs_epoch_max);
  EXPECT_FALSE(decode_kvs_message(encode(m)));
  m = full_message();
  m.key.assign(kvs_key_bytes_max + 1, 'k');
  EXPECT_FALSE(decode_kvs_message(encode(m)));
  m = full_message();
  m.value.version = m.ballot + 1;
  EXPECT_FALSE(decode_kvs_message(encode(m))) << "a version above the ballot it came with";
  m = full_message();
  m.value = {};
  EXPECT_FALSE(decode_kvs_message(encode(m))) << "accepted, and no value";
  EXPECT_FALSE(decode_kvs_message(""));
  EXPECT_FALSE(decode_kvs_message(std::string(100, '\xff')));
}

// --- cells

kvs_message prepare_of(std::uint64_t ballot, const incarnation_id& who = disk_b, std::uint64_t room = 0) {
  kvs_message m;
  m.kind = kvs_kind::prepare;
  m.key = "k";
  m.ballot = ballot;
  m.proposer = who;
  m.promised = room;
  return m;
}
kvs_message accept_of(std::uint64_t ballot, std::string bytes, bool present = true) {
  kvs_message m;
  m.kind = kvs_kind::accept;
  m.key = "k";
  m.ballot = ballot;
  m.value.version = ballot;
  m.value.present = present;
  m.value.bytes = std::move(bytes);
  return m;
}

class kvs_cells : public ::testing::Test {
 protected:
  kvs_message prepare(std::uint64_t ballot, const incarnation_id& who = disk_b, std::uint64_t room = 0) {
    kvs_message answer;
    cells.prepare(prepare_of(ballot, who, room), now, answer);
    return answer;
  }
  kvs_message accept(std::uint64_t ballot, const std::string& bytes, bool present = true) {
    kvs_message answer;
    cells.accept(accept_of(ballot, bytes, present), now, answer);
    return answer;
  }
  time_point now{};
  kvs_acceptor cells{{}, 10'000, now};
};

TEST_F(kvs_cells, a_ballot_is_granted_once_and_again_only_to_the_same_proposer) {
  EXPECT_TRUE(prepare(5).granted);
  EXPECT_TRUE(prepare(5).granted) << "a repeat";
  const auto other = prepare(5, disk_c);
  EXPECT_FALSE(other.granted);
  EXPECT_EQ(other.promised, 5U);
  EXPECT_FALSE(prepare(4).granted);
  EXPECT_TRUE(prepare(6, disk_c).granted);
  EXPECT_FALSE(accept(5, "late").granted);
  EXPECT_TRUE(accept(6, "v").granted);
  const auto shown = prepare(7);
  EXPECT_EQ(shown.accepted, 6U);
  EXPECT_EQ(shown.value.bytes, "v");
}

TEST_F(kvs_cells, what_was_dropped_cannot_be_brought_back_by_a_late_message) {
  EXPECT_TRUE(accept(5, "v").granted);
  EXPECT_TRUE(accept(8, "", false).granted);
  cells.drop("k", 5);
  EXPECT_EQ(cells.cells(), 1U) << "another ballot's tombstone";
  EXPECT_TRUE(prepare(9).granted);
  cells.drop("k", 8);
  EXPECT_EQ(cells.cells(), 1U) << "something higher was promised since";
  EXPECT_TRUE(accept(9, "", false).granted);
  cells.drop("k", 9);
  EXPECT_EQ(cells.cells(), 0U);
  EXPECT_EQ(cells.bytes(), 0U);
  EXPECT_FALSE(accept(5, "v").granted);
  EXPECT_FALSE(prepare(9).granted);
  EXPECT_TRUE(prepare(10).granted);
}

TEST_F(kvs_cells, a_promise_that_nothing_follows_is_forgotten_and_still_binds) {
  EXPECT_TRUE(prepare(5).granted);
  now += kvs_acceptor::promise_keep;
  cells.forget_promises(now);
  EXPECT_EQ(cells.cells(), 0U);
  EXPECT_FALSE(accept(4, "late").granted);
  EXPECT_FALSE(prepare(5, disk_c).granted);
}

TEST_F(kvs_cells, memory_is_bounded_and_freed) {
  EXPECT_EQ(prepare(5, disk_b, 20'000).why, kvs_refusal::full);
  EXPECT_TRUE(accept(5, std::string(9000, 'x')).granted);
  EXPECT_EQ(accept(6, std::string(9999, 'x')).why, kvs_refusal::full);
  EXPECT_TRUE(accept(6, std::string(8000, 'x')).granted) << "a smaller one in its place";
  EXPECT_TRUE(accept(7, "", false).granted);
  EXPECT_LT(cells.bytes(), 200U);
}

TEST_F(kvs_cells, writes_carry_what_changed_and_everything_after_a_failure) {
  EXPECT_TRUE(accept(5, "v").granted);
  auto first = cells.take_write();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->whole);
  EXPECT_TRUE(accept(6, "w").granted);
  EXPECT_FALSE(cells.take_write()) << "one at a time";
  cells.on_persisted(first->token, true);
  EXPECT_EQ(cells.durable(), first->token);
  EXPECT_LT(cells.durable(), cells.version_of("k"));
  auto second = cells.take_write();
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->whole);
  cells.on_persisted(second->token, false);
  EXPECT_EQ(cells.durable(), first->token);
  auto third = cells.take_write();
  ASSERT_TRUE(third);
  EXPECT_TRUE(third->whole);
  auto image = read_kvs_journal(third->bytes);
  kvs_batch named;  // a member's file begins with who it is
  EXPECT_FALSE(image) << "cells without a member are refused";
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
