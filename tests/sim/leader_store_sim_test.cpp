// The whole cluster machine with a leader store in the voters' place: the checker of the cluster's simulation
// watches that nobody leads beside another, that terms and stamps rise, and that no shard is served twice.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/cluster_process.hpp"
#include "tests/sim/simulated_leader_store.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr duration lease = 3s;

world_options options_of(std::uint32_t nodes, std::uint64_t seed) {
  world_options o;
  o.nodes = nodes;
  o.seed = seed;
  return o;
}

struct store_stage : cluster_stage {
  store_stage(std::uint32_t nodes, std::uint64_t seed, bool durable, const adjustment& adjust = {})
      : cluster_stage(options_of(nodes, seed), "fast",
                      [adjust](config& c) {
                        c.kvs.type = "redis";
                        if (adjust) adjust(c);
                      }),
        outside(w, durable) {
    store = &outside;
    checks.store_forgets = !durable;
  }
  void start() {
    w.start_all();
    expect_settled("after the start");
  }
  [[nodiscard]] known_leader known(node_index n) const { return *at(n).lead().leader_now(); }
  void expect_leader_within(duration limit, const std::string& what) {
    expect_within(
        w, limit, [this] { return leader().has_value(); }, what);
    expect_sound(w);
  }
  simulated_leader_store outside;
};

TEST(leader_store_sim, a_killed_leader_is_followed_within_a_lease_and_a_second) {
  std::vector<double> gaps;
  for (std::uint64_t seed = 1; seed <= 20 && !::testing::Test::HasFailure(); ++seed) {
    store_stage s(3, seed, true);
    s.start();
    s.w.run_for(s.w.rng().between(2s, 4s));
    const auto begin = s.w.now();
    const auto term = s.known(0).term;
    s.w.crash(*s.leader());
    s.expect_leader_within(lease + 1s, "a new leader");
    EXPECT_GT(s.known(s.running().front()).term, term);
    gaps.push_back(std::chrono::duration<double>(s.w.now() - begin).count());
  }
  std::sort(gaps.begin(), gaps.end());
  if (!gaps.empty()) std::cout << "median " << gaps[gaps.size() / 2] << " s, most " << gaps.back() << " s\n";
}

TEST(leader_store_sim, a_leader_that_departs_is_followed_at_once) {
  store_stage s(3, 1, true);
  s.start();
  const auto gone = *s.leader();
  s.w.leave(gone);
  expect_within(
      s.w, 8s, [&] { return !s.w.running(gone); }, "it has departed");
  s.expect_leader_within(1s, "a new leader");
}

TEST(leader_store_sim, a_leader_keeps_its_term_while_the_store_is_away_for_less_than_its_reign) {
  store_stage s(3, 2, true);
  s.start();
  const auto term = s.known(0).term;
  s.outside.down = true;
  s.w.run_for(900ms);
  s.outside.restart(simulated_leader_store::loss::nothing);
  s.outside.down = false;
  s.w.run_for(4s);
  s.expect_settled("after it came back");
  EXPECT_EQ(s.known(0).term, term);
  EXPECT_TRUE(s.known(0).fenced);
}

TEST(leader_store_sim, nobody_leads_while_the_store_is_away_and_one_leads_afterwards) {
  store_stage s(3, 3, true);
  s.start();
  s.outside.down = true;
  s.w.run_for(lease);
  for (const auto n : s.running()) EXPECT_FALSE(s.at(n).lead().may_act(s.w.clock_of(n)));
  s.w.run_for(20s);
  EXPECT_FALSE(s.at(0).lead().store_fault().empty());
  s.outside.down = false;
  s.expect_settled("after it came back");
  expect_within(
      s.w, 2 * lease, [&s] { return s.at(0).lead().store_fault().empty(); }, "the fault is over");
}

