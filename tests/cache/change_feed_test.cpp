// Changes of caches, machine by machine: what an owner gathers, what a reader makes of it, what waits for a subscriber.
#include <gtest/gtest.h>

#include "runtime/cache/change_feed.hpp"
#include "runtime/cache/change_source.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using form = change_item::form;

constexpr time_point start{std::chrono::hours(1)};

key_change put(std::string_view key, std::uint64_t version, std::string_view value = "v", cache_id cache = 0) {
  return {change_kind::put, cache, key, version, value};
}

change_poll poll_of(std::uint64_t session, std::uint64_t number, std::vector<change_interest> interests,
                    std::uint64_t revision = 1) {
  return {session, number, revision, std::move(interests)};
}

struct source_of_two : ::testing::Test {
  change_source source{2};
  time_point now = start;

  void open(std::uint64_t session, std::vector<change_interest> interests = {{0, {}, 100}}) {
    ASSERT_EQ(source.on_poll(poll_of(session, 1, std::move(interests)), now), change_source::outcome::fresh);
    source.attach(session, 0, 5, 10);
    source.attach(session, 1, 5, 20);
    const auto first = source.take(session, now);
    ASSERT_EQ(first.number, 1u);
    ASSERT_EQ(first.items.size(), 3u);
    EXPECT_EQ(first.items[0].what, form::revised);
    EXPECT_EQ(first.items[1].what, form::began);
    EXPECT_EQ(first.items[1].version, 10u);
  }
};

TEST_F(source_of_two, tells_what_is_of_interest_with_kind_version_and_a_bounded_value) {
  open(1, {{0, {"a"}, 3}});
  source.on_change(0, put("ab", 11, "123"), 0);
  source.on_change(0, put("b", 12), 0);
  source.on_change(1, put("ab", 21, "1234"), 0);
  source.on_change(1, put("ab", 22, "x", 1), 0);
  source.on_change(1, {change_kind::dropped, 0, {}, 23, std::nullopt}, 0);
  ASSERT_EQ(source.on_poll(poll_of(1, 2, {{0, {"a"}, 3}}), now), change_source::outcome::taken);
  EXPECT_EQ(source.due(now), std::vector<std::uint64_t>{1});
  const auto a = source.take(1, now);
  ASSERT_EQ(a.items.size(), 3u);
  EXPECT_EQ(a.items[0].value, "123");
  EXPECT_EQ(a.items[1].version, 21u);
  EXPECT_FALSE(a.items[1].value) << "larger than asked for";
  EXPECT_EQ(a.items[2].kind, change_kind::dropped);
  EXPECT_EQ(source.bytes(), 0u);
}

TEST_F(source_of_two, keeps_a_change_until_it_is_committed_and_those_behind_it) {
  open(1);
  source.on_change(0, put("a", 11), 7);
  source.on_change(0, put("b", 12), 0);
  (void)source.on_poll(poll_of(1, 2, {{0, {}, 100}}), now);
  EXPECT_TRUE(source.due(now).empty());
  EXPECT_FALSE(source.ready());
  source.on_committed(0, 6);
  EXPECT_TRUE(source.due(now).empty());
  source.on_committed(0, 7);
  EXPECT_TRUE(source.ready());
  const auto a = source.take(1, now);
  ASSERT_EQ(a.items.size(), 2u);
  EXPECT_EQ(a.items[0].key, "a");
}

TEST_F(source_of_two, a_shard_that_ends_with_uncommitted_writes_does_not_say_with_what) {
  open(1);
  source.on_change(0, put("a", 11), 7);
  source.on_end(0, 11);
  source.on_end(1, 20);
  source.on_begin(0, 6, 30);
  (void)source.on_poll(poll_of(1, 2, {{0, {}, 100}}), now);
  const auto a = source.take(1, now);
  ASSERT_EQ(a.items.size(), 3u);
  EXPECT_EQ(a.items[0].what, form::ended);
  EXPECT_EQ(a.items[0].version, 0u);
  EXPECT_EQ(a.items[1].version, 20u);
  EXPECT_EQ(a.items[2].what, form::began);
  EXPECT_EQ(a.items[2].epoch, 6u);
}

TEST_F(source_of_two, a_poll_without_anything_to_tell_is_answered_after_a_while) {
  open(1);
  (void)source.on_poll(poll_of(1, 2, {{0, {}, 100}}), now);
  EXPECT_TRUE(source.due(now + change_source::hold_max - 1ms).empty());
  EXPECT_EQ(source.due(now + change_source::hold_max).size(), 1u);
}

