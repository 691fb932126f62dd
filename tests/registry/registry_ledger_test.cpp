// What one node has registered, and what others have to be told of it.
#include "runtime/registry/registry_ledger.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

registry_entry entry(const std::string& key, std::uint64_t actor) { return {key, actor}; }

TEST(registry_ledger, tells_only_what_changed_since) {
  registry_ledger l;
  ASSERT_TRUE(l.add(entry("a", 1)));
  ASSERT_TRUE(l.add(entry("b", 2)));
  const auto all = l.since(0);
  EXPECT_EQ(all.from, 0u);
  EXPECT_EQ(all.to, 2u);
  ASSERT_EQ(all.changes.size(), 2u);
  EXPECT_TRUE(l.remove(entry("a", 1)));
  EXPECT_FALSE(l.remove(entry("a", 1)));
  const auto news = l.since(2);
  ASSERT_EQ(news.changes.size(), 1u);
  EXPECT_TRUE(news.changes[0].gone);
  EXPECT_TRUE(l.since(3).changes.empty());
  EXPECT_EQ(l.since(0).changes.size(), 1u) << "who begins anew hears of nothing that has gone";
}

TEST(registry_ledger, knows_one_actor_once_under_a_key_and_under_several_keys) {
  registry_ledger l;
  ASSERT_TRUE(l.add(entry("a", 1)));
  ASSERT_TRUE(l.add(entry("a", 1)));
  EXPECT_EQ(l.version(), 1u);
  ASSERT_TRUE(l.add(entry("a", 2)));
  ASSERT_TRUE(l.add(entry("ab", 1)));
  EXPECT_EQ(l.find("a"), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(l.find("ab"), (std::vector<std::uint64_t>{1}));
  EXPECT_TRUE(l.find("b").empty());
  EXPECT_EQ(l.keys(), (std::set<std::string>{"a", "ab"}));
}

TEST(registry_ledger, refuses_bad_keys_and_more_entries_than_its_limit) {
  registry_ledger l;
  EXPECT_EQ(l.add(entry("", 1)).error().code, errc::invalid_argument);
  EXPECT_EQ(l.add(entry(std::string(registry_key_bytes_max + 1, 'k'), 1)).error().code, errc::invalid_argument);
  for (std::uint64_t i = 0; i < registry_entries_max; ++i) ASSERT_TRUE(l.add(entry("k", i)));
  EXPECT_EQ(l.add(entry("k", registry_entries_max)).error().code, errc::unavailable);
  ASSERT_TRUE(l.remove(entry("k", 7)));
  EXPECT_TRUE(l.add(entry("k", registry_entries_max)));
}

TEST(registry_ledger, does_not_take_updates_that_begin_after_what_it_knows_or_hold_too_much) {
  std::set<std::string> changed;
  registry_ledger copy;
  EXPECT_FALSE(copy.apply({{}, 3, 5, {{4, entry("a", 1), false}}}, changed));
  EXPECT_FALSE(copy.apply({{}, 0, 0, {}}, changed));
  registry_update much{{}, 0, registry_entries_max + 1, {}};
  for (std::uint64_t i = 1; i <= registry_entries_max + 1; ++i) much.changes.push_back({i, entry("k", i), false});
  EXPECT_FALSE(copy.apply(much, changed));
  much.changes.pop_back();
  EXPECT_TRUE(copy.apply(much, changed));
  registry_update more{{}, much.to, much.to + 1, {{much.to + 1, entry("k", 0), false}}};
  EXPECT_FALSE(copy.apply(more, changed)) << "one too many";
}

TEST(registry_ledger, who_is_further_behind_than_what_was_forgotten_begins_anew) {
  registry_ledger l;
  registry_ledger slow;
  std::set<std::string> changed;
  ASSERT_TRUE(l.add(entry("stays", 1)));
  ASSERT_TRUE(l.add(entry("goes", 2)));
  ASSERT_TRUE(slow.apply(l.since(0), changed));
  ASSERT_TRUE(l.remove(entry("goes", 2)));
  for (std::uint64_t i = 10; i < 10 + registry_gone_max; ++i) {
    ASSERT_TRUE(l.add(entry("t", i)));
    ASSERT_TRUE(l.remove(entry("t", i)));
  }
  const auto u = l.since(slow.version());
  EXPECT_EQ(u.from, 0u);
  changed.clear();
  ASSERT_TRUE(slow.apply(u, changed));
  EXPECT_EQ(slow.entries().size(), 1u);
  EXPECT_EQ(changed, (std::set<std::string>{"goes"})) << "keys that are as they were did not change";
}

// Copies that get their updates from each other, at any version, end with the truth.
TEST(registry_ledger, is_the_same_at_every_copy_that_has_its_version) {
  random rng(11);
  registry_ledger owner;
  std::map<std::uint64_t, std::set<registry_entry>> truth{{0, {}}};
  std::vector<registry_ledger> copies(4);
  std::set<std::string> changed;
  const auto set_of = [](const registry_ledger& l) {
    std::set<registry_entry> all;
    for (const auto& [e, version] : l.entries()) all.insert(e);
    return all;
  };
  for (int step = 0; step < 20'000; ++step) {
    const auto e = entry("k" + std::to_string(rng.below(4)), rng.below(8));
    if (rng.chance(0.5)) {
      ASSERT_TRUE(owner.add(e));
    } else {
      (void)owner.remove(e);
    }
    truth[owner.version()] = set_of(owner);
    if (truth.size() > 5'000) truth.erase(truth.begin());
    auto& to = copies[rng.below(copies.size())];
    if (rng.below(3000) == 0) to = {};
    const auto& from = rng.chance(0.2) ? owner : copies[rng.below(copies.size())];
    if (from.version() <= to.version() || rng.chance(0.7)) continue;
    // Perhaps asked for some time ago.
    const auto asked = to.version() - std::min<std::uint64_t>(to.version(), rng.below(3));
    ASSERT_TRUE(to.apply(from.since(asked), changed));
    const auto known = truth.find(to.version());
    if (known != truth.end()) {
      ASSERT_EQ(set_of(to), known->second);
    }
  }
}

}  // namespace
}  // namespace troupe
