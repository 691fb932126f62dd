// Copies of small caches at every node, machine by machine: what a node holds, how it is repaired, what readers get.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/cache/copy_reading.hpp"
#include "runtime/cache/local_copy.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

struct copied_shard : ::testing::Test {
  void put(const std::string& key, const std::string& value, duration ttl = {}) {
    cache_command c;
    c.op = cache_op::put;
    c.key = key;
    c.value = value;
    c.ttl = ttl;
    const auto r = store.apply(c, now);
    ASSERT_EQ(r.code, errc::ok);
    told.push_back({change_kind::put, key, r.version, 0, value, {}});
  }
  void erase(const std::string& key) {
    cache_command c;
    c.op = cache_op::erase;
    c.key = key;
    told.push_back({change_kind::erased, key, store.apply(c, now).version, 0, std::nullopt, {}});
  }
  /// What the primary told until now reaches the copy.
  void hear() {
    for (const auto& c : std::exchange(told, {})) copy.on_change(c, 0, {}, now);
  }
  /// One request to the primary and its page; the token of the attempt. 0: nothing is asked for.
  std::uint64_t page() {
    auto requests = copy.on_tick(now);
    if (requests.empty()) return 0;
    const auto& r = requests.front();
    const auto bytes = encode_copy_request(r, [](cache_id) { return std::string_view("default"); });
    const auto asked = decode_copy_request(bytes, [](std::string_view) { return std::optional<cache_id>(0); });
    EXPECT_TRUE(asked);
    copy_reading reading(*asked);
    while (reading.step(store, now)) {
    }
    rows = reading.page().rows.size();
    const auto text = encode_copy_page(reading.page());
    copy.on_page(r, *decode_copy_page(text), now);
    ended = reading.ended();
    return r.token;
  }
  void repair() {
    std::uint64_t token = 0;
    do token = page();
    while (token != 0 && !ended);
    copy.on_mark(0, 0, token);
  }
  void make_whole() {
    copy.on_gap(0, 0);
    repair();
    ASSERT_EQ(copy.whole(0), 1u);
  }
  /// "-": no value; "?": the primary is to be asked.
  std::string look(const std::string& key) {
    const auto s = copy.find(0, 0, key, now, now);
    return !s ? "?" : s->found ? std::string(s->value) : "-";
  }

  memory_ledger ledger{std::uint64_t{1} << 26};
  shard_store store{store_settings{&ledger, 1, eviction_policy::none}};
  local_copy copy{{1 << 20}, 1, 7};
  time_point now{std::chrono::hours(1)};
  std::vector<cache_change> told;
  std::size_t rows = 0;
  bool ended = false;
};

TEST_F(copied_shard, is_answered_when_it_is_whole_and_not_before) {
  put("a", "1");
  put("b", "2", 10s);
  told.clear();
  EXPECT_EQ(page(), 0u) << "nothing is asked for before changes come";
  copy.on_gap(0, 0);
  EXPECT_EQ(look("a"), "?");
  const auto token = page();
  EXPECT_EQ(look("a"), "?") << "what was read may not be committed yet";
  copy.on_mark(0, 0, token + 1);
  EXPECT_EQ(look("a"), "?");
  copy.on_mark(0, 0, token);
  EXPECT_EQ(look("a"), "1");
  EXPECT_EQ(look("none"), "-");
  EXPECT_EQ(copy.find(0, 0, "b", now, now)->ttl, 10s);
  now += 10s;
  EXPECT_EQ(look("b"), "-");
}

TEST_F(copied_shard, follows_changes_and_does_not_bring_back_what_ended_while_it_was_read) {
  for (const char* key : {"a", "b", "c"}) put(key, "1");
  told.clear();
  copy.on_gap(0, 0);
  auto requests = copy.on_tick(now);
  copy_reading reading(requests.front());
  while (reading.step(store, now)) {
  }
  erase("a");
  put("b", "2");
  put("c", "2");
  hear();
  copy.on_page(requests.front(), reading.page(), now);
  copy.on_mark(0, 0, requests.front().token);
  EXPECT_EQ(look("a"), "-");
  EXPECT_EQ(look("b"), "2");
  put("a", "3");
  erase("b");
  hear();
  EXPECT_EQ(look("a"), "3");
  EXPECT_EQ(look("b"), "-");
  copy.on_change({change_kind::dropped, {}, store.version(), 0, std::nullopt, {}}, 0, {}, now);
  EXPECT_EQ(look("a"), "-");
  EXPECT_EQ(copy.bytes(0), 0u);
}