TEST_F(source_of_two, a_wrong_number_an_unknown_session_and_silence_end_it) {
  open(1);
  EXPECT_EQ(source.on_poll(poll_of(1, 5, {}), now), change_source::outcome::refused);
  EXPECT_FALSE(source.any());
  EXPECT_EQ(source.on_poll(poll_of(2, 2, {}), now), change_source::outcome::refused);
  open(3);
  EXPECT_EQ(source.on_poll(poll_of(3, 0, {}), now), change_source::outcome::refused);
  EXPECT_FALSE(source.any());
  open(4);
  source.on_tick(now + change_source::silence_max + 1s);
  EXPECT_FALSE(source.any());
}

TEST(change_source, a_reader_that_falls_too_far_behind_loses_its_session_and_others_keep_theirs) {
  change_source source(1,
                       {.sessions_max = 2, .session_bytes_max = 2000, .bytes_max = 100'000, .answer_bytes_max = 500});
  time_point now = start;
  for (const std::uint64_t session : {1, 2}) {
    ASSERT_EQ(source.on_poll(poll_of(session, 1, {{0, {}, 100}}), now), change_source::outcome::fresh);
    source.attach(session, 0, 1, 1);
    (void)source.take(session, now);
  }
  EXPECT_EQ(source.on_poll(poll_of(3, 1, {{0, {}, 100}}), now), change_source::outcome::refused) << "too many";
  std::uint64_t number = 2;
  for (std::uint64_t v = 2; v < 60; ++v) {
    source.on_change(0, put("k", v), 0);
    (void)source.on_poll(poll_of(2, number++, {{0, {}, 100}}), now);
    EXPECT_LE(source.take(2, now).items.size(), 6u);
  }
  EXPECT_FALSE(source.knows(1));
  EXPECT_TRUE(source.knows(2));
  EXPECT_EQ(source.count().broken, 1u);
  EXPECT_EQ(source.bytes(), 0u);
}

// --- the reader

struct feed_of_two : ::testing::Test {
  change_feed feed{2, 1};
  time_point now = start;
  std::map<std::uint64_t, change_poll> polls;
  std::map<std::uint64_t, std::uint64_t> numbers;

  void SetUp() override { feed.on_owners({1, 2}); }
  void tick() {
    for (auto& o : feed.on_tick(now)) {
      if (o.poll.number == 1) numbers[o.owner] = 0;
      polls[o.owner] = o.poll;
    }
  }
  void answer(std::uint64_t owner, std::vector<change_item> items) {
    tick();
    change_answer a;
    a.number = ++numbers[owner];
    a.items = std::move(items);
    feed.on_answer(owner, polls[owner].session, a, now);
  }
  void lose(std::uint64_t owner) {
    tick();
    feed.on_answer(owner, polls[owner].session, std::nullopt, now);
    now += change_feed::retry;
  }
  static change_item began(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version) {
    return {.what = form::began, .shard = shard, .version = version, .epoch = epoch};
  }
  static change_item ended(std::uint32_t shard, std::uint64_t version) {
    return {.what = form::ended, .shard = shard, .version = version};
  }
  static change_item revised(std::uint64_t revision) { return {.what = form::revised, .version = revision}; }
  static change_item change(std::uint32_t shard, std::uint64_t version, std::string key = "k") {
    return {.shard = shard, .version = version, .key = std::move(key), .value = "value"};
  }
  /// "open", "k@7", "gap".
  std::string heard(std::uint64_t subscriber = 1) {
    std::string text;
    for (auto& d : feed.take_deliveries()) all.push_back(std::move(d));
    for (const auto& d : all) {
      if (d.subscriber != subscriber) continue;
      text += text.empty() ? "" : " ";
      const auto& c = d.change;
      if (c.kind == change_kind::opened) text += "open";
      if (c.kind == change_kind::gap) text += "gap";
      if (c.kind == change_kind::put) text += c.key + "@" + std::to_string(c.version);
    }
    std::erase_if(all, [subscriber](const auto& d) { return d.subscriber == subscriber; });
    return text;
  }
  void open() {
    feed.add(1, {0, "", 100});
    answer(1, {revised(1), began(0, 1, 10)});
    EXPECT_EQ(heard(), "") << "not all shards are heard of";
    answer(2, {revised(1), began(1, 1, 20)});
    EXPECT_EQ(heard(), "open");
  }
  std::vector<change_feed::delivery> all;
};

TEST_F(feed_of_two, opens_when_every_shard_is_told_and_tells_by_prefix) {
  open();
  feed.add(2, {0, "a", 2});
  answer(1, {change(0, 11, "ab"), change(0, 12, "b")});
  EXPECT_EQ(heard(), "ab@11 b@12");
  EXPECT_EQ(heard(2), "open ab@11") << "what it wants was told before already";
  answer(2, {change(1, 21, "a"), change(1, 22, "b")});
  EXPECT_EQ(heard(2), "a@21");
}

TEST_F(feed_of_two, a_wider_interest_opens_when_all_sources_say_that_it_holds) {
  feed.add(1, {0, "a", 0});
  answer(1, {revised(1), began(0, 1, 10)});
  answer(2, {revised(1), began(1, 1, 20)});
  EXPECT_EQ(heard(), "open");
  feed.add(2, {0, "", 0});
  answer(1, {});
  answer(1, {revised(2), change(0, 11, "b")});
  EXPECT_EQ(heard(2), "");
  EXPECT_EQ(polls[1].interests.front().prefixes.size(), 0u);
  answer(2, {revised(2)});
  EXPECT_EQ(heard(2), "open");
}

TEST_F(feed_of_two, a_move_by_plan_is_no_gap_whoever_is_heard_first) {
  open();
  answer(2, {began(0, 2, 11), change(0, 12)});
  EXPECT_EQ(heard(), "") << "node 1 may have told more before";
  answer(1, {change(0, 11), ended(0, 11)});
  EXPECT_EQ(heard(), "k@11 k@12");
  answer(2, {change(0, 13), ended(0, 13)});
  answer(1, {began(0, 3, 13), change(0, 14)});
  EXPECT_EQ(heard(), "k@13 k@14");
}

TEST_F(feed_of_two, a_source_that_is_lost_is_a_gap_when_another_tells_the_shard) {
  open();
  answer(2, {began(0, 2, 11), change(0, 12)});
  lose(1);
  EXPECT_EQ(heard(), "k@12 gap");
  answer(1, {revised(1), began(0, 1, 9), change(0, 10)});
  EXPECT_EQ(heard(), "") << "what begins under an earlier row is of the past";
}

TEST_F(feed_of_two, a_source_that_ended_with_less_than_the_next_began_with_is_a_gap) {
  open();
  answer(1, {ended(0, 11)});
  answer(2, {began(0, 2, 12)});
  EXPECT_EQ(heard(), "gap");
  answer(2, {ended(0, 0)});
  answer(1, {began(0, 3, 12)});
  EXPECT_EQ(heard(), "gap");
  answer(1, {ended(0, 15)});
  answer(2, {began(0, 4, UINT64_MAX)});
  EXPECT_EQ(heard(), "gap");
}

TEST_F(feed_of_two, what_an_old_source_held_back_does_not_come_after_what_is_newer) {
  open();
  // 1 -> 2 -> 1 -> 2, and the first part of what 2 tells is late.
  answer(1, {ended(0, 11), began(0, 3, 15), change(0, 16)});
  EXPECT_EQ(heard(), "k@16 gap");
  answer(2, {began(0, 2, 11), change(0, 12), ended(0, 15)});
  answer(1, {ended(0, 16)});
  answer(2, {began(0, 4, 16), change(0, 17)});
  EXPECT_EQ(heard(), "k@17");
}

TEST_F(feed_of_two, an_answer_out_of_turn_or_too_late_is_a_lost_one) {
  open();
  tick();
  change_answer skipped;
  skipped.number = numbers[1] + 2;
  feed.on_answer(1, polls[1].session, skipped, now);
  const auto old = polls[1].session;
  now += change_feed::retry;
  tick();
  EXPECT_NE(polls[1].session, old);
  EXPECT_EQ(polls[1].number, 1u);
  feed.on_answer(1, old, change_answer{3, {change(0, 12)}}, now);
  EXPECT_EQ(heard(), "");
  answer(1, {revised(1), began(0, 1, 12)});
  EXPECT_EQ(heard(), "gap");
  tick();
  now += change_feed::poll_max;
  tick();
  EXPECT_EQ(feed.count().lost, 3u) << "both owners are silent";
}

TEST_F(feed_of_two, sessions_end_with_the_last_subscriber) {
  open();
  feed.remove(1);
  const auto farewell = feed.on_tick(now);
  ASSERT_EQ(farewell.size(), 2u);
  EXPECT_EQ(farewell[0].poll.number, 0u);
  EXPECT_TRUE(feed.on_tick(now).empty());
}

TEST_F(feed_of_two, an_owner_that_leaves_the_table_is_heard_to_its_end) {
  open();
  feed.on_owners({2});
  answer(1, {change(0, 11), ended(0, 11)});
  answer(2, {began(0, 2, 11)});
  EXPECT_EQ(heard(), "k@11");
  EXPECT_EQ(polls[1].number, 0u);
}

// --- one subscriber

cache_change numbered(std::uint64_t version) {
  cache_change c;
  c.key = "k";
  c.version = version;
  return c;
}

TEST(change_backlog, what_does_not_fit_is_told_as_a_gap_where_it_is_missing) {
  change_backlog b(4, 1 << 20);
  for (std::uint64_t v = 1; v <= 6; ++v) b.push(numbered(v));
  EXPECT_EQ(b.discarded(), 2u);
  EXPECT_EQ(b.pop()->version, 1u);
  b.push(numbered(7));
  EXPECT_EQ(b.discarded(), 3u) << "not before half of it was taken";
  EXPECT_EQ(b.pop()->version, 2u);
  b.push(numbered(8));
  EXPECT_EQ(b.pop()->version, 3u);
  EXPECT_EQ(b.pop()->version, 4u);
  EXPECT_EQ(b.pop()->kind, change_kind::gap);
  EXPECT_EQ(b.pop()->version, 8u);
  EXPECT_FALSE(b.pop());
}

TEST(change_backlog, a_gap_at_the_end_is_told_without_another_change) {
  change_backlog b(2, 1 << 20);
  for (std::uint64_t v = 1; v <= 3; ++v) b.push(numbered(v));
  (void)b.pop();
  (void)b.pop();
  EXPECT_FALSE(b.empty());
  const auto gap = b.pop();
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->cause, slow_subscriber);
  EXPECT_TRUE(b.empty());
}

TEST(change_backlog, bytes_are_bounded_too) {
  change_backlog b(1000, 4096);
  auto large = numbered(1);
  large.value = std::string(5000, 'x');
  b.push(large);
  EXPECT_EQ(b.pop()->kind, change_kind::gap);
}

// --- on the wire

std::string_view name_of(cache_id cache) { return cache == 0 ? "default" : "users"; }
std::optional<cache_id> find(std::string_view name) {
  if (name == "default") return cache_id{0};
  if (name == "users") return cache_id{1};
  return std::nullopt;
}

TEST(change_message, crosses_and_is_refused_when_it_is_cut_off) {
  const auto poll = poll_of(7, 3, {{1, {"a", "b"}, 10}, {0, {}, 0}}, 9);
  const auto bytes = encode_change_poll(poll, name_of);
  const auto read = decode_change_poll(bytes, find);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->session, 7u);
  EXPECT_EQ(read->number, 3u);
  EXPECT_EQ(read->interests, poll.interests);
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_change_poll(bytes.substr(0, n), find)) << n;

  change_answer answer;
  answer.number = 4;
  answer.items.push_back({.what = form::began, .shard = 3, .version = UINT64_MAX, .epoch = 5});
  answer.items.push_back({.kind = change_kind::erased, .cache = 1, .shard = 3, .version = 9, .key = "k"});
  answer.items.push_back({.cache = 1, .shard = 3, .version = 10, .key = "", .value = ""});
  const auto text = encode_change_answer(answer, name_of);
  const auto back = decode_change_answer(text, find);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->items.size(), 3u);
  EXPECT_EQ(back->items[0].epoch, 5u);
  EXPECT_EQ(back->items[1].kind, change_kind::erased);
  EXPECT_FALSE(back->items[1].value);
  EXPECT_EQ(back->items[2].value, "");
  for (std::size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(decode_change_answer(text.substr(0, n), find)) << n;
}