TEST(leader_store_sim, a_store_that_came_back_empty_gets_the_leaders_entry_again) {
  store_stage s(3, 4, false);
  s.start();
  const auto term = s.known(0).term;
  EXPECT_FALSE(s.known(0).fenced);
  s.outside.restart(simulated_leader_store::loss::all);
  s.w.run_for(lease);
  s.expect_settled("after the store forgot");
  EXPECT_EQ(s.known(0).term, term);
  ASSERT_TRUE(s.outside.entry);
  EXPECT_FALSE(s.outside.entry->floor_open) << "every member has shown its highest term";
}

TEST(leader_store_sim, an_empty_store_without_its_leader_gives_a_higher_term_after_a_whole_lease) {
  store_stage s(3, 5, false);
  s.start();
  const auto term = s.known(0).term;
  s.w.crash(*s.leader());
  s.outside.restart(simulated_leader_store::loss::all);
  const auto begin = s.w.now();
  s.expect_leader_within(3 * lease, "a new leader");
  EXPECT_GE(s.w.now() - begin, lease);
  const auto& now = s.known(s.running().front());
  EXPECT_GT(now.term, term);
  EXPECT_FALSE(now.fenced);
  EXPECT_EQ(now.fenced_reason, "store_forgot");
}

TEST(leader_store_sim, bad_content_under_the_key_is_named_and_nobody_leads) {
  store_stage s(3, 6, true);
  s.start();
  const auto whole = *s.outside.entry;
  const auto expect_fault = [&](const std::string& words) {
    s.w.run_for(2 * lease);
    for (const auto n : s.running()) {
      EXPECT_FALSE(s.at(n).lead().may_act(s.w.clock_of(n))) << words;
      EXPECT_NE(s.at(n).lead().store_fault().find(words), std::string::npos) << s.at(n).lead().store_fault();
    }
  };
  s.outside.entry->version = 7;
  s.outside.entry->record = "rubbish";
  expect_fault("the store's record");
  s.outside.entry = whole;
  s.outside.entry->version = 8;
  s.outside.entry->term = term_max - 1;
  expect_fault("at its limit");
  auto other = *decode_record(whole.record);
  other.cluster = {1, 2};
  s.outside.entry = whole;
  s.outside.entry->version = 9;
  s.outside.entry->record = encode(other);
  expect_fault("belongs to another cluster");
  s.outside.entry = whole;
  s.expect_settled("after the entry was put right");
}

// --- told of changes

/// Of four nodes; the last one is to join.
void expect_three(config& c) { c.cluster.expected_members = 3; }

TEST(leader_store_sim, a_node_that_only_the_store_connects_learns_of_a_new_leader_at_once) {
  for (const bool told : {true, false}) {
    std::vector<double> gaps;
    for (std::uint64_t seed = 1; seed <= 10 && !::testing::Test::HasFailure(); ++seed) {
      store_stage s(4, seed, true, expect_three);
      if (told) s.outside.tells.emplace();
      for (node_index n = 0; n < 3; ++n) s.w.start(n);
      s.expect_settled("without the fourth");
      s.w.partition({3});
      s.w.start(3);
      s.w.run_for(s.w.rng().between(4s, 7s));
      const auto heard = [&s] { return s.at(3).lead().voting()->term_heard(); };
      const auto term = s.known(0).term;
      ASSERT_EQ(heard(), term);
      s.w.crash(*s.leader({0, 1, 2}));
      expect_within(
          s.w, 2 * lease, [&] { return s.outside.entry->term > term; }, "somebody takes over");
      const auto begin = s.w.now();
      expect_within(
          s.w, 2 * lease, [&] { return heard() > term; }, "the fourth knows it");
      gaps.push_back(std::chrono::duration<double>(s.w.now() - begin).count());
      s.w.unpartition({3});
      s.expect_settled("with the fourth");
    }
    ASSERT_FALSE(gaps.empty());
    std::sort(gaps.begin(), gaps.end());
    if (told) {
      EXPECT_LT(gaps.back(), 0.07) << "the way to the store and back, after a reading a moment ago";
    }
    std::cout << (told ? "told: " : "not told: ") << "median " << gaps[gaps.size() / 2] << " s, most " << gaps.back()
              << " s\n";
  }
}

