// The two machines of locks on virtual time, joined by a wire that a test may cut; commits take a while.
#include <gtest/gtest.h>

#include "runtime/locks/lock_client.hpp"
#include "runtime/locks/lock_server.hpp"

namespace troupe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const member_ref a{"a", {1, 1}};
const member_ref b{"b", {2, 2}};
const member_ref leader{"l", {9, 9}};

struct lock_machines : ::testing::Test {
  lock_machines() {
    server.begin(now);
    for (const auto& who : {a, b})
      clients.emplace(who.name, lock_client(who, 100)).first->second.on_leader(leader, now);
  }
  static lock_request named(const std::string& name, duration wait = {}, duration ttl = seconds(4)) {
    return {lock_kind::lock, name, 1, ttl, wait};
  }
  claim_number claim(const member_ref& who, lock_request r, bool stays = false) {
    return clients.at(who.name).claim(std::move(r), stays, now).value_or(0);
  }
  bool holds(const member_ref& who, claim_number c) { return clients.at(who.name).holds(c, now); }
  void carry(const std::vector<lock_packet>& packets, const member_ref& from) {
    for (const auto& p : packets) {
      if (cut.contains(from.name) || cut.contains(p.to.name)) continue;
      const auto m = decode_lock_message(encode(p.message));
      ASSERT_TRUE(m);
      if (p.to != leader) {
        clients.at(p.to.name).on_answer(*m, now);
        continue;
      }
      std::vector<lock_packet> answers;
      server.on_ask(from, *m, now, answers);
      carry(answers, leader);
    }
  }
  void run(duration d) {
    const auto end = now + d;
    for (; now < end; now += milliseconds(10)) {
      for (const auto& who : {a, b}) {
        std::vector<lock_packet> out;
        auto& client = clients.at(who.name);
        client.run(now, out);
        carry(out, who);
        for (auto& e : client.take_events()) events[who.name].push_back(std::move(e));
      }
      if (commits) {
        if (auto next = server.next_table(now)) {
          std::vector<lock_packet> out;
          server.on_table(*decode_lock_table(encode(*next)), now, out);
          carry(out, leader);
        }
      }
    }
  }
  time_point now{std::chrono::hours(5)};
  lock_server server;
  std::map<std::string, lock_client> clients;
  std::map<std::string, std::vector<lock_event>> events;
  std::set<std::string> cut;
  bool commits = true;
};

TEST_F(lock_machines, a_free_lock_is_given_and_kept_as_long_as_it_is_renewed) {
  const auto c = claim(a, named("x"));
  run(milliseconds(50));
  ASSERT_TRUE(holds(a, c));
  ASSERT_EQ(events["a"].size(), 1U);
  EXPECT_EQ(events["a"][0].token, 1U);
  run(seconds(60));
  EXPECT_TRUE(holds(a, c));
  EXPECT_EQ(server.counts().granted, 1U);
}

TEST_F(lock_machines, who_does_not_wait_is_refused_with_the_holders_name) {
  claim(a, named("x"));
  run(milliseconds(50));
  claim(b, named("x"));
  run(milliseconds(50));
  ASSERT_EQ(events["b"].size(), 1U);
  EXPECT_EQ(events["b"][0].why.code, errc::condition_failed);
  EXPECT_EQ(events["b"][0].why.context, "held by a");
}

TEST_F(lock_machines, of_two_at_once_one_is_refused) {
  const auto first = claim(a, named("x"));
  const auto second = claim(b, named("x"));
  run(milliseconds(100));
  EXPECT_TRUE(holds(a, first));
  EXPECT_FALSE(holds(b, second));
  EXPECT_EQ(events["b"].at(0).why.code, errc::condition_failed);
}

TEST_F(lock_machines, a_wait_ends_when_its_time_is_over) {
  claim(a, named("x"));
  run(milliseconds(50));
  claim(b, named("x", seconds(2)));
  run(milliseconds(1900));
  EXPECT_TRUE(events["b"].empty());
  run(milliseconds(200));
  ASSERT_EQ(events["b"].size(), 1U);
  EXPECT_EQ(events["b"][0].why.code, errc::deadline_exceeded);
}

TEST_F(lock_machines, without_an_answer_a_request_ends_soon) {
  cut.insert("a");
  claim(a, named("x"));
  run(lock_answer_max + milliseconds(50));
  ASSERT_EQ(events["a"].size(), 1U);
  EXPECT_EQ(events["a"][0].why.code, errc::unavailable);
}

TEST_F(lock_machines, a_hold_ends_at_its_holder_before_anybody_else_gets_it) {
  const auto c = claim(a, named("x"));
  run(milliseconds(50));
  const auto next = claim(b, named("x", seconds(60)));
  run(seconds(2));
  cut.insert("a");
  int without = 0;
  for (int i = 0; i < 600 && !holds(b, next); ++i) {
    run(milliseconds(10));
    EXPECT_FALSE(holds(a, c) && holds(b, next));
    if (!holds(a, c)) ++without;
  }
  EXPECT_TRUE(holds(b, next));
  EXPECT_GT(without, 0);
  EXPECT_EQ(events["a"].back().what, lock_event::kind::lost);
  EXPECT_EQ(server.counts().expired, 1U);
}

