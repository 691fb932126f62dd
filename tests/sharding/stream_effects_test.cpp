// Procedures through the stream: copies end with what the primary has, whatever was lost on the way.
#include <algorithm>

#include "tests/cache/random_commands.hpp"
#include "tests/sharding/stream_fixture.hpp"

namespace troupe {
namespace {

struct stream_effects : stream_fixture {
  std::string reply(const std::string& line) {
    std::vector<std::string> words;
    for (std::size_t i = 0; i < line.size();) {
      const auto end = std::min(line.find(' ', i), line.size());
      words.push_back(line.substr(i, end - i));
      i = end + 1;
    }
    const auto o = run_words(primary, words);
    carry();
    EXPECT_TRUE(o->answered) << line;
    return o->reply.value;
  }
  /// A key as any member holds it: type, sorted words, whether it expires.
  std::string held_value(std::uint64_t pid, std::string_view key) {
    const auto found = at(pid).store().peek(0, key, now);
    if (!found) return "-";
    const std::string lives = found->ttl == duration::zero()
                                  ? " for ever"
                                  : " until " + std::to_string((now + found->ttl).time_since_epoch() / 1s);
    if (found->object == nullptr) return "string " + std::string(found->value) + lives;
    std::string packed;
    found->object->write_words(packed);
    word_list words;
    EXPECT_TRUE(words.read(packed));
    std::vector<std::string> units;
    const bool pairs = found->object->type == value_type::hash || found->object->type == value_type::sorted_set;
    for (std::size_t i = 0; i < words.size(); i += pairs ? 2 : 1) {
      units.emplace_back(words[i]);
      if (pairs) units.back().append("=").append(words[i + 1]);
    }
    if (found->object->type != value_type::list) std::sort(units.begin(), units.end());
    std::string all(name_of(found->object->type));
    for (const auto& u : units) all += " " + u;
    return all + lives;
  }
  void expect_equal(const std::string& when) {
    for (char k = 'a'; k < 'i'; ++k) {
      const std::string key = std::string("{t}") + k;
      const auto wanted = held_value(primary, key);
      for (const auto pid : row.in_sync)
        EXPECT_EQ(held_value(pid, key), wanted) << key << " at " << pid << ", " << when;
    }
    for (const auto& [pid, m] : members) {
      EXPECT_EQ(m->ledger.used(), m->held.store().bytes()) << "the ledger of " << pid;
    }
  }
  std::uint64_t primary = 1;
};

TEST_F(stream_effects, an_edit_is_sent_and_not_the_value) {
  founded();
  (void)reply("RPUSH {t}a 0");
  for (int i = 1; i < 3000; ++i) (void)reply("RPUSH {t}a " + std::string(20, 'x') + std::to_string(i));
  const auto o = run_words(1, {"LPUSH", "{t}a", "first"});
  const auto batches = members[1]->channel.take();
  EXPECT_LT(batches.at(2).size(), 120U);
  deliver(1, 2, batches.at(2));
  deliver(1, 3, batches.at(3));
  tell();
  EXPECT_TRUE(o->answered);
  expect_equal("after the push");
}

TEST_F(stream_effects, what_a_pop_took_at_random_is_what_copies_take) {
  founded();
  for (int i = 0; i < 300; ++i) (void)reply("SADD {t}a m" + std::to_string(i));
  (void)reply("SPOP {t}a 7");
  (void)reply("SPOP {t}a");
  EXPECT_EQ(reply("SCARD {t}a"), ":292\r\n");
  expect_equal("after the pops");
}

TEST_F(stream_effects, several_keys_of_one_write_are_taken_together_or_not_at_all) {
  founded();
  (void)reply("SADD {t}a m n");
  const auto o = run_words(1, {"SMOVE", "{t}a", "{t}b", "m"});
  const auto bytes = members[1]->channel.take().at(2);
  const auto batch = read_batch::from(bytes);
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->items.at(0).entries.size(), 2U);
  std::vector<stream_entry> entries{batch->items[0].entries[0].entry, batch->items[0].entries[1].entry};
  EXPECT_TRUE(entries[0].more);
  const auto before = at(2).stream().sequence();
  const auto half = at(2).stream().on_append(1, batch->items[0].at, std::span(entries).first(1), at(2).store(), now);
  EXPECT_EQ(half.outcome, stream_outcome::gap);
  EXPECT_EQ(half.sequence, before);
  EXPECT_EQ(held_value(2, "{t}b"), "-");
  const auto whole = at(2).stream().on_append(1, batch->items[0].at, entries, at(2).store(), now);
  EXPECT_EQ(whole.outcome, stream_outcome::taken);
  EXPECT_EQ(whole.sequence, before + 2);
  EXPECT_EQ(held_value(2, "{t}b"), "set m for ever");
}

TEST_F(stream_effects, a_copy_applies_an_edit_once_however_often_it_comes) {
  founded();
  (void)reply("RPUSH {t}a 1");
  lose = {{2, 1}, {3, 1}};  // answers
  (void)run_words(1, {"RPUSH", "{t}a", "2"});
  (void)run_words(1, {"SET", "{t}b", "x"});
  (void)run_words(1, {"DEL", "{t}a"});
  (void)run_words(1, {"RPUSH", "{t}a", "3"});
  carry();
  lose.clear();
  for (std::uint64_t pid : {2, 3}) at(1).stream().on_broken(pid, now);
  for (int i = 0; i < 40; ++i) tick();
  EXPECT_EQ(held_value(1, "{t}a"), "list 3 for ever");
  expect_equal("after everything came again");
}

TEST_F(stream_effects, a_copy_does_not_decide_that_a_value_has_expired) {
  founded();
  (void)reply("SADD {t}a m");
  (void)reply("PEXPIRE {t}a 50");
  lose = {{1, 2}, {1, 3}, {2, 1}, {3, 1}};
  (void)run_words(1, {"PERSIST", "{t}a"});
  (void)members[1]->channel.take();
  now += 60ms;
  EXPECT_EQ(at(2).expire(now, 1000, members[2]->channel), 0U);
  lose.clear();
  for (std::uint64_t pid : {2, 3}) at(1).stream().on_broken(pid, now);
  for (int i = 0; i < 40; ++i) tick();
  expect_equal("after the word came");
  EXPECT_EQ(held_value(2, "{t}a"), "set m for ever");
}

TEST_F(stream_effects, a_copy_that_joins_gets_whole_values_and_then_their_edits) {
  row = {1, {2, 3}, {2}, 1, 1};
  adopt_all();
  tick();
  (void)reply("RPUSH {t}a 1 2");
  (void)reply("ZADD {t}b 1 x");
  (void)reply("SADD {t}c gone");
  ASSERT_TRUE(at(3).begin_copy(1));
  at(1).watch();
  const auto take = [&](const shard_store::entry_view& e) {
    EXPECT_TRUE(e.is_object);
    EXPECT_TRUE(at(3).copy({e.cache, e.key, e.value, e.version, e.ttl, nullptr, e.is_object}, now));
  };
  EXPECT_EQ(at(1).read(0, UINT64_MAX, now, take), 0U);
  (void)reply("RPUSH {t}a 3");
  (void)reply("SREM {t}c gone");
  EXPECT_TRUE(at(1).read_changes(
      UINT64_MAX, now, take,
      [&](cache_id cache, std::string_view key, std::uint64_t version) {
        (void)at(3).store().apply_erased(cache, key, version);
      },
      [](cache_id, std::uint64_t) {}));
  ASSERT_TRUE(at(1).begin_join(1, 3));
  const auto sequence = at(1).stream().sequence();
  const auto o = run_words(1, {"RPUSH", "{t}a", "4"});
  carry();
  EXPECT_FALSE(o->answered) << "the copy that joins counts already";
  at(3).finish_copy(1, at(1).store().version(), sequence);
  at(1).stream().confirm_join(3);
  for (int i = 0; i < 5; ++i) tick();
  EXPECT_TRUE(o->answered);
  EXPECT_EQ(held_value(3, "{t}a"), "list 1 2 3 4 for ever");
  EXPECT_EQ(held_value(3, "{t}b"), held_value(1, "{t}b"));
  EXPECT_EQ(held_value(3, "{t}c"), "-");
}

TEST_F(stream_effects, copies_and_promoted_copies_end_equal_whatever_is_lost) {
  for (std::uint64_t seed = 1; seed <= 30 && !HasFailure(); ++seed) {
    members.clear();
    for (std::uint64_t pid = 1; pid <= 3; ++pid) members[pid] = std::make_unique<member_of_shard>(pid);
    row = {1, {2, 3}, {2, 3}, 1, 1};
    primary = 1;
    lose.clear();
    founded();
    random_commands source(seed);
    for (int i = 0; i < 600; ++i) {
      (void)run_words(primary, source.next());
      lose.clear();
      if (source.rng().below(3) == 0) {
        const std::uint64_t other = source.rng().below(2) == 0 ? row.in_sync[0] : row.in_sync[1];
        lose = source.rng().below(2) == 0 ? decltype(lose){{primary, other}} : decltype(lose){{other, primary}};
      }
      if (source.rng().below(4) != 0) carry();
      if (!lose.empty()) {
        for (const auto pid : row.in_sync) at(primary).stream().on_broken(pid, now);
      }
      if (source.rng().below(8) == 0) tick();
      if (source.rng().below(100) != 0) continue;
      // Another copy takes over, with what it has.
      for (const auto& [pid, m] : members) (void)m->channel.take();
      lose.clear();
      const auto next = row.in_sync[source.rng().below(2)];
      std::vector<std::uint64_t> others;
      for (const auto& [pid, m] : members) {
        if (pid != next) others.push_back(pid);
      }
      row = {next, others, others, row.epoch + 1, 1};
      primary = next;
      adopt_all();
      for (int k = 0; k < 30 && at(primary).stream().recovering(); ++k) tick();
      ASSERT_FALSE(at(primary).stream().recovering());
    }
    lose.clear();
    for (const auto pid : row.in_sync) at(primary).stream().on_broken(pid, now);
    for (int i = 0; i < 60; ++i) tick();
    EXPECT_EQ(at(primary).stream().committed(), at(primary).stream().sequence());
    expect_equal("seed " + std::to_string(seed));
  }
}

TEST_F(stream_effects, a_transaction_is_done_when_nothing_it_watches_has_changed) {
  founded();
  (void)reply("SET {t}a 1");
  const auto version = at(1).store().peek(0, "{t}a", now)->version;
  std::string set;
  pack_word(set, "{t}a");
  pack_word(set, "2");
  std::string push;
  pack_word(push, "{t}b");
  pack_word(push, "x");
  std::string bad;
  pack_word(bad, "{t}b");
  const auto packed_words = [&](std::uint64_t watched) {
    transaction_words t;
    t.watch("{t}a", watched);
    t.watch("{t}none", 0);
    t.add(procedure::set, set);
    t.add(procedure::rpush, push);
    t.add(procedure::incr, bad);
    return t.packed();
  };
  const auto run_packed = [&](const std::string& packed) {
    cache_command c;
    c.op = cache_op::run;
    c.procedure = procedure::transaction;
    c.key = "{t}a";
    c.value = packed;
    return std::string(at(1).replicate(c, now, members[1]->channel).reply.value);
  };
  EXPECT_EQ(run_packed(packed_words(version + 1)), "*-1\r\n");
  EXPECT_EQ(run_packed(packed_words(version)),
            "*3\r\n+OK\r\n:1\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
  carry();
  expect_equal("after the transaction");
  EXPECT_EQ(held_value(2, "{t}b"), "list x for ever");
  std::string half;
  pack_number(half, 0);
  pack_number(half, 1);
  EXPECT_TRUE(run_packed(half).starts_with("-EXECABORT")) << "a procedure without its words";
  EXPECT_EQ(run_packed("nonsense"), "") << "words that cannot be read";
}

}  // namespace
}  // namespace troupe
