// What a shard told its journal, put back into another: the same values, times to live, versions.
#include "runtime/durability/log_replay.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/cache/procedures/words.hpp"
#include "runtime/durability/log_reader.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

/// Keeps the cache 0; everything is in the log at once.
class string_journal final : public shard_journal {
 public:
  [[nodiscard]] bool keeps(cache_id cache) const noexcept override { return cache == 0; }
  [[nodiscard]] errc may_write() const noexcept override { return refusal; }
  void begin(const journal_position& at, bool whole) override { add(life(record_kind::begin, at, whole)); }
  bool write(const journal_position& at, std::span<const stream_entry> entries) override {
    auto r = life(record_kind::write, at, false);
    for (const auto& e : entries) {
      if (keeps(e.cache)) r.entries.push_back({"default", e});
    }
    if (r.entries.empty()) return false;
    add(r);
    return true;
  }
  void page(const journal_position& at, std::span<const stream_entry> entries) override {
    auto r = life(record_kind::page, at, false);
    for (const auto& e : entries) r.entries.push_back({"default", e});
    add(r);
  }
  void state(const journal_position& at, bool whole) override { add(life(record_kind::state, at, whole)); }
  void drop(const journal_position& at) override { add(life(record_kind::drop, at, false)); }
  [[nodiscard]] bool settled(std::uint32_t) const noexcept override { return true; }
  void when_settled(std::function<void()> then) override { then(); }

  std::string bytes;
  std::uint64_t wall_ms = 1'000'000'000;
  errc refusal = errc::ok;

 private:
  [[nodiscard]] log_record life(record_kind kind, const journal_position& at, bool whole) const {
    log_record r;
    r.kind = kind;
    r.created = at.created;
    r.pid = at.pid;
    r.epoch = at.epoch;
    r.sequence = at.sequence;
    r.version = at.version;
    r.whole = whole;
    r.wall_ms = wall_ms;
    return r;
  }
  void add(const log_record& r) { append_record(bytes, r); }
};

class nobody final : public replica_channel {
 public:
  bool append(std::uint64_t, const stream_position&, std::span<const stream_entry>) override { return false; }
  void ask(std::uint64_t, const stream_position&) override {}
};

struct replay_fixture : ::testing::Test {
  replay_fixture() {
    shard.set_journal(&journal);
    (void)shard.take_role({1, {}, {}, 4, 4, 0}, 1);
  }
  cache_reply put(std::string_view key, std::string_view value, duration ttl = {}, cache_id cache = 0) {
    cache_command c;
    c.op = cache_op::put;
    c.cache = cache;
    c.key = key;
    c.value = value;
    c.ttl = ttl;
    return shard.replicate(c, now, channel).reply;
  }
  void erase(std::string_view key) {
    cache_command c;
    c.op = cache_op::erase;
    c.key = key;
    (void)shard.replicate(c, now, channel);
  }
  void run(procedure p, std::string_view key, std::vector<std::string> words) {
    std::string packed;
    for (const auto& w : words) pack_word(packed, w);
    cache_command c;
    c.op = cache_op::run;
    c.procedure = p;
    c.key = key;
    c.value = packed;
    (void)shard.replicate(c, now, channel);
  }
  void pass(duration d) {
    now += d;
    journal.wall_ms += static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
  }
  /// What a store holds at a moment of its own clock, as text.
  static std::map<std::string, std::string> contents(const held_shard& s, time_point at) {
    std::map<std::string, std::string> all;
    std::uint64_t cursor = 0;
    do {
      cursor = s.read(cursor, 1 << 20, at, [&](const shard_store::entry_view& e) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(e.ttl).count();
        all[std::string(e.key)] =
            std::string(e.value) + "@" + std::to_string(e.version) + (ms == 0 ? "" : "+" + std::to_string(ms / 100));
      });
    } while (cursor != 0);
    return all;
  }
  /// Another process, whose clock is another one, after `later`; it reads what follows the first `skip` bytes.
  struct restarted {
    memory_ledger ledger{1 << 24};
    held_shard shard{store_settings{&ledger, 9, eviction_policy::lru}};
    time_point now{77h};
    holdings found;
  };
  std::unique_ptr<restarted> restart(duration later = {}, std::size_t skip = 0) {
    auto r = std::make_unique<restarted>();
    const auto later_ms = std::chrono::duration_cast<std::chrono::milliseconds>(later).count();
    log_replay replay(
        1, [](std::string_view name) { return name == "default" ? cache_id{0} : cache_unknown; }, r->now,
        journal.wall_ms + static_cast<std::uint64_t>(later_ms));
    log_record header;
    header.kind = record_kind::header;
    header.version = log_version;
    std::string segment(log_magic);
    append_record(segment, header);
    segment += journal.bytes.substr(skip);
    log_reader reader(segment, true);
    EXPECT_TRUE(reader.open());
    log_record record;
    while (reader.next(record)) EXPECT_TRUE(replay.apply(record, r->shard.store()));
    EXPECT_EQ(reader.how(), log_reader::ending::clean);
    r->found = replay.found();
    return r;
  }

  string_journal journal;
  nobody channel;
  memory_ledger ledger{1 << 24};
  held_shard shard{store_settings{&ledger, 1, eviction_policy::none}};
  time_point now{1h};
};

TEST_F(replay_fixture, values_versions_and_the_sequence_come_back) {
  (void)put("a", "1");
  (void)put("b", "2");
  (void)put("a", "3");
  erase("b");
  const auto r = restart();
  EXPECT_EQ(contents(r->shard, r->now), contents(shard, now));
  ASSERT_EQ(r->found.shards.size(), 1U);
  EXPECT_EQ(r->found.shards[0], (shard_holding{0, 4, 1, 4, 4, true}));
  EXPECT_GE(r->shard.store().version(), shard.store().version() - 1);
}