// As after a pause of the holder: its ask comes while the table without it is being committed.
TEST_F(lock_machines, a_hold_that_is_over_is_not_renewed_while_the_table_without_it_is_on_its_way) {
  const auto c = claim(a, named("x"), true);
  run(milliseconds(50));
  const auto next = claim(b, named("x", seconds(60)));
  commits = false;
  cut.insert("a");
  std::optional<lock_table> proposed;
  for (int i = 0; i < 600 && !proposed; ++i) {
    run(milliseconds(10));
    proposed = server.next_table(now);
  }
  ASSERT_TRUE(proposed);
  cut.clear();
  run(seconds(1));
  EXPECT_FALSE(holds(a, c)) << "it asked, and is told that this is over";
  std::vector<lock_packet> out;
  server.on_table(*proposed, now, out);
  carry(out, leader);
  EXPECT_TRUE(holds(b, next));
  EXPECT_FALSE(holds(a, c));
  commits = true;
  clients.at("b").drop(next, now);
  run(seconds(3));
  EXPECT_TRUE(holds(a, c)) << "given anew";
}

TEST_F(lock_machines, a_new_leader_takes_nothing_away_before_a_whole_ttl) {
  const auto c = claim(a, named("x"));
  run(milliseconds(50));
  const auto next = claim(b, named("x", seconds(60)));
  cut.insert("a");  // it cannot reach the new leader, but may have had the old one's word a moment ago
  server.end();
  now += seconds(1);
  server.begin(now);
  run(milliseconds(3950));
  EXPECT_FALSE(holds(b, next));
  run(milliseconds(200));
  EXPECT_TRUE(holds(b, next));
  EXPECT_FALSE(holds(a, c));
}

TEST_F(lock_machines, an_old_word_of_an_old_leader_prolongs_nothing) {
  const auto c = claim(a, named("x"));
  run(milliseconds(50));
  const auto until = clients.at("a").held_until(c);
  lock_message late{1, true, {}};
  lock_item item;
  item.what = lock_word::held;
  item.claim = c;
  item.key = {lock_kind::lock, "x"};
  item.ttl = lock_ttl_max;
  item.token = 1;
  late.items = {item};
  clients.at("a").on_answer(late, now);
  EXPECT_LE(clients.at("a").held_until(c), until);
  late.sequence = 77;  // never asked
  clients.at("a").on_answer(late, now);
  EXPECT_LE(clients.at("a").held_until(c), until);
}

TEST_F(lock_machines, a_semaphore_goes_to_so_many_who_agree_on_the_number) {
  const auto permits = [](std::uint32_t n, duration wait) {
    return lock_request{lock_kind::semaphore, "s", n, seconds(4), wait};
  };
  const auto first = claim(a, permits(2, {}));
  const auto second = claim(a, permits(2, {}));
  run(milliseconds(50));
  EXPECT_TRUE(holds(a, first));
  EXPECT_TRUE(holds(a, second));
  claim(b, permits(3, {}));
  run(milliseconds(50));
  EXPECT_EQ(events["b"].at(0).why.code, errc::invalid_argument);
  EXPECT_EQ(events["b"].at(0).why.context, "it has 2 permits");
  const auto third = claim(b, permits(2, seconds(30)));
  run(seconds(1));
  EXPECT_FALSE(holds(b, third));
  clients.at("a").drop(first, now);
  run(milliseconds(50));
  EXPECT_TRUE(holds(b, third));
  EXPECT_TRUE(holds(a, second));
}

TEST_F(lock_machines, a_claim_that_stays_is_made_anew_when_it_is_lost) {
  const auto c = claim(a, {lock_kind::role, "r", 1, seconds(2), {}}, true);
  run(milliseconds(50));
  ASSERT_TRUE(holds(a, c));
  cut.insert("a");
  run(seconds(5));
  EXPECT_FALSE(holds(a, c));
  cut.clear();
  run(seconds(1));
  EXPECT_TRUE(holds(a, c));
  ASSERT_EQ(events["a"].size(), 3U);
  EXPECT_EQ(events["a"][1].what, lock_event::kind::lost);
  EXPECT_GT(events["a"][2].token, events["a"][0].token);
}

TEST_F(lock_machines, what_was_dropped_while_it_was_given_is_let_go_of) {
  commits = false;
  const auto c = claim(a, named("x", seconds(10)));
  run(milliseconds(50));
  const auto pending = server.next_table(now);
  ASSERT_TRUE(pending);
  clients.at("a").drop(c, now);
  run(milliseconds(50));
  std::vector<lock_packet> out;
  server.on_table(*pending, now, out);
  EXPECT_TRUE(out.empty());
  const auto next = server.next_table(now);
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->rows.empty());
  EXPECT_EQ(next->last_token, 1U) << "the token is not given again";
}

TEST_F(lock_machines, a_hold_for_another_ends_when_it_is_not_kept) {
  const auto c = claim(a, named("x"));
  run(milliseconds(50));
  ASSERT_TRUE(clients.at("a").keep(c, now + seconds(10)));
  run(seconds(9));
  EXPECT_TRUE(holds(a, c));
  ASSERT_TRUE(clients.at("a").keep(c, now + seconds(10)));
  run(seconds(9));
  EXPECT_TRUE(holds(a, c));
  run(milliseconds(1100));
  EXPECT_FALSE(holds(a, c));
  EXPECT_TRUE(server.table().rows.empty());
  EXPECT_EQ(clients.at("a").keep(c, now + seconds(10)).error().code, errc::not_found);
}

TEST_F(lock_machines, limits_are_refused_by_name) {
  auto& client = clients.at("a");
  EXPECT_EQ(client.claim(named("a b"), false, now).error().code, errc::invalid_argument);
  std::size_t made = 0;
  while (made <= lock_claims_max && client.claim(named("n" + std::to_string(made)), false, now)) ++made;
  EXPECT_EQ(made, lock_claims_max);
  run(milliseconds(100));
  EXPECT_EQ(server.table().rows.size(), lock_rows_max);
  claim(b, named("one-more"));
  run(milliseconds(100));
  EXPECT_EQ(events["b"].at(0).why.context, "too many locks");
}

}  // namespace
}  // namespace troupe
