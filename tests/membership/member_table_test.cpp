#include "runtime/membership/member_table.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace troupe::membership {
namespace {

const auto anybody = [](const record&) { return true; };

record member(int n, member_state s = member_state::alive, std::uint64_t incarnation = 1) {
  record r;
  r.name = "m" + std::to_string(n);
  r.id = {static_cast<std::uint64_t>(n) + 1, 1};
  r.incarnation = incarnation;
  r.state = s;
  return r;
}

TEST(member_table, visits_every_live_member_once_a_round) {
  random rng(1);
  member_table t;
  for (int n = 0; n < 20; ++n) t.put(member(n), rng);
  t.put(member(20, member_state::failed), rng);
  std::vector<std::string> previous;
  for (int round = 0; round < 10; ++round) {
    std::vector<std::string> order;
    for (int i = 0; i < 20; ++i) order.push_back(t.next_to_probe(rng, anybody)->name);
    EXPECT_EQ(std::set<std::string>(order.begin(), order.end()).size(), 20U);
    EXPECT_NE(order, previous) << "each round has its own order";
    previous = order;
  }
}

TEST(member_table, a_member_that_dies_leaves_the_round_and_the_choice) {
  random rng(1);
  member_table t;
  for (int n = 0; n < 5; ++n) t.put(member(n), rng);
  t.set_state(*t.find("m3"), member_state::failed, time_point{});
  EXPECT_EQ(t.live_count(), 4U);
  for (int i = 0; i < 20; ++i) EXPECT_NE(t.next_to_probe(rng, anybody)->name, "m3");
  for (int i = 0; i < 20; ++i) {
    const auto picked = t.pick(3, rng, anybody);
    std::set<const record*> different(picked.begin(), picked.end());
    EXPECT_EQ(different.size(), 3U);
    EXPECT_EQ(different.count(t.find("m3")), 0U);
  }
  EXPECT_EQ(t.pick_failed(rng)->name, "m3");
  t.set_state(*t.find("m3"), member_state::alive, time_point{});
  EXPECT_EQ(t.pick(9, rng, anybody).size(), 5U);
  t.erase("m3");
  EXPECT_EQ(t.live_count(), 4U);
  EXPECT_EQ(t.pick_failed(rng), nullptr);
}

TEST(member_table, nobody_to_probe_is_no_endless_search) {
  random rng(1);
  member_table t;
  EXPECT_EQ(t.next_to_probe(rng, anybody), nullptr);
  t.put(member(1), rng);
  EXPECT_EQ(t.next_to_probe(rng, [](const record&) { return false; }), nullptr);
}

TEST(member_table, tables_that_agree_on_the_living_have_one_hash) {
  random rng(1);
  member_table of_a, of_b;
  of_a.put(member(1), rng);
  of_a.put(member(2, member_state::suspect), rng);
  of_b.put(member(2), rng);
  of_b.put(member(0), rng);
  of_b.put(member(7, member_state::failed), rng);
  EXPECT_EQ(of_a.live_hash(member(0)), of_b.live_hash(member(1)));
  of_b.find("m2")->incarnation = 2;
  EXPECT_NE(of_a.live_hash(member(0)), of_b.live_hash(member(1)));
}

TEST(member, newer_news_wins_and_departure_is_final) {
  using s = member_state;
  struct row {
    s known;
    std::uint64_t known_incarnation;
    s news;
    std::uint64_t news_incarnation;
    bool wins;
  };
  for (const row r : {row{s::alive, 5, s::alive, 5, false}, row{s::alive, 5, s::suspect, 5, true},
                      row{s::alive, 5, s::suspect, 4, false}, row{s::suspect, 5, s::alive, 5, false},
                      row{s::suspect, 5, s::alive, 6, true}, row{s::failed, 5, s::alive, 5, false},
                      row{s::failed, 5, s::suspect, 5, false}, row{s::failed, 5, s::alive, 6, true},
                      row{s::alive, 5, s::failed, 4, false}, row{s::alive, 5, s::departing, 5, true},
                      row{s::departing, 5, s::alive, 5, false}, row{s::departing, 5, s::suspect, 5, true},
                      row{s::failed, 5, s::departed, 5, true}, row{s::alive, 5, s::departed, 4, false},
                      row{s::departed, 5, s::alive, 9, false}, row{s::departed, 5, s::departed, 9, false}}) {
    update news;
    news.state = r.news;
    news.incarnation = r.news_incarnation;
    EXPECT_EQ(supersedes(news, member(1, r.known, r.known_incarnation)), r.wins)
        << troupe::name_of(r.news) << r.news_incarnation << " over " << troupe::name_of(r.known) << r.known_incarnation;
  }
}

}  // namespace
}  // namespace troupe::membership
