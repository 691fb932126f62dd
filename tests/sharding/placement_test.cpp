#include "runtime/sharding/placement.hpp"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

using members = std::vector<placement_member>;

members equal_members(std::uint64_t first, std::uint64_t last) {
  members m;
  for (auto pid = first; pid <= last; ++pid) m.push_back({pid, 1, ""});
  return m;
}

placement plan_for(const shard_table& present, const members& m, std::uint32_t shards, std::uint32_t replicas) {
  return plan({present, m, shards, replicas, {present.stamp.term, present.stamp.epoch + 1}});
}

std::map<std::uint64_t, int> primaries_of(const shard_table& t) {
  std::map<std::uint64_t, int> counts;
  for (const auto& row : t.rows) ++counts[row.primary];
  return counts;
}

std::map<std::uint64_t, int> replicas_of(const shard_table& t) {
  std::map<std::uint64_t, int> counts;
  for (const auto& row : t.rows)
    for (const auto pid : row.replicas) ++counts[pid];
  return counts;
}

void expect_even(const std::map<std::uint64_t, int>& counts, std::size_t owners) {
  EXPECT_EQ(counts.size(), owners);
  int low = INT32_MAX;
  int high = 0;
  for (const auto& c : counts) {
    low = std::min(low, c.second);
    high = std::max(high, c.second);
  }
  EXPECT_LE(high - low, 1);
}

/// As after all replicas have caught up.
shard_table synced(shard_table t) {
  for (auto& row : t.rows) row.in_sync = row.replicas;
  return t;
}

int moved_primaries(const shard_table& a, const shard_table& b) {
  int moved = 0;
  for (std::size_t s = 0; s < a.rows.size(); ++s) moved += a.rows[s].primary != b.rows[s].primary;
  return moved;
}

TEST(plan, spreads_a_new_table_evenly) {
  const auto p = plan_for({}, equal_members(1, 3), 256, 1);
  EXPECT_TRUE(check(p.table));
  expect_even(primaries_of(p.table), 3);
  expect_even(replicas_of(p.table), 3);
  EXPECT_TRUE(p.lost.empty()) << "new shards held nothing";
  EXPECT_TRUE(p.moves.empty());
  EXPECT_EQ(p.table.rows[17].epoch, p.table.stamp.epoch);
}

TEST(plan, gives_a_single_member_everything_and_no_replica) {
  const auto p = plan_for({}, equal_members(1, 1), 256, 2);
  expect_even(primaries_of(p.table), 1);
  EXPECT_TRUE(replicas_of(p.table).empty());
}

TEST(plan, without_members_leaves_every_shard_without_a_primary) {
  const auto p = plan_for({}, {}, 4, 1);
  EXPECT_TRUE(check(p.table));
  EXPECT_EQ(primaries_of(p.table).at(0), 4);
}

TEST(plan, changes_nothing_when_nothing_changed) {
  const auto first = plan_for({}, equal_members(1, 5), 256, 2);
  const auto again = plan_for(first.table, equal_members(1, 5), 256, 2);
  EXPECT_EQ(again.table.rows, first.table.rows);
  EXPECT_TRUE(again.moves.empty());
}

TEST(plan, does_not_depend_on_the_order_of_members) {
  auto reversed = equal_members(1, 6);
  std::reverse(reversed.begin(), reversed.end());
  EXPECT_EQ(plan_for({}, equal_members(1, 6), 256, 1).table, plan_for({}, reversed, 256, 1).table);
}

TEST(plan, moves_only_a_newcomers_share) {
  const auto before = plan_for({}, equal_members(1, 3), 256, 0).table;
  const auto p = plan_for(before, equal_members(1, 4), 256, 0);
  expect_even(primaries_of(p.table), 4);
  EXPECT_EQ(moved_primaries(before, p.table), 64);
  ASSERT_EQ(p.moves.size(), 64u);
  for (const auto& m : p.moves) {
    EXPECT_EQ(m.to, 4u);
    EXPECT_EQ(m.from, before.rows[m.shard].primary);
  }
  EXPECT_TRUE(p.lost.empty());
}

TEST(plan, lists_the_shards_of_a_dead_member_without_copies_as_lost) {
  const auto before = plan_for({}, equal_members(1, 3), 256, 0).table;
  const auto p = plan_for(before, {{1, 1, ""}, {3, 1, ""}}, 256, 0);
  expect_even(primaries_of(p.table), 2);
  EXPECT_EQ(static_cast<int>(p.lost.size()), primaries_of(before).at(2));
  EXPECT_EQ(moved_primaries(before, p.table), static_cast<int>(p.lost.size())) << "the living keep theirs";
  EXPECT_TRUE(p.moves.empty());
  for (const auto s : p.lost) EXPECT_EQ(p.table.rows[s].created, p.table.stamp.epoch);
}

