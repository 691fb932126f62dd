// Procedures on all keys of a shard: pages of a scan, counts, clearing in steps.
#include "runtime/cache/procedures/shards.hpp"

#include <set>

#include "runtime/cache/procedures/words.hpp"
#include "runtime/sharding/slot.hpp"
#include "tests/cache/procedure_fixture.hpp"

namespace troupe {
namespace {

struct shard_procedures : procedure_fixture {
  void fill(int count) {
    for (int i = 0; i < count; ++i) ASSERT_EQ(say("SET k" + std::to_string(i) + " v"), "OK");
  }
  /// Valid until the next call.
  const std::string& ask(procedure p, const std::string& words) {
    cache_command c;
    c.op = cache_op::run;
    c.procedure = p;
    c.value = words;
    reply = shard.apply(c, now).value;
    return reply;
  }
  shard_page page(const shard_scan_request& r) {
    const auto p = read_shard_page(ask(procedure::shard_scan, pack(r)));
    EXPECT_TRUE(p);
    return p ? *p : shard_page{};
  }
  std::uint64_t count() { return read_shard_numbers(ask(procedure::shard_count, ""), 1)->front(); }

  std::string reply;
};

TEST_F(shard_procedures, pages_show_every_key_once) {
  fill(1000);
  std::multiset<std::string> seen;
  shard_scan_request r;
  r.count = 50;
  int pages = 0;
  do {
    const auto p = page(r);
    for (const auto key : p.keys) seen.emplace(key);
    EXPECT_EQ(p.looked_at, p.keys.size());
    r.tag = p.tag;
    r.position = p.next;
    ++pages;
  } while (r.position != 0 && pages < 1000);
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 1000u);
  EXPECT_LE(pages, 30);
}

TEST_F(shard_procedures, a_position_of_another_process_begins_anew) {
  fill(200);
  shard_scan_request r;
  r.count = 50;
  const auto first = page(r);
  ASSERT_NE(first.next, 0u);
  r.position = first.next;
  r.tag = (first.tag + 1) % scan_tags;
  const auto again = page(r);
  EXPECT_EQ(again.tag, first.tag);
  EXPECT_EQ(again.next, first.next) << "the same page as the first";
  r.tag = first.tag;
  EXPECT_NE(page(r).next, first.next);
}

TEST_F(shard_procedures, pages_are_filtered_by_pattern_type_and_slot) {
  fill(20);
  shard_scan_request r;
  r.count = 1000;
  r.pattern = "k1*";
  auto p = page(r);
  EXPECT_EQ(p.keys.size(), 11u);
  EXPECT_EQ(p.looked_at, 20u);
  r.pattern = "*";
  r.type = "string";
  EXPECT_EQ(page(r).keys.size(), 20u);
  r.type = "list";
  EXPECT_TRUE(page(r).keys.empty());
  r.type = {};
  r.slot = slot_of("k7");
  p = page(r);
  ASSERT_EQ(p.keys.size(), 1u);
  EXPECT_EQ(p.keys[0], "k7");
}

TEST_F(shard_procedures, keys_are_counted_for_each_cache) {
  fill(10);
  EXPECT_EQ(count(), 10u);
  (void)say("GETDEL k3");
  EXPECT_EQ(count(), 9u);
  cache_command other;
  other.op = cache_op::put;
  other.cache = 3;
  other.key = "elsewhere";
  ASSERT_EQ(shard.apply(other, now).code, errc::ok);
  EXPECT_EQ(count(), 9u);
  EXPECT_EQ(shard.store().keys(), 10u);
}

TEST_F(shard_procedures, a_cache_is_cleared_in_steps_and_others_stay) {
  fill(2000);
  cache_command other;
  other.op = cache_op::put;
  other.cache = 3;
  other.key = "elsewhere";
  ASSERT_EQ(shard.apply(other, now).code, errc::ok);
  std::uint64_t tag = scan_tag_any;
  std::uint64_t position = 0;
  std::uint64_t erased = 0;
  int steps = 0;
  do {
    const auto n = read_shard_numbers(ask(procedure::shard_clear, pack_clear(tag, position)), 3);
    ASSERT_TRUE(n);
    EXPECT_LE((*n)[2], clear_count_max * 2);
    tag = (*n)[0];
    position = (*n)[1];
    erased += (*n)[2];
    ++steps;
  } while (position != 0 && steps < 1000);
  EXPECT_EQ(erased, 2000u);
  EXPECT_GT(steps, 2);
  EXPECT_EQ(count(), 0u);
  EXPECT_EQ(shard.store().keys(), 1u);
}

// FLUSHALL goes on at another owner when a shard moves: a position there would leave what lies before it.
TEST_F(shard_procedures, a_clearing_that_comes_from_another_process_begins_anew) {
  fill(100);
  const auto tag = read_shard_numbers(ask(procedure::shard_clear, pack_clear(scan_tag_any, 0xffffffff)), 3)->front();
  fill(100);
  const auto n = read_shard_numbers(ask(procedure::shard_clear, pack_clear((tag + 1) % scan_tags, 0xffffffff)), 3);
  ASSERT_TRUE(n);
  EXPECT_EQ((*n)[1], 0u);
  EXPECT_EQ(count(), 0u);
}

TEST_F(shard_procedures, nonsense_is_refused) {
  std::string words;
  for (int i = 0; i < 4; ++i) pack_word(words, "not a number, it has a length of its own");
  pack_word(words, "*");
  pack_word(words, "");
  EXPECT_FALSE(read_shard_page(ask(procedure::shard_scan, words)));
  EXPECT_FALSE(read_shard_numbers(ask(procedure::shard_clear, "\xff"), 3));
  EXPECT_FALSE(read_shard_page("\x05"));
  EXPECT_FALSE(read_shard_numbers("", 1));
}

TEST(scan_tag, differs_between_processes) {
  std::set<std::uint64_t> tags;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    EXPECT_LT(scan_tag_of(seed), scan_tags);
    tags.insert(scan_tag_of(seed));
  }
  EXPECT_GE(tags.size(), 99u);
}

TEST(keys_in_shards, has_a_key_for_every_shard) {
  for (const std::uint32_t shards : {1u, 3u, 256u, 1000u}) {
    const auto keys = keys_in_shards(shards);
    ASSERT_EQ(keys.size(), shards);
    for (std::uint32_t i = 0; i < shards; ++i) EXPECT_EQ(shard_of(slot_of(keys[i]), shards), i);
  }
}

}  // namespace
}  // namespace troupe
