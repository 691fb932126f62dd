#include "runtime/cache/near_cache.hpp"

#include <string>

#include <gtest/gtest.h>

#include "runtime/cache/near_interest.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t owner = 7;
constexpr cache_id users = 0;
constexpr cache_id none = 1;

struct near_fixture : ::testing::Test {
  near_fixture() { poll(); }

  /// The owner is asked, and answers at once.
  void poll(bool answered = true) {
    now += near_cache::poll_interval;
    (void)near.begin_read(users, "opens the session", owner, now);
    for (const auto& p : near.on_tick(now))
      near.on_answer(p, answered ? std::optional(interest.on_poll(p.session, now)) : std::nullopt, now);
  }
  near_cache::read_begun begin(const std::string& key) { return near.begin_read(users, key, owner, now); }
  void end(const near_cache::read_begun& r, const std::string& key, const std::string& value, std::uint64_t version,
           duration ttl = {}) {
    const bool told = interest.on_read(r.session, users, key);
    near.end_read(r.read, near_cache::fetched{value, version, ttl, told}, now);
  }
  void fetch(const std::string& key, const std::string& value, std::uint64_t version, duration ttl = {}) {
    end(begin(key), key, value, version, ttl);
  }
  std::string shown(const std::string& key, std::uint64_t by = owner) {
    const auto found = near.find(users, key, by, now);
    return found ? std::string(found->value) : "-";
  }

