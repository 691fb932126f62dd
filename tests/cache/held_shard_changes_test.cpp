// What a shard tells of its values: kinds, versions, and when.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/cache/held_shard.hpp"
#include "runtime/cache/procedures/words.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t me = 5;
constexpr std::uint64_t other = 9;

/// Notes what it is told: "put a=1 @3 #2" (version within the epoch, sequence).
struct change_recorder final : change_listener {
  bool wants(cache_id cache) const noexcept override { return cache == wanted; }
  void on_change(std::uint32_t, const key_change& c, std::uint64_t sequence) override {
    std::string line(name_of(c.kind));
    if (!c.key.empty()) line += " " + std::string(c.key);
    if (c.value) line += "=" + std::string(*c.value);
    line += " @" + std::to_string(c.version & 0xffffffffff);
    if (sequence != 0) line += " #" + std::to_string(sequence);
    told.push_back(std::move(line));
  }
  void on_committed(std::uint32_t, std::uint64_t sequence) override { committed = sequence; }
  void on_begin(std::uint32_t, std::uint64_t epoch, std::uint64_t version) override {
    began.emplace_back(epoch, version);
  }
  void on_end(std::uint32_t, std::uint64_t version) override { ended.push_back(version); }
  static std::string_view name_of(change_kind k) {
    constexpr std::string_view names[] = {"open", "put", "erased", "expired", "evicted", "dropped", "gap"};
    return names[static_cast<std::size_t>(k)];
  }
  std::vector<std::string> take() { return std::exchange(told, {}); }

  cache_id wanted = 0;
  std::vector<std::string> told;
  std::uint64_t committed = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> began;
  std::vector<std::uint64_t> ended;
};

struct no_channel final : replica_channel {
  bool append(std::uint64_t, const stream_position&, std::span<const stream_entry>) override { return true; }
  void ask(std::uint64_t, const stream_position&) override {}
};

struct told_shard : ::testing::Test {
  told_shard() { shard.tell_changes(&told); }
  void lead(std::uint64_t epoch, std::vector<std::uint64_t> copies = {}) {
    (void)shard.take_role({me, copies, copies, epoch, 1}, me);
  }
  cache_reply do_it(cache_op op, std::string_view key, std::string_view value = {}, duration ttl = {},
                    cache_id cache = 0) {
    cache_command c;
    c.op = op;
    c.cache = cache;
    c.key = key;
    c.value = value;
    c.ttl = ttl;
    return shard.replicate(c, now, channel).reply;
  }
  void run(procedure p, const std::vector<std::string>& words) {
    std::string packed;
    for (const auto& w : words) pack_word(packed, w);
    cache_command c;
    c.op = cache_op::run;
    c.procedure = p;
    c.key = words.empty() ? std::string_view("k") : std::string_view(words.front());
    c.value = packed;
    (void)shard.replicate(c, now, channel);
  }
  void answer(std::uint64_t sequence, bool ask = false) {
    stream_answer a;
    a.epoch = shard.epoch();
    a.sequence = sequence;
    a.ask = ask;
    shard.on_answer(other, a, {}, now, channel);
  }

  memory_ledger ledger{1 << 20};
  held_shard shard{store_settings{&ledger, 1, eviction_policy::lru}};
  no_channel channel;
  change_recorder told;
  time_point now{std::chrono::hours(1)};
};

using lines = std::vector<std::string>;

TEST_F(told_shard, tells_writes_with_their_version_and_value) {
  lead(1);
  (void)do_it(cache_op::put, "a", "1");
  (void)do_it(cache_op::put, "a", "2");
  (void)do_it(cache_op::erase, "a");
  (void)do_it(cache_op::erase, "a");
  (void)do_it(cache_op::get, "a");
  EXPECT_EQ(told.take(), (lines{"put a=1 @1", "put a=2 @2", "erased a @3"}));
  (void)do_it(cache_op::put, "a", "1", {}, 1);
  EXPECT_EQ(told.take(), lines()) << "nobody wants that cache's";
}

