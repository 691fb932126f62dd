// What is told of keys: the names and the order that Redis has (redis_comparison_test compares all commands).
#include "runtime/cache/keyspace_event.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/cache/procedure_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

struct keyspace_events : procedure_fixture {
  cache_reply plain(cache_op op, std::string_view key, std::string_view value = {}, duration ttl = {}) {
    cache_command c;
    c.op = op;
    c.key = key;
    c.value = value;
    c.ttl = ttl;
    return shard.replicate(c, now, channel).reply;
  }
  struct no_channel : replica_channel {
    bool append(std::uint64_t, const stream_position&, std::span<const stream_entry>) override { return false; }
    void ask(std::uint64_t, const stream_position&) override {}
  };
  no_channel channel;
};

TEST_F(keyspace_events, are_told_of_plain_writes_too) {
  hear_events();
  (void)plain(cache_op::put, "k", "v");
  (void)plain(cache_op::put, "k", "v", 10s);
  (void)plain(cache_op::erase, "k");
  (void)plain(cache_op::erase, "k");
  (void)plain(cache_op::get, "k");
  EXPECT_EQ(heard(), (strings{"new k", "set k", "set k", "expire k", "del k", "keymiss k"}));
}

TEST_F(keyspace_events, of_what_expires_come_before_what_finds_it_gone) {
  hear_events();
  (void)say("SET a v PX 10");
  (void)say("RPUSH l x");
  (void)say("PEXPIRE l 10");
  (void)plain(cache_op::put, "p", "v", 10ms);
  (void)say("SET swept v PX 10");
  (void)heard();
  pass(1s);
  (void)say("GET a");
  EXPECT_EQ(heard(), (strings{"expired a", "keymiss a"}));
  (void)say("RPUSH l y");
  EXPECT_EQ(heard(), (strings{"expired l", "new l", "rpush l"}));
  (void)plain(cache_op::put, "p", "w");
  EXPECT_EQ(heard(), (strings{"expired p", "new p", "set p"}));
  EXPECT_EQ(shard.expire(now, 1000, channel), 1U);
  EXPECT_EQ(heard(), (strings{"expired swept"}));
}

TEST_F(keyspace_events, of_what_is_evicted_are_told) {
  memory_ledger small{4096};
  held_shard full{store_settings{&small, 1, eviction_policy::lru}};
  (void)full.take_role({5, {}, {}, 1, 1}, 5);
  events.listen(event_kind::evicted);
  full.listen(0, &events);
  for (int i = 0; i < 50; ++i) {
    cache_command c;
    c.op = cache_op::put;
    const auto key = "k" + std::to_string(i);
    const std::string value(100, 'v');
    c.key = key;
    c.value = value;
    now += 1s;
    (void)full.replicate(c, now, channel);
  }
  const auto told = heard();
  ASSERT_FALSE(told.empty());
  EXPECT_TRUE(told.front().starts_with("evicted k")) << told.front();
  EXPECT_EQ(told.size(), full.store().evicted());
}

TEST_F(keyspace_events, are_told_of_kinds_that_are_wanted_by_the_primary_only) {
  hear_events(event_kind::list);
  (void)say("SET k v");
  (void)say("RPUSH l v");
  (void)say("DEL l");
  EXPECT_EQ(heard(), strings{"rpush l"});
  hear_events();
  (void)shard.take_role({9, {5}, {5}, 2, 1}, 5);
  (void)shard.copy({0, "c", "v", 99, 1ms}, now);
  pass(1s);
  (void)shard.copy({0, "c", "w", 100, 0s}, now);
  EXPECT_EQ(heard(), strings{});
  shard.listen(0, nullptr);
}

TEST_F(keyspace_events, of_a_transaction_are_told_in_the_order_of_its_commands) {
  hear_events();
  (void)say("MSET a 1 b 2");
  (void)say("RENAME a c");
  (void)say("COPY b d");
  (void)say("RPUSH l 1 2 3");
  (void)say("BLMOVE l m LEFT RIGHT 0");
  (void)say("LTRIM l 5 6");
  (void)say("ZADD z 1 x");
  (void)say("ZPOPMIN z");
  EXPECT_EQ(heard(), (strings{"new a",   "set a",     "new b", "set b",   "new c",     "rename_from a", "rename_to c",
                              "new d",   "copy_to d", "new l", "rpush l", "new m",     "rpush m",       "lpop l",
                              "ltrim l", "del l",     "new z", "zadd z",  "zpopmin z", "del z"}));
}

}  // namespace
}  // namespace troupe