  near_cache near{{10'000, 0}, 1};
  near_interest interest;
  time_point now{std::chrono::hours(1)};
};

TEST_F(near_fixture, serves_what_was_read_until_its_owner_tells_of_a_change) {
  fetch("k", "v", 1);
  EXPECT_EQ(shown("k"), "v");
  interest.on_write(users, "other");
  poll();
  EXPECT_EQ(shown("k"), "v");
  interest.on_write(users, "k");
  EXPECT_EQ(shown("k"), "v") << "not told yet";
  poll();
  EXPECT_EQ(shown("k"), "-");
}

TEST_F(near_fixture, keeps_only_what_it_is_to_keep) {
  EXPECT_TRUE(near.keeps(users));
  EXPECT_FALSE(near.keeps(none));
  EXPECT_FALSE(near.keeps(99));
  near_cache fresh({10'000}, 2);
  EXPECT_EQ(fresh.begin_read(users, "k", owner, now).session, 0u) << "the owner does not know of it yet";
}

TEST_F(near_fixture, what_nobody_will_tell_of_is_not_kept) {
  const auto r = begin("k");
  near.end_read(r.read, near_cache::fetched{"v", 1, {}, false}, now);
  EXPECT_EQ(shown("k"), "-");
  const auto failed = begin("k");
  near.end_read(failed.read, std::nullopt, now);
  EXPECT_EQ(near.size(), 0u);
}

TEST_F(near_fixture, serves_no_longer_than_it_may_trust_the_last_answer) {
  fetch("k", "v", 1);
  now += near_cache::trust;
  EXPECT_EQ(shown("k"), "v");
  now += 1ns;
  EXPECT_EQ(shown("k"), "-");
  poll();
  EXPECT_EQ(shown("k"), "v") << "nothing changed meanwhile";
}

TEST_F(near_fixture, a_poll_that_fails_drops_everything_of_the_owner) {
  fetch("k", "v", 1);
  const auto r = begin("later");
  poll(false);
  EXPECT_EQ(near.size(), 0u);
  end(r, "later", "v", 1);
  EXPECT_EQ(shown("later"), "-") << "it was under way";
  poll();
  fetch("k", "v", 1);
  EXPECT_EQ(shown("k"), "v");
}

TEST_F(near_fixture, an_answer_that_is_missing_is_a_gap) {
  fetch("k", "v", 1);
  now += near_cache::poll_interval;
  const auto polls = near.on_tick(now);
  ASSERT_EQ(polls.size(), 1u);
  (void)interest.on_poll(polls[0].session, now);  // its answer is lost
  near.on_answer(polls[0], interest.on_poll(polls[0].session, now), now);
  EXPECT_EQ(near.size(), 0u);
}

TEST_F(near_fixture, a_poll_without_an_answer_has_failed_after_a_while) {
  fetch("k", "v", 1);
  now += near_cache::poll_interval;
  ASSERT_EQ(near.on_tick(now).size(), 1u);
  now += near_cache::poll_max;
  (void)near.on_tick(now);
  EXPECT_EQ(near.size(), 0u);
  EXPECT_EQ(near.count().resets, 1u);
}

TEST_F(near_fixture, a_value_ends_with_its_life) {
  fetch("k", "v", 1, 50ms);
  now += 49ms;
  EXPECT_EQ(near.find(users, "k", owner, now)->ttl, 1ms);
  now += 1ms;
  EXPECT_EQ(shown("k"), "-");
  const auto r = begin("slow");
  now += 60ms;
  end(r, "slow", "v", 1, 50ms);
  EXPECT_EQ(shown("slow"), "-") << "its life began before it came";
}

TEST_F(near_fixture, a_value_of_another_owner_is_not_served) {
  fetch("k", "v", 1);
  EXPECT_EQ(shown("k", owner + 1), "-");
  EXPECT_EQ(shown("k"), "-");
  fetch("k", "v", 1);
  const auto r = begin("later");
  near.on_owners_changed();
  EXPECT_EQ(shown("k"), "-");
  end(r, "later", "v", 1);
  EXPECT_EQ(shown("later"), "-");
}

TEST_F(near_fixture, a_write_through_this_node_is_seen_by_later_reads) {
  fetch("k", "old", 1);
  const auto before = begin("k");
  near.on_command(users, "k");
  EXPECT_EQ(shown("k"), "-");
  end(before, "k", "old", 1);
  EXPECT_EQ(shown("k"), "-");
  const auto between = begin("k");
  near.on_command(users, "k");  // the write is answered
  end(between, "k", "old", 1);
  EXPECT_EQ(shown("k"), "-");
}

TEST_F(near_fixture, of_two_reads_the_later_version_stays) {
  const auto first = begin("k");
  const auto second = begin("k");
  end(second, "k", "new", 2);
  end(first, "k", "old", 1);
  EXPECT_EQ(shown("k"), "new");
}

TEST_F(near_fixture, when_a_later_version_was_shown_and_not_kept_an_earlier_one_is_not_kept_either) {
  const auto first = begin("k");
  const auto second = begin("k");
  (void)interest.on_read(second.session, users, "k");
  near.end_read(second.read, near_cache::fetched{std::string(20'000, 'v'), 2, {}, true}, now);
  end(first, "k", "old", 1);
  EXPECT_EQ(shown("k"), "-");
}

TEST_F(near_fixture, memory_is_bounded_and_the_least_used_goes) {
  for (int i = 0; i < 100; ++i) {
    fetch("k" + std::to_string(i), std::string(500, 'v'), 1);
    EXPECT_EQ(shown("k0"), std::string(500, 'v'));
    EXPECT_LE(near.bytes(users), 10'000u);
  }
  EXPECT_EQ(shown("k1"), "-");
  EXPECT_NE(shown("k99"), "-");
}

TEST_F(near_fixture, a_drop_of_the_cache_is_told) {
  fetch("a", "v", 1);
  fetch("b", "v", 1);
  interest.on_drop(users + 1);
  poll();
  EXPECT_EQ(shown("a"), "v");
  interest.on_drop(users);
  poll();
  EXPECT_EQ(near.size(), 0u);
  EXPECT_EQ(near.bytes(users), 0u);
}

TEST_F(near_fixture, an_owner_that_lost_a_shard_says_so) {
  fetch("a", "v", 1);
  interest.on_lost();
  EXPECT_EQ(interest.keys(), 0u);
  poll();
  EXPECT_EQ(near.size(), 0u);
  fetch("a", "v", 1);
  EXPECT_EQ(shown("a"), "v") << "the session goes on";
}

TEST_F(near_fixture, an_owner_is_polled_only_while_it_is_of_use) {
  fetch("k", "v", 1, 1s);
  EXPECT_TRUE(near.restless());
  now += 2s;
  EXPECT_EQ(shown("k"), "-");
  now += near_cache::idle_max;
  EXPECT_TRUE(near.on_tick(now).empty());
  EXPECT_FALSE(near.restless());
}

TEST(near_interest, forgets_who_does_not_poll_and_tells_of_what_it_cannot_remember) {
  near_interest interest;
  time_point now{std::chrono::hours(1)};
  EXPECT_FALSE(interest.on_read(1, 0, "k"));
  EXPECT_EQ(interest.on_poll(1, now).number, 1u);
  for (std::size_t i = 0; i <= near_interest::keys_max; ++i) EXPECT_TRUE(interest.on_read(1, 0, std::to_string(i)));
  EXPECT_EQ(interest.keys(), near_interest::keys_max);
  const auto told = interest.on_poll(1, now);
  ASSERT_EQ(told.changes.size(), 1u);
  EXPECT_EQ(told.changes[0].key, "0");
  now += near_interest::silence_max + 1ms;
  EXPECT_EQ(interest.on_poll(2, now).number, 1u);
  EXPECT_EQ(interest.keys(), 0u);
  EXPECT_FALSE(interest.on_read(1, 0, "k"));
}

TEST(near_interest, forgets_the_last_reader_as_well) {
  near_interest interest;
  time_point now{};
  (void)interest.on_poll(1, now);
  EXPECT_TRUE(interest.on_read(1, 0, "k"));
  interest.on_tick(now + near_interest::silence_max);
  EXPECT_EQ(interest.keys(), 1u);
  interest.on_tick(now + near_interest::silence_max + 1ms);
  EXPECT_FALSE(interest.any()) << "writes are told to nobody from now on";
}

TEST(near_interest, more_changes_than_fit_one_answer_are_a_reset) {
  near_interest interest;
  const time_point now{std::chrono::hours(1)};
  (void)interest.on_poll(1, now);
  for (std::size_t i = 0; i < near_changes_max + 1; ++i) {
    ASSERT_TRUE(interest.on_read(1, 0, "k"));
    interest.on_write(0, "k");
  }
  const auto told = interest.on_poll(1, now);
  EXPECT_TRUE(told.reset);
  EXPECT_TRUE(told.changes.empty());
  EXPECT_FALSE(interest.on_poll(1, now).reset);
}

TEST(near_message, says_what_it_was_told_and_refuses_what_was_cut_off) {
  const auto name_of = [](cache_id c) { return c == 0 ? std::string_view("a") : std::string_view("unknown"); };
  const auto find = [](std::string_view n) { return n == "a" ? std::optional<cache_id>(5) : std::nullopt; };
  const auto bytes =
      encode_near_answer({9, true, {{0, std::string("k\0y", 3), false}, {1, "x", false}, {0, "", true}}}, name_of);
  const auto read = decode_near_answer(bytes, find);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->number, 9u);
  EXPECT_TRUE(read->reset);
  ASSERT_EQ(read->changes.size(), 2u) << "without what is not declared here";
  EXPECT_EQ(read->changes[0].cache, 5);
  EXPECT_EQ(read->changes[0].key, std::string("k\0y", 3));
  EXPECT_TRUE(read->changes[1].all);
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_near_answer(bytes.substr(0, n), find)) << n;
  const auto poll = encode_near_poll(77);
  EXPECT_EQ(decode_near_poll(poll), 77u);
  for (std::size_t n = 0; n < poll.size(); ++n) EXPECT_FALSE(decode_near_poll(poll.substr(0, n))) << n;
}

}  // namespace
}  // namespace troupe