TEST(leader_store_sim, who_hears_its_leader_reads_no_more_often_for_being_told_of_its_renewals) {
  store_stage s(3, 14, true);
  s.outside.tells.emplace();
  s.start();
  s.w.run_for(lease);
  s.outside.readings.clear();
  s.w.run_for(10 * lease);
  for (const auto n : s.running()) {
    EXPECT_LE(s.outside.readings[n], 11U);
    EXPECT_GE(s.at(n).lead().voting()->counters().store_hints, 1U);
  }
}

TEST(leader_store_sim, hints_without_end_make_a_bounded_number_of_readings_and_nothing_else) {
  store_stage s(3, 15, true);
  s.outside.tells = simulated_leader_store::telling{.false_each = 1ms};
  s.start();
  const auto term = s.known(0).term;
  s.outside.readings.clear();
  s.w.run_for(10s);
  s.expect_settled("in spite of them");
  EXPECT_EQ(s.known(0).term, term);
  for (const auto n : s.running()) {
    const auto least = election_timing{lease}.store_hint_patience();
    EXPECT_LE(s.outside.readings[n], static_cast<std::size_t>(10s / least) + 4);
    EXPECT_GE(s.at(n).lead().voting()->counters().store_hints, 5000U);
  }
  s.outside.down = true;
  s.w.run_for(lease);
  s.outside.down = false;
  s.expect_settled("after the store was away");
}

// --- joining through the store

void tell_nobody(config& c) { c.cluster.seeds.clear(); }

TEST(leader_store_sim, nodes_that_were_told_nobody_find_together_through_the_store) {
  store_stage s(3, 7, true, tell_nobody);
  s.start();
  const auto leader = *s.leader();
  EXPECT_EQ(s.outside.entry->address, "n" + std::to_string(leader) + ":7070");
  s.w.crash(leader);
  s.expect_leader_within(lease + 1s, "a new leader");
  s.w.start(leader);
  s.expect_settled("after it came back");
}

TEST(leader_store_sim, a_node_that_was_told_nobody_founds_when_the_store_was_empty_for_long_enough) {
  store_stage s(3, 8, true, tell_nobody);
  s.w.start(0);
  s.w.run_for(2 * lease);
  EXPECT_FALSE(s.outside.entry) << "a leader whose entry was forgotten would write it again";
  s.w.run_for(lease);
  EXPECT_TRUE(s.outside.entry);
  s.expect_settled("alone");
  s.w.start(1);
  s.w.start(2);
  s.expect_settled("with the others");
}

TEST(leader_store_sim, a_node_whose_seeds_are_silent_founds_nothing_and_joins_through_the_store) {
  store_stage s(4, 9, true, [](config& c) {
    expect_three(c);
    if (c.node.name == "n3") c.cluster.seeds = {"n9:7070"};  // nobody's
  });
  s.w.start(3);
  s.w.run_for(20s);
  EXPECT_FALSE(s.outside.entry);
  for (node_index n = 0; n < 3; ++n) s.w.start(n);
  s.expect_settled("with the fourth");
}

TEST(leader_store_sim, a_node_with_seeds_joins_while_the_store_is_down) {
  store_stage s(4, 10, true, expect_three);
  for (node_index n = 0; n < 3; ++n) s.w.start(n);
  s.expect_settled("without the fourth");
  s.outside.down = true;
  s.w.start(3);
  expect_within(
      s.w, 1500ms, [&s] { return s.at(3).pid() != 0 || s.at(3).members().live_count() == 4; }, "it is a member");
  EXPECT_FALSE(s.at(3).lead().store_fault().empty());
  s.outside.down = false;
  s.expect_settled("after the store came back");
}