TEST(change_message, what_is_out_of_bounds_is_refused_and_unknown_caches_are_left_out) {
  change_answer answer;
  answer.number = 1;
  answer.items.push_back({.kind = change_kind::gap, .shard = 0, .version = 1, .key = "k"});
  EXPECT_FALSE(decode_change_answer(encode_change_answer(answer, name_of), find)) << "no owner says so";
  answer.items[0] = {.shard = 1 << 20, .version = 1, .key = "k"};
  EXPECT_FALSE(decode_change_answer(encode_change_answer(answer, name_of), find));
  answer.items[0] = {.shard = 0, .version = 1, .key = "k"};
  const auto odd = [](cache_id) { return std::string_view("nobody"); };
  EXPECT_TRUE(decode_change_answer(encode_change_answer(answer, odd), find)->items.empty());
  EXPECT_TRUE(decode_change_poll(encode_change_poll(poll_of(1, 1, {{0, {}, 0}}), odd), find)->interests.empty());
  EXPECT_FALSE(decode_change_poll(encode_change_poll(poll_of(0, 1, {}), name_of), find));
  EXPECT_FALSE(decode_change_poll(
      encode_change_poll(poll_of(1, 1, {{0, std::vector<std::string>(17, "p"), 0}}), name_of), find));
  EXPECT_FALSE(decode_change_poll(encode_change_poll(poll_of(1, 1, {{0, {}, 2 << 20}}), name_of), find));
}

}  // namespace
}  // namespace troupe