TEST(plan, promotes_in_sync_replicas_of_a_dead_primary) {
  const auto before = synced(plan_for({}, equal_members(1, 3), 256, 1).table);
  const auto p = plan_for(before, {{1, 1, ""}, {2, 1, ""}}, 256, 1);
  EXPECT_TRUE(check(p.table));
  EXPECT_TRUE(p.lost.empty());
  expect_even(primaries_of(p.table), 2);
  EXPECT_EQ(static_cast<int>(p.promoted.size()), primaries_of(before).at(3));
}

TEST(plan, never_promotes_a_replica_that_is_not_in_sync) {
  shard_table before;
  before.stamp = {1, 5};
  before.rows = {{3, {1, 2}, {2}, 5}, {3, {1, 2}, {}, 5}};
  const auto p = plan_for(before, equal_members(1, 2), 2, 1);
  EXPECT_EQ(p.lost, std::vector<std::uint32_t>{1});
  EXPECT_EQ(p.promoted, std::vector<std::uint32_t>{0});
  EXPECT_EQ(p.table.rows[0].primary, 2u);
  EXPECT_EQ(p.table.rows[0].created, 0u) << "its data goes on";
  EXPECT_EQ(p.table.rows[1].created, 6u);
  EXPECT_EQ(p.table.rows[1].in_sync, p.table.rows[1].replicas) << "made anew, so nobody lacks anything";
}

TEST(plan, empties_a_member_of_weight_zero_by_moves) {
  const auto before = plan_for({}, equal_members(1, 3), 256, 0).table;
  const auto p = plan_for(before, {{1, 1, ""}, {2, 0, ""}, {3, 1, ""}}, 256, 0);
  expect_even(primaries_of(p.table), 2);
  EXPECT_TRUE(p.lost.empty());
  EXPECT_EQ(static_cast<int>(p.moves.size()), primaries_of(before).at(2));
}

TEST(plan, follows_weights) {
  const auto p = plan_for({}, {{1, 1, ""}, {2, 2, ""}, {3, 5, ""}}, 256, 0);
  EXPECT_EQ(primaries_of(p.table).at(1), 32);
  EXPECT_EQ(primaries_of(p.table).at(2), 64);
  EXPECT_EQ(primaries_of(p.table).at(3), 160);
}

TEST(plan, puts_copies_into_different_zones) {
  const members m = {{1, 1, "a"}, {2, 1, "a"}, {3, 1, "b"}, {4, 1, "b"}, {5, 1, "c"}, {6, 1, "c"}};
  const auto p = plan_for({}, m, 256, 2);
  std::map<std::uint64_t, std::string> zone;
  for (const auto& x : m) zone[x.pid] = x.zone;
  for (const auto& row : p.table.rows) {
    const std::set<std::string> zones{zone[row.primary], zone[row.replicas.at(0)], zone[row.replicas.at(1)]};
    EXPECT_EQ(zones.size(), 3u);
  }
  expect_even(primaries_of(p.table), 6);
}

TEST(plan, recreates_everything_for_another_number_of_shards) {
  const auto before = plan_for({}, equal_members(1, 2), 16, 0).table;
  const auto p = plan_for(before, equal_members(1, 2), 32, 0);
  EXPECT_EQ(p.table.rows.size(), 32u);
  EXPECT_EQ(p.lost.size(), 16u);
}

/// Runs advance() to its end, letting all replicas catch up between steps.
shard_table walk(shard_table present, const shard_table& wanted, const std::vector<std::uint64_t>& alive) {
  for (int step = 0; step < 8; ++step) {
    auto next = advance(present, wanted, alive, {present.stamp.term, present.stamp.epoch + 1});
    EXPECT_TRUE(check(next));
    for (std::size_t s = 0; s < next.rows.size(); ++s) {
      const auto& was = present.rows[s];
      const bool lives = std::find(alive.begin(), alive.end(), was.primary) != alive.end();
      EXPECT_TRUE(!lives || next.rows[s].primary == was.primary) << "shard " << s << " was taken from its primary";
      if (next.rows[s].heir != 0 && next.rows[s].has_in_sync(next.rows[s].heir))
        next.rows[s] = given_to_heir(next.rows[s], next.stamp.epoch);
      const auto& is = next.rows[s];
      const bool data_goes_on = is.primary == was.primary || was.has_in_sync(is.primary);
      const bool had_data = std::find(alive.begin(), alive.end(), was.primary) != alive.end() || !was.in_sync.empty();
      EXPECT_TRUE(data_goes_on || !had_data) << "shard " << s << " went to a member without its data";
      EXPECT_EQ(is.created == was.created, data_goes_on) << "shard " << s;
    }
    present = synced(next);
  }
  return present;
}