TEST(leader_store_sim, a_node_without_seeds_joins_when_the_store_comes_back) {
  store_stage s(3, 11, true, tell_nobody);
  s.w.start(0);
  s.expect_settled("alone");
  s.outside.down = true;
  s.w.start(1);
  s.w.run_for(5s);
  EXPECT_EQ(s.at(1).members().live_count(), 1U);
  s.outside.down = false;
  s.expect_settled("after the store came back");
  EXPECT_EQ(s.at(1).members().live_count(), 2U);
}

TEST(leader_store_sim, its_own_address_under_the_key_keeps_nobody_waiting_for_itself) {
  store_stage s(1, 12, true, tell_nobody);
  s.start();
  const auto term = s.known(0).term;
  s.w.crash(0, crash_kind::killed, false);
  s.w.start(0);
  s.expect_settled("after it lost its disk");
  EXPECT_GT(s.known(0).term, term);
  EXPECT_EQ(s.at(0).members().live_count(), 1U);
}

TEST(leader_store_sim, a_stranger_takes_a_record_whose_members_are_all_gone_and_not_sooner) {
  store_stage s(3, 13, true, tell_nobody);
  s.w.start(0);
  s.w.start(1);
  s.expect_settled("the first two");
  const auto term = s.known(0).term;
  s.w.crash(0);
  s.w.crash(1);
  s.w.start(2);
  s.w.run_for(2 * lease);
  EXPECT_FALSE(s.at(2).lead().may_act(s.w.clock_of(2))) << "its members go first";
  s.expect_settled("the stranger");
  EXPECT_GT(s.known(2).term, term);
}

class leader_store_seeds : public ::testing::TestWithParam<std::uint32_t> {};

/// Late, twice, never, falsely.
constexpr simulated_leader_store::telling unreliable{.lost = 0.3, .twice = 0.2, .late_max = 4s, .false_each = 300ms};

void survive(std::uint64_t seed, bool durable, const cluster_stage::adjustment& told = {},
             std::optional<simulated_leader_store::telling> tells = {}) {
  const std::uint32_t nodes = 3 + 2 * (seed % 2);
  store_stage s(nodes, seed, durable, told);
  s.outside.tells = tells;
  s.start();
  if (::testing::Test::HasFailure()) return;
  fault_mix mix;
  mix.gap_max = 6s;
  mix.length_max = 8s;
  mix.disk_loss = durable ? 1 : 0;
  mix.down_max = seed % 2 == 0 ? 1 : nodes;
  plan_random_faults(s.w, mix, 30s);
  plan_store_faults(s.w, s.outside, 30s);
  s.w.run_for(42s);
  s.w.heal();
  s.outside.down = false;
  s.outside.slow = {};
  s.outside.cut_off.clear();
  expect_sound(s.w);
  s.expect_settled("after healing");
  s.w.run_for(5s);
  expect_sound(s.w);
  EXPECT_TRUE(s.settled()) << "settled, but not for long";
}

TEST_P(leader_store_seeds, survive_random_faults_with_a_durable_store) {
  for_each_seed(GetParam(), [](std::uint64_t seed) { survive(seed, true); });
}

TEST_P(leader_store_seeds, survive_random_faults_with_a_store_that_forgets) {
  for_each_seed(GetParam(), [](std::uint64_t seed) { survive(seed, false); });
}

TEST_P(leader_store_seeds, survive_random_faults_when_only_the_store_brings_them_together) {
  for_each_seed(GetParam(), [](std::uint64_t seed) { survive(seed, true, tell_nobody); });
}

TEST_P(leader_store_seeds, survive_random_faults_and_an_unreliable_watch_of_a_durable_store) {
  for_each_seed(GetParam(), [](std::uint64_t seed) { survive(seed, true, {}, unreliable); });
}

TEST_P(leader_store_seeds, survive_random_faults_and_an_unreliable_watch_of_a_store_that_forgets) {
  for_each_seed(GetParam(), [](std::uint64_t seed) { survive(seed, false, {}, unreliable); });
}

INSTANTIATE_TEST_SUITE_P(shard, leader_store_seeds, ::testing::Range(0U, seed_shards));

}  // namespace
}  // namespace troupe::sim