TEST_F(copied_shard, repairs_only_what_differs_after_a_gap) {
  for (int i = 0; i < 3000; ++i) put("key" + std::to_string(i), "v");
  told.clear();
  make_whole();
  EXPECT_EQ(copy.count().rows, 3000u);
  put("key7", "new");
  erase("key8");
  put("fresh", "new");
  told.clear();
  copy.on_gap(0, 0);
  EXPECT_EQ(look("key7"), "?");
  repair();
  EXPECT_EQ(look("key7"), "new");
  EXPECT_EQ(look("key8"), "-");
  EXPECT_EQ(look("fresh"), "new");
  EXPECT_EQ(look("key9"), "v");
  EXPECT_LT(copy.count().rows, 3000u + 300u) << "three buckets of 64";
  copy.on_gap(0, 0);
  repair();
  EXPECT_EQ(rows, 0u) << "nothing differs";
  std::size_t held = 0;
  copy.each(0, 0, [&](const std::string& key, std::uint64_t version, const std::optional<std::string>& value) {
    ++held;
    const auto found = store.peek(0, key, now);
    EXPECT_TRUE(found && found->version == version && found->value == value) << key;
  });
  EXPECT_EQ(held, store.keys());
}

TEST_F(copied_shard, a_lost_page_is_asked_for_again_and_a_gap_begins_anew) {
  for (int i = 0; i < 100; ++i) put("key" + std::to_string(i), std::string(20'000, 'v'));
  told.clear();
  local_copy large({64 << 20}, 1, 7);
  large.on_gap(0, 0);
  auto first = large.on_tick(now);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(large.on_tick(now).empty()) << "one at a time";
  large.on_page(first[0], std::nullopt, now);
  EXPECT_TRUE(large.on_tick(now).empty());
  now += local_copy::retry;
  auto second = large.on_tick(now);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(second[0].token, first[0].token);
  copy_reading reading(second[0]);
  while (reading.step(store, now)) {
  }
  EXPECT_FALSE(reading.ended()) << "2 MB are several pages";
  large.on_page(second[0], reading.page(), now);
  auto third = large.on_tick(now);
  ASSERT_EQ(third.size(), 1u);
  EXPECT_NE(third[0].cursor, 0u);
  large.on_gap(0, 0);
  large.on_page(third[0], reading.page(), now);
  const auto anew = large.on_tick(now);
  ASSERT_EQ(anew.size(), 1u);
  EXPECT_EQ(anew[0].cursor, 0u);
  EXPECT_TRUE(anew[0].digests) << "what came is not asked for again";
  now += 2 * local_copy::page_max;
  (void)large.on_tick(now);
  now += local_copy::retry;
  EXPECT_EQ(large.on_tick(now).size(), 1u) << "silence is a lost page";
}

TEST_F(copied_shard, is_answered_for_a_second_and_not_behind_what_passed_through_the_node) {
  put("a", "1");
  told.clear();
  make_whole();
  EXPECT_TRUE(copy.find(0, 0, "a", now - local_copy::trust, now));
  EXPECT_FALSE(copy.find(0, 0, "a", now - local_copy::trust - 1ms, now));
  EXPECT_FALSE(copy.find(0, 0, "a", time_point::min(), now)) << "the shard has no source";
  const bool noted = copy.on_leave(0, "a");
  EXPECT_FALSE(copy.find(0, 0, "a", now, now));
  EXPECT_TRUE(copy.find(0, 0, "b", now, now));
  copy.on_answered(0, "a", noted, now);
  EXPECT_FALSE(copy.find(0, 0, "a", now, now)) << "asked for before the answer, or at the same moment";
  EXPECT_TRUE(copy.find(0, 0, "a", now + 1ns, now + 1ns));
  copy.on_all_passed(now + 5ms);
  EXPECT_FALSE(copy.find(0, 0, "b", now + 5ms, now + 5ms));
  EXPECT_TRUE(copy.find(0, 0, "b", now + 6ms, now + 6ms));
  copy.on_leave_all();
  EXPECT_FALSE(copy.find(0, 0, "b", now + 7ms, now + 7ms));
  copy.on_answered_all(now + 7ms);
  EXPECT_TRUE(copy.find(0, 0, "b", now + 8ms, now + 8ms));
}

TEST_F(copied_shard, gets_that_the_primary_answers_do_not_keep_a_key_from_being_answered_here) {
  put("a", "1");
  const auto first = store.version();
  told.clear();
  make_whole();
  copy.on_read(0, "a", first, now + 1ms);
  EXPECT_TRUE(copy.find(0, 0, "a", now, now + 1ms)) << "the same version";
  copy.on_read(0, "a", first + 1, now + 1ms);
  EXPECT_FALSE(copy.find(0, 0, "a", now, now + 1ms)) << "a later one was seen";
  EXPECT_TRUE(copy.find(0, 0, "a", now + 2ms, now + 2ms)) << "confirmed after it was";
  copy.on_change({change_kind::put, "a", first + 2, 0, "2", {}}, 0, {}, now + 2ms);
  copy.on_read(0, "a", first + 2, now + 3ms);
  EXPECT_TRUE(copy.find(0, 0, "a", now, now + 3ms));
}

TEST_F(copied_shard, a_key_that_a_get_missed_is_not_shown_from_before) {
  put("a", "1");
  told.clear();
  make_whole();
  copy.on_read(0, "a", std::nullopt, now + 1ms);
  EXPECT_FALSE(copy.find(0, 0, "a", now, now + 1ms));
  EXPECT_TRUE(copy.find(0, 0, "a", now + 2ms, now + 2ms)) << "written anew";
  copy.on_read(0, "b", std::nullopt, now + 1ms);
  EXPECT_TRUE(copy.find(0, 0, "b", now, now + 1ms)) << "not there either";
  copy.on_read(0, "c", 5, now + 1ms);
  EXPECT_FALSE(copy.find(0, 0, "c", now, now + 1ms)) << "seen there, not known here";
}

TEST_F(copied_shard, what_only_the_primary_has_is_asked_of_it) {
  put("a", std::string(change_options::value_bytes_most + 1, 'v'));
  told.clear();
  make_whole();
  EXPECT_EQ(look("a"), "?");
  copy.on_change({change_kind::put, "list", store.version() + 1, 0, std::nullopt, {}}, 0, {}, now);
  EXPECT_EQ(look("list"), "?");
}

TEST_F(copied_shard, that_does_not_fit_is_left_to_the_primary_and_tried_again_when_there_is_room) {
  put("a", "1");
  told.clear();
  make_whole();
  put("large", std::string(2 << 20, 'v'));
  copy.on_change({change_kind::put, "b", store.version(), 0, std::string((1 << 20) - 100, 'v'), {}}, 0, {}, now);
  EXPECT_EQ(look("a"), "?");
  EXPECT_EQ(copy.bytes(0), 0u);
  EXPECT_EQ(copy.count().forgone, 1u);
  copy.on_gap(0, 0);
  EXPECT_EQ(page(), 0u);
  erase("large");
  now += local_copy::forgone_pause;
  repair();
  EXPECT_EQ(look("a"), "1");
}

TEST(local_copy_message, is_refused_when_it_is_cut_off_or_out_of_bounds) {
  const auto named = [](cache_id) { return std::string_view("default"); };
  const auto find = [](std::string_view n) { return n == "default" ? std::optional<cache_id>(0) : std::nullopt; };
  copy_request r;
  r.session = 3;
  r.token = 9;
  r.salt = 12;
  r.digests.emplace().fill(0x0123456789abcdefULL);
  r.cursor = 77;
  const auto bytes = encode_copy_request(r, named);
  const auto read = decode_copy_request(bytes, find);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->digests, r.digests);
  EXPECT_EQ(read->cursor, 77u);
  EXPECT_EQ(read->buckets, r.buckets);
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_copy_request(bytes.substr(0, n), find)) << n;
  EXPECT_FALSE(decode_copy_request(encode_copy_request(r, [](cache_id) { return std::string_view("x"); }), find));
  r.shard = 1 << 20;
  EXPECT_FALSE(decode_copy_request(encode_copy_request(r, named), find));

  copy_page p;
  p.token = 9;
  p.version = 5;
  p.buckets = 3;
  p.rows = {{"a", 4, 10s, "value"}, {"b", 5, {}, std::nullopt}, {"", 6, {}, ""}};
  const auto text = encode_copy_page(p);
  const auto back = decode_copy_page(text);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->rows.size(), 3u);
  EXPECT_EQ(back->rows[0].ttl, 10s);
  EXPECT_FALSE(back->rows[1].value);
  EXPECT_EQ(back->rows[2].value, "");
  for (std::size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(decode_copy_page(text.substr(0, n))) << n;
}

}  // namespace
}  // namespace troupe