TEST_F(told_shard, tells_what_expires_before_what_takes_its_place_and_what_is_evicted) {
  lead(1);
  (void)do_it(cache_op::put, "a", "1", 1s);
  (void)do_it(cache_op::put, "b", "1", 1s);
  now += 2s;
  (void)do_it(cache_op::put, "a", "2");
  EXPECT_EQ(told.take(), (lines{"put a=1 @1", "put b=1 @2", "expired a @1", "put a=2 @3"}));
  (void)shard.expire(now, 100, channel);
  EXPECT_EQ(told.take(), lines{"expired b @2"});
  (void)shard.evict(1, now, channel);
  EXPECT_EQ(told.take(), lines{"evicted a @3"});
}

TEST_F(told_shard, tells_what_procedures_change) {
  lead(1);
  run(procedure::append, {"s", "x"});
  run(procedure::append, {"s", "y"});
  run(procedure::rpush, {"l", "1"});
  run(procedure::rpush, {"l", "2"});
  run(procedure::lpop, {"l"});
  run(procedure::lpop, {"l"});
  EXPECT_EQ(told.take(), (lines{"put s=x @1", "put s=xy @2", "put l @3", "put l @4", "put l @5", "erased l @6"}));
  run(procedure::shard_drop, {});
  EXPECT_EQ(told.take(), lines{"dropped @7"});
  EXPECT_EQ(shard.store().keys(), 0u);
}

TEST_F(told_shard, says_what_is_committed_and_when) {
  lead(1, {other});
  answer(0, true);
  (void)do_it(cache_op::put, "a", "1");
  run(procedure::append, {"s", "x"});
  EXPECT_EQ(told.take(), (lines{"put a=1 @1 #1", "put s=x @2 #2"}));
  EXPECT_EQ(told.committed, 0u);
  answer(1);
  EXPECT_EQ(told.committed, 1u);
  answer(2);
  EXPECT_EQ(told.committed, 2u);
  (void)shard.take_role({me, {}, {}, 2, 1}, me);
  EXPECT_TRUE(told.ended.empty()) << "it is the primary still";
}

TEST_F(told_shard, a_move_by_plan_ends_with_what_the_next_primary_begins_with) {
  lead(1, {other});
  answer(0, true);
  (void)do_it(cache_op::put, "a", "1");
  answer(1);
  held_shard next(store_settings{&ledger, 1, eviction_policy::lru});
  change_recorder heard;
  next.tell_changes(&heard);
  (void)next.take_role({me, {other}, {other}, 1, 1}, other);
  const stream_entry copied{0, "a", "1", shard.store().version()};
  stream_position at;
  at.epoch = 1;
  (void)next.on_append(me, at, {&copied, 1}, now);
  EXPECT_TRUE(heard.told.empty()) << "a copy tells nothing";
  ASSERT_TRUE(shard.release(1));
  const shard_row moved{other, {me}, {me}, 2, 1};
  (void)next.take_role(moved, other);
  (void)shard.take_role(moved, me);
  ASSERT_EQ(told.ended.size(), 1u);
  ASSERT_EQ(heard.began.size(), 1u);
  EXPECT_LE(heard.began[0].second, told.ended[0]);
  EXPECT_EQ(heard.began[0].first, 2u);
  (void)do_it(cache_op::put, "b", "1");
  EXPECT_EQ(told.take().size(), 1u) << "what is no longer the primary's is told by nobody";
}

TEST_F(told_shard, a_shard_made_anew_is_not_known_to_be_what_was_told) {
  lead(1);
  ASSERT_EQ(told.began.size(), 1u);
  EXPECT_EQ(told.began[0].second, UINT64_MAX);
  (void)shard.take_role({me, {}, {}, 2, 2}, me);
  EXPECT_EQ(told.ended.size(), 1u);
  ASSERT_EQ(told.began.size(), 2u);
  EXPECT_EQ(told.began[1].second, UINT64_MAX);
}

TEST(told_shard_rules, what_copies_hold_nothing_of_is_dropped_with_its_primary) {
  memory_ledger ledger{1 << 20};
  const cache_rule_book rules({{}, {true, {}, {}}});
  store_settings settings{&ledger, 1, eviction_policy::lru};
  settings.rules = &rules;
  held_shard shard(settings);
  change_recorder told;
  told.wanted = 1;
  shard.tell_changes(&told);
  (void)shard.take_role({other, {me}, {me}, 1, 1}, me);
  (void)shard.take_role({me, {other}, {other}, 2, 1}, me);
  ASSERT_EQ(told.told.size(), 1u);
  EXPECT_EQ(told.told[0].substr(0, 7), "dropped");
}

}  // namespace
}  // namespace troupe