TEST_F(replay_fixture, time_to_live_goes_on_by_the_wall_clock) {
  (void)put("short", "1", 2s);
  (void)put("long", "2", 60s);
  pass(1s);
  const auto r = restart(500ms);
  pass(500ms);
  EXPECT_EQ(contents(r->shard, r->now), contents(shard, now));
  EXPECT_EQ(contents(r->shard, r->now).size(), 2U);
  const auto later = restart(30s);
  EXPECT_EQ(contents(later->shard, later->now).size(), 1U) << "the short one has expired while nobody ran";
}

// Its time was over when the log is read, but not when it was written: what follows finds it there.
TEST_F(replay_fixture, a_value_that_was_made_to_stay_stays_though_its_first_time_is_over) {
  run(procedure::rpush, "list", {"list", "a", "b"});
  run(procedure::pexpire, "list", {"list", "1000"});
  pass(500ms);
  run(procedure::persist, "list", {"list"});
  run(procedure::rpush, "list", {"list", "c"});
  const auto r = restart(1h);
  EXPECT_EQ(contents(r->shard, r->now), contents(shard, now));
  EXPECT_EQ(contents(r->shard, r->now).size(), 1U);
}

TEST_F(replay_fixture, caches_that_are_not_durable_are_not_in_it) {
  (void)put("a", "1");
  (void)put("b", "2", {}, 1);
  const auto r = restart();
  EXPECT_EQ(contents(r->shard, r->now).size(), 1U);
}

TEST_F(replay_fixture, a_write_waits_for_the_log_and_so_does_who_reads_it) {
  cache_command c;
  c.op = cache_op::put;
  c.key = "k";
  c.value = "v";
  const auto write = shard.replicate(c, now, channel);
  EXPECT_GT(write.wait_for, shard.stream().committed());
  cache_command get;
  get.key = "k";
  EXPECT_TRUE(shard.must_wait(get));
  get.key = "other";
  EXPECT_FALSE(shard.must_wait(get));
  get.key = "k";
  get.cache = 1;
  EXPECT_FALSE(shard.must_wait(get)) << "of a cache that is not durable";
  shard.on_logged(1, write.wait_for);
  EXPECT_EQ(shard.stream().committed(), write.wait_for);
  EXPECT_FALSE(shard.must_wait(get));
}

TEST_F(replay_fixture, a_journal_that_takes_nothing_refuses_writes_and_leaves_the_value) {
  (void)put("k", "old");
  journal.refusal = errc::storage_failed;
  EXPECT_EQ(put("k", "new").code, errc::storage_failed);
  EXPECT_EQ(put("k", "free", {}, 1).code, errc::ok) << "another cache does not care";
  EXPECT_EQ(shard.store().peek(0, "k", now)->value, "old");
}

TEST_F(replay_fixture, a_shard_written_anew_among_writes_needs_nothing_from_before) {
  random rng(5);
  for (int round = 0; round < 40; ++round) {
    const auto change = [&] {
      const auto key = "k" + std::to_string(rng.below(60));
      const auto list = "l" + std::to_string(rng.below(20));
      switch (rng.below(5)) {
        case 0: erase(key); break;
        case 1: run(procedure::rpush, list, {list, "x" + std::to_string(rng.next() % 100)}); break;
        case 2: run(procedure::lpop, list, {list}); break;
        case 3: (void)put(key, std::to_string(rng.next()), 100s); break;
        default: (void)put(key, std::to_string(rng.next())); break;
      }
      pass(10ms);
    };
    for (int i = 0; i < 50; ++i) change();
    const auto before = journal.bytes.size();
    for (int i = 0; i < 5; ++i) change();  // in the new segment before the first page
    std::uint64_t cursor = 0;
    do {
      cursor = shard.rewrite(cursor, 200, now);
      for (auto n = rng.below(4); n > 0; --n) change();
    } while (cursor != 0);
    for (int i = 0; i < 20; ++i) change();
    const auto r = restart({}, before);
    ASSERT_EQ(contents(r->shard, r->now), contents(shard, now)) << "round " << round;
    ASSERT_EQ(r->found.shards.size(), 1U);
    EXPECT_TRUE(r->found.shards[0].whole);
    EXPECT_EQ(r->found.shards[0].sequence, shard.stream().sequence());
  }
}

TEST_F(replay_fixture, restored_data_stays_while_the_row_counts_on_it_and_goes_when_it_does_not) {
  (void)put("a", "1");
  const auto r = restart();
  const auto all = std::make_shared<const holdings>();
  r->shard.restore(r->found.shards[0], all);
  (void)r->shard.take_role({1, {}, {}, 4, 4, 0}, 8);
  EXPECT_EQ(r->shard.store().keys(), 1U) << "the row still names the earlier process";
  const auto back = r->shard.take_role({8, {}, {}, 9, 4, 0}, 8);
  EXPECT_TRUE(back.gained);
  EXPECT_FALSE(back.empty);
  EXPECT_EQ(r->shard.stream().sequence(), 1U);
  EXPECT_EQ(r->shard.store().keys(), 1U);

  const auto other = restart();
  other->shard.restore(other->found.shards[0], all);
  (void)other->shard.take_role({5, {}, {}, 9, 4, 0}, 8);
  EXPECT_EQ(other->shard.store().keys(), 0U) << "another member has the shard";

  const auto third = restart();
  third->shard.restore(third->found.shards[0], all);
  EXPECT_TRUE(third->shard.take_role({8, {}, {}, 9, 9, 0}, 8).empty) << "made anew";
}

}  // namespace
}  // namespace troupe