TEST(advance, hands_a_shard_over_only_to_a_copy_in_sync) {
  const auto before = plan_for({}, equal_members(1, 3), 64, 0).table;
  const auto wanted = plan_for(before, equal_members(1, 4), 64, 0).table;
  auto step = advance(before, wanted, {1, 2, 3, 4}, {1, 3});
  EXPECT_EQ(moved_primaries(before, step), 0) << "first a copy";
  EXPECT_EQ(replicas_of(step).at(4), 16);
  EXPECT_EQ(advance(step, wanted, {1, 2, 3, 4}, {1, 4}).rows, step.rows) << "no copy is in sync yet";
  step = advance(synced(step), wanted, {1, 2, 3, 4}, {1, 5});
  EXPECT_EQ(moved_primaries(before, step), 0) << "it lives: only its own word moves the shard";
  for (auto& row : step.rows) row = given_to_heir(row, 6);
  EXPECT_EQ(primaries_of(step).at(4), 16);
  const auto end = walk(before, wanted, {1, 2, 3, 4});
  for (std::size_t s = 0; s < end.rows.size(); ++s) {
    EXPECT_EQ(end.rows[s].primary, wanted.rows[s].primary);
    EXPECT_EQ(end.rows[s].replicas, wanted.rows[s].replicas);
  }
}

TEST(advance, keeps_an_old_replica_until_its_successor_is_in_sync) {
  shard_table present;
  present.stamp = {1, 1};
  present.rows = {{1, {2}, {2}, 1}};
  shard_table wanted = present;
  wanted.rows = {{1, {3}, {}, 1}};
  const auto step = advance(present, wanted, {1, 2, 3}, {1, 2});
  EXPECT_EQ(step.rows[0].replicas, (std::vector<std::uint64_t>{3, 2}));
  EXPECT_EQ(step.rows[0].in_sync, std::vector<std::uint64_t>{2});
  EXPECT_EQ(step.rows[0].epoch, 2u);
  const auto end = advance(synced(step), wanted, {1, 2, 3}, {1, 3});
  EXPECT_EQ(end.rows[0].replicas, std::vector<std::uint64_t>{3});
}

TEST(placement, stays_sound_while_members_come_and_go) {
  random r(2024);
  for (int run = 0; run < 20; ++run) {
    const auto shards = static_cast<std::uint32_t>(1 + r.below(64));
    const auto wanted = static_cast<std::uint32_t>(r.below(4));
    std::uint64_t next_pid = 1;
    members alive = {{next_pid++, 1, ""}};
    shard_table present;
    for (int change = 0; change < 12; ++change) {
      if (alive.size() < 2 || r.chance(0.6)) {
        alive.push_back({next_pid++, 1, ""});
      } else {
        alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(r.below(alive.size())));
      }
      const auto p = plan_for(present, alive, shards, wanted);
      ASSERT_TRUE(check(p.table));
      std::vector<std::uint64_t> pids;
      for (const auto& m : alive) pids.push_back(m.pid);
      const auto counts = primaries_of(p.table);
      for (const auto& m : alive) {
        const auto held = counts.contains(m.pid) ? counts.at(m.pid) : 0;
        ASSERT_LE(std::abs(held - static_cast<double>(shards) / static_cast<double>(alive.size())), 0.9999);
      }
      for (const auto& row : p.table.rows)
        ASSERT_EQ(row.replicas.size(), std::min<std::size_t>(wanted, alive.size() - 1));
      if (present.rows.empty()) present = p.table;
      present = walk(present, p.table, pids);
      for (std::size_t s = 0; s < present.rows.size(); ++s) {
        ASSERT_EQ(present.rows[s].primary, p.table.rows[s].primary);
        ASSERT_EQ(present.rows[s].replicas, p.table.rows[s].replicas);
      }
    }
  }
}

}  // namespace
}  // namespace troupe
