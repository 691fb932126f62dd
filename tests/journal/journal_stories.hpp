// What a journal promises, whichever database it is in.
#pragma once

#include <atomic>
#include <map>
#include <thread>

#include "tests/journal/journal_places.hpp"

namespace troupe {

template <class Place>
class journal_stories : public testing::Test {
 protected:
  static void SetUpTestSuite() { Place::open_all(); }
  static void TearDownTestSuite() { Place::close_all(); }
  void SetUp() override {
    if (!Place::is_there()) GTEST_SKIP() << "the database is not installed";
    place_ = std::make_unique<Place>();
    journal_.emplace(must_open(place_->node(0)));
  }
  void TearDown() override {
    journal_.reset();
    place_.reset();
  }

  void append_many(const std::string& stream, std::size_t n) {
    for (std::uint64_t at = must(journal_->load(stream)).version, left = n; left > 0;) {
      stream_append a{stream, at, {}, {}};
      for (; left > 0 && a.events.size() < journal::append_events_max; --left)
        a.events.push_back({"event", 1, std::to_string(at + a.events.size() + 1)});
      at = must(journal_->append(std::move(a))).version;
    }
  }
  std::vector<stored_event> all() {
    std::vector<stored_event> events;
    for (std::uint64_t after = 0;;) {
      auto page = must(journal_->read_all(after, 100));
      if (page.empty()) return events;
      after = page.back().position;
      events.insert(events.end(), page.begin(), page.end());
    }
  }
  std::int64_t count(const std::string& table) {
    const auto r = must(journal_->where().query("select count(*) from " + table));
    return r.template get<std::int64_t>(0, 0).value_or(-1);
  }

  std::unique_ptr<Place> place_;
  std::optional<journal> journal_;
};
TYPED_TEST_SUITE_P(journal_stories);

TYPED_TEST_P(journal_stories, what_was_appended_is_read_in_order) {
  auto& j = *this->journal_;
  const std::string bytes("\0\xff'\\", 4);
  const auto first = must(j.append({"a", 0, {{"opened", 1, ""}, {"paid", 3, bytes}}, {}}));
  EXPECT_EQ(first.version, 2U);
  EXPECT_EQ(must(j.append(one("a", 2, "third"))).version, 3U);
  const auto events = must(j.read("a", 0));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[1].event, (journal_event{"paid", 3, bytes}));
  EXPECT_EQ(events[1].version, 2U);
  EXPECT_EQ(events[1].position, first.position);
  EXPECT_EQ(events[2].event.bytes, "third");
  EXPECT_GT(events[0].at.time_since_epoch().count(), 1'600'000'000'000);
  EXPECT_EQ(must(j.read("a", 2)).size(), 1U);
  EXPECT_EQ(must(j.read("a", 0, 2)).size(), 2U);
  EXPECT_TRUE(must(j.read("a", 3)).empty());
  EXPECT_TRUE(must(j.read("nobody's", 0)).empty());
}

TYPED_TEST_P(journal_stories, a_writer_who_has_not_seen_the_last_event_writes_nothing) {
  auto& j = *this->journal_;
  must(j.append(one("a", 0)));
  for (const std::uint64_t wrong : {0, 2, 7}) EXPECT_EQ(code_of(j.append(one("a", wrong))), errc::condition_failed);
  EXPECT_EQ(code_of(j.append(one("b", 1))), errc::condition_failed) << "there is no such stream";
  EXPECT_EQ(must(j.load("a")).version, 1U);
  EXPECT_EQ(must(j.load("b")).version, 0U);
  EXPECT_EQ(this->all().size(), 1U);
}

TYPED_TEST_P(journal_stories, an_append_that_is_repeated_is_done_once_and_says_where) {
  auto& j = *this->journal_;
  const stream_append twice{"a", 0, {{"event", 1, "1"}, {"event", 1, "2"}}, "the-same"};
  const auto first = must(j.append(twice));
  const auto again = must(j.append(twice));
  EXPECT_EQ(again.version, first.version);
  EXPECT_EQ(again.position, first.position);
  must(j.append(one("a", 2)));
  EXPECT_EQ(must(j.append(twice)).position, first.position) << "others have written since";
  EXPECT_EQ(this->all().size(), 3U);
  EXPECT_EQ(code_of(j.append({"a", 0, twice.events, "another"})), errc::condition_failed);
}

TYPED_TEST_P(journal_stories, who_is_refused_in_a_transaction_leaves_those_beside_it_alone) {
  auto& j = *this->journal_;
  must(j.append(one("taken", 0)));
  std::vector<awaited<expected<appended>>> answers(30);
  for (std::size_t i = 0; i < answers.size(); ++i)
    j.append(one(i % 3 == 0 ? "taken" : "s" + std::to_string(i), 0), answers[i].callback());
  std::size_t stored = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto r = answers[i].get();
    EXPECT_EQ(code_of(r), i % 3 == 0 ? errc::condition_failed : errc::ok);
    stored += r ? 1 : 0;
  }
  EXPECT_EQ(this->all().size(), stored + 1);
}

TYPED_TEST_P(journal_stories, long_streams_are_read_in_pages) {
  auto& j = *this->journal_;
  this->append_many("long", 10'000);
  std::uint64_t at = 0;
  std::size_t pages = 0;
  for (;; ++pages) {
    const auto page = must(j.read("long", at, 700));
    if (page.empty()) break;
    for (const auto& e : page) ASSERT_EQ(e.version, ++at);
    EXPECT_EQ(page.back().event.bytes, std::to_string(at));
  }
  EXPECT_EQ(at, 10'000U);
  EXPECT_EQ(pages, 15U);
  EXPECT_EQ(must(j.read("long", 0, 1'000'000)).size(), journal::page_events_max);
}

TYPED_TEST_P(journal_stories, large_events_come_in_smaller_pages) {
  auto& j = *this->journal_;
  const std::string large(journal::event_bytes_max, 'x');
  for (std::uint64_t at = 0; at < 24; at += 4) {
    stream_append a{"large", at, std::vector<journal_event>(4, {"event", 1, large}), {}};
    must(j.append(std::move(a)));
  }
  std::uint64_t at = 0;
  while (true) {
    const auto page = must(j.read("large", at, 24));
    if (page.empty()) break;
    EXPECT_EQ(page.size(), 8U) << "of 8 MiB";
    for (const auto& e : page) ASSERT_EQ(e.version, ++at);
    EXPECT_EQ(page.back().event.bytes.size(), large.size());
  }
  EXPECT_EQ(at, 24U);
  EXPECT_EQ(must(j.read_all(0)).size(), 8U);
}

TYPED_TEST_P(journal_stories, bad_input_is_refused_and_harms_nobody) {
  auto& j = *this->journal_;
  const std::string no_text("\xc3\x28");
  const std::string zero("a\0b", 3);
  const std::string long_name(journal::name_bytes_max + 1, 'n');
  for (const auto& name : {std::string(), no_text, zero, std::string("\xed\xa0\x80"), std::string("\xf5")}) {
    EXPECT_EQ(code_of(j.append(one(name, 0))), errc::invalid_argument);
    EXPECT_EQ(code_of(j.append({"a", 0, {{name, 1, ""}}, {}})), errc::invalid_argument);
    EXPECT_EQ(code_of(j.load(name)), errc::invalid_argument);
    EXPECT_EQ(code_of(j.read(name, 0)), errc::invalid_argument);
    EXPECT_EQ(code_of(j.cursor_of(name)), errc::invalid_argument);
    EXPECT_EQ(code_of(j.truncate(name)), errc::invalid_argument);
    EXPECT_EQ(code_of(j.erase(name, 1)), errc::invalid_argument);
  }
  EXPECT_EQ(code_of(j.append(one(long_name, 0))), errc::too_large);
  EXPECT_EQ(code_of(j.append(one("a", 0, "", long_name))), errc::too_large);
  EXPECT_EQ(code_of(j.append({"a", 0, {}, {}})), errc::invalid_argument);
  EXPECT_EQ(code_of(j.append({"a", 0, {{"event", 0, ""}}, {}})), errc::invalid_argument);
  EXPECT_EQ(code_of(j.append({"a", UINT64_MAX, {{"event", 1, ""}}, {}})), errc::invalid_argument);
  EXPECT_EQ(code_of(j.append(one("a", 0, std::string(journal::event_bytes_max + 1, 'x')))), errc::too_large);
  const std::string large(journal::event_bytes_max, 'x');
  EXPECT_EQ(code_of(j.append({"a", 0, std::vector<journal_event>(9, {"event", 1, large}), {}})), errc::too_large);
  EXPECT_EQ(code_of(j.append({"a", 0, std::vector<journal_event>(1001, {"event", 1, ""}), {}})), errc::too_large);
  EXPECT_EQ(code_of(j.read("a", 0, 0)), errc::invalid_argument);
  EXPECT_EQ(code_of(j.read("a", UINT64_MAX)), errc::invalid_argument);
  EXPECT_EQ(code_of(j.move_cursor("c", 2, 1)), errc::invalid_argument);
  EXPECT_EQ(code_of(j.save_snapshot("a", 0, {"image", 1, ""})), errc::invalid_argument);
  EXPECT_EQ(code_of(journal::open(j.where(), {.snapshots_kept = 0})), errc::invalid_argument);
  EXPECT_EQ(code_of(journal::open(j.where(), {.deadline = duration::zero()})), errc::invalid_argument);
  EXPECT_TRUE(j.append(one("\xf0\x9f\x8c\x8d '; drop table journal_events; --", 0)));
  EXPECT_EQ(this->all().size(), 1U);
}

TYPED_TEST_P(journal_stories, a_replay_begins_with_the_last_snapshot) {
  auto& j = *this->journal_;
  this->append_many("a", 10);
  EXPECT_EQ(code_of(j.save_snapshot("a", 11, {"image", 1, ""})), errc::not_found) << "there is no event 11";
  EXPECT_EQ(code_of(j.save_snapshot("b", 1, {"image", 1, ""})), errc::not_found);
  must(j.save_snapshot("a", 8, {"image", 2, "eight"}));
  must(j.save_snapshot("a", 5, {"image", 2, "five"}));
  const auto start = must(j.load("a"));
  EXPECT_EQ(start.version, 10U);
  EXPECT_EQ(start.base, 8U);
  EXPECT_EQ(start.snapshot, (journal_event{"image", 2, "eight"}));
  EXPECT_EQ(this->count("journal_snapshots"), 1);
  auto keeps_two = must_open(j.where(), {.snapshots_kept = 2});
  for (const std::uint64_t v : {9, 10}) must(keeps_two.save_snapshot("a", v, {"image", 2, "later"}));
  must(keeps_two.save_snapshot("a", 10, {"image", 2, "better"}));
  EXPECT_EQ(this->count("journal_snapshots"), 2);
  EXPECT_EQ(must(j.load("a")).snapshot->bytes, "better");
}

TYPED_TEST_P(journal_stories, only_what_a_snapshot_stands_for_and_every_cursor_has_passed_is_truncated) {
  auto& j = *this->journal_;
  this->append_many("other", 1);
  this->append_many("a", 10);
  EXPECT_EQ(must(j.truncate("a")), 0U) << "nothing stands for its events";
  EXPECT_EQ(must(j.load("a")).base, 0U);
  must(j.save_snapshot("a", 6, {"image", 1, ""}));
  const auto at = must(j.read("a", 0))[3].position;
  must(j.move_cursor("slow", 0, at));
  must(j.move_cursor("fast", 0, at + 100));
  EXPECT_EQ(must(j.truncate("a")), 4U);
  EXPECT_EQ(must(j.read("a", 0)).front().version, 5U);
  must(j.drop_cursor("slow"));
  EXPECT_EQ(must(j.truncate("a")), 2U);
  EXPECT_EQ(must(j.load("a")).base, 6U);
  must(j.append(one("a", 10)));
  EXPECT_EQ(must(j.read("a", 6)).size(), 5U);
  EXPECT_EQ(must(j.read("other", 0)).size(), 1U);
  must(j.save_snapshot("a", 11, {"image", 1, ""}));
  EXPECT_EQ(must(j.truncate("a")), 5U);
  EXPECT_EQ(must(j.append(one("a", 11))).version, 12U) << "its number goes on without its events";
}

TYPED_TEST_P(journal_stories, a_snapshot_that_is_lost_behind_a_truncation_is_told) {
  auto& j = *this->journal_;
  this->append_many("a", 3);
  must(j.save_snapshot("a", 2, {"image", 1, ""}));
  must(j.truncate("a"));
  must(j.where().execute("delete from journal_snapshots"));
  EXPECT_EQ(code_of(j.load("a")), errc::corrupt);
}

TYPED_TEST_P(journal_stories, a_repeated_append_does_not_bring_truncated_events_back) {
  auto& j = *this->journal_;
  const auto again = one("a", 0, "x", "the-same");
  must(j.append(again));
  must(j.save_snapshot("a", 1, {"image", 1, ""}));
  EXPECT_EQ(must(j.truncate("a")), 1U);
  EXPECT_EQ(code_of(j.append(again)), errc::condition_failed);
  EXPECT_TRUE(this->all().empty());
}

TYPED_TEST_P(journal_stories, an_erased_stream_begins_anew_behind_its_version) {
  auto& j = *this->journal_;
  this->append_many("a", 4);
  this->append_many("b", 1);
  must(j.save_snapshot("a", 2, {"image", 1, ""}));
  EXPECT_EQ(code_of(j.erase("a", 3)), errc::condition_failed);
  EXPECT_EQ(must(j.load("a")).base, 2U);
  must(j.erase("a", 4));
  const auto start = must(j.load("a"));
  EXPECT_EQ(start.version, 4U);
  EXPECT_EQ(start.base, 4U);
  EXPECT_FALSE(start.snapshot);
  EXPECT_EQ(code_of(j.save_snapshot("a", 4, {"image", 1, ""})), errc::not_found) << "of one who has not heard";
  EXPECT_EQ(code_of(j.append(one("a", 0))), errc::condition_failed);
  EXPECT_EQ(must(j.append(one("a", 4))).version, 5U);
  EXPECT_EQ(this->all().size(), 2U);
}

TYPED_TEST_P(journal_stories, a_cursor_moves_together_with_what_is_written_beside_it) {
  auto& j = *this->journal_;
  const auto put = must(j.where().prepare("put", "insert into seen(position) values($1)"));
  const auto calls = [&](std::int64_t from, std::int64_t to) {
    std::vector<sql_call> all;
    for (auto p = from; p < to; ++p) all.push_back({put, {p}});
    return all;
  };
  EXPECT_EQ(must(j.cursor_of("c")), 0U);
  must(j.move_cursor("c", 0, 120, calls(0, 120)));
  EXPECT_EQ(must(j.cursor_of("c")), 120U);
  EXPECT_EQ(this->count("seen"), 120);
  EXPECT_EQ(code_of(j.move_cursor("c", 0, 130, calls(120, 130))), errc::condition_failed);
  EXPECT_EQ(code_of(j.move_cursor("c", 100, 130, calls(120, 130))), errc::condition_failed);
  EXPECT_EQ(code_of(j.move_cursor("d", 5, 6, calls(120, 130))), errc::condition_failed) << "it has no position";
  auto clash = calls(120, 130);
  clash.push_back({put, {std::int64_t{7}}});
  EXPECT_EQ(code_of(j.move_cursor("c", 120, 130, clash)), errc::already_exists);
  EXPECT_EQ(must(j.cursor_of("c")), 120U);
  EXPECT_EQ(this->count("seen"), 120) << "neither or both";
  must(j.drop_cursor("c"));
  EXPECT_EQ(must(j.cursor_of("c")), 0U);
}

TYPED_TEST_P(journal_stories, who_takes_a_position_first_is_seen_first) {
  auto first = this->place_->node(0);
  auto second = must_open(this->place_->node(1));
  auto& reader = *this->journal_;
  const auto take = must(first.prepare("take", "update journal_order set position = position + 1 where one = 1"));
  const auto put = must(first.prepare(
      "put",
      "insert into journal_events(position, stream, version, append_id, type, type_version, bytes, written_at) "
      "select position, 'slow', 1, 'slow', 'event', 1, $1, 0 from journal_order"));
  awaited<expected<void>> committed;
  awaited<transaction> open;
  first.transact(
      [&](transaction t) {
        t.run(take, {}, [&, t](const expected<sql_result>& r) {
          EXPECT_TRUE(r);
          open.callback()(t);
        });
      },
      committed.callback());
  auto slow = open.get();
  awaited<expected<appended>> quick;
  second.append(one("quick", 0), quick.callback());
  EXPECT_TRUE(must(reader.read_all(0, 10)).empty()) << "the quick one waits for the slow one, who came first";
  slow.run(put, {blob{"x"}}, [slow](const expected<sql_result>&) mutable { slow.commit(); });
  EXPECT_TRUE(committed.get());
  EXPECT_EQ(must(quick.get()).position, 2U);
  const auto events = this->all();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].stream, "slow");
}

// Two nodes write as fast as they can while a reader follows: what it has read is all that there is, in order.
TYPED_TEST_P(journal_stories, a_reader_who_follows_writers_of_two_nodes_misses_nothing) {
  constexpr int streams = 4;
  constexpr std::uint64_t each = 60;
  std::atomic<int> writing{4};
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      auto j = must_open(this->place_->node(static_cast<std::size_t>(w) % 2));
      std::uint64_t stored = 0;
      for (std::uint64_t n = 0; stored < each; ++n) {
        const auto stream = "s" + std::to_string((n + static_cast<std::uint64_t>(w)) % streams);
        const auto at = j.load(stream);
        if (!at) continue;
        const auto r = j.append({stream, at->version, {{"event", 1, "1"}, {"event", 1, "2"}}, {}});
        if (r)
          ++stored;
        else
          EXPECT_EQ(r.error().code, errc::condition_failed) << describe(r.error());
      }
      --writing;
    });
  }
  auto j = must_open(this->place_->node(1));
  std::vector<stored_event> read;
  for (bool last = false; !last;) {
    last = writing == 0;
    for (;;) {
      auto page = must(j.read_all(read.empty() ? 0 : read.back().position, 7));
      if (page.empty()) break;
      read.insert(read.end(), page.begin(), page.end());
    }
  }
  for (auto& w : writers) w.join();
  ASSERT_EQ(read.size(), 4 * each * 2);
  std::map<std::string, std::uint64_t> versions;
  std::uint64_t position = 0;
  for (const auto& e : read) {
    EXPECT_GT(e.position, position);
    position = e.position;
    EXPECT_EQ(e.version, ++versions[e.stream]) << e.stream;
  }
}

TYPED_TEST_P(journal_stories, who_listens_is_woken_by_an_append) {
  struct news {
    std::mutex mutex;
    std::condition_variable came;
    int count = 0;
  };
  const auto n = std::make_shared<news>();
  const auto listening = must(this->journal_->on_append([n] {
    const std::lock_guard lock(n->mutex);
    ++n->count;
    n->came.notify_all();
  }));
  std::unique_lock lock(n->mutex);
  for (std::uint64_t version = 0, before = 0; version < 2; ++version) {
    lock.unlock();
    must(must_open(this->place_->node(1)).append(one("a", version)));
    lock.lock();
    ASSERT_TRUE(n->came.wait_for(lock, std::chrono::seconds(20), [&] { return n->count > static_cast<int>(before); }));
    before = static_cast<std::uint64_t>(n->count);
  }
}

REGISTER_TYPED_TEST_SUITE_P(
    journal_stories, what_was_appended_is_read_in_order, a_writer_who_has_not_seen_the_last_event_writes_nothing,
    an_append_that_is_repeated_is_done_once_and_says_where,
    who_is_refused_in_a_transaction_leaves_those_beside_it_alone, long_streams_are_read_in_pages,
    large_events_come_in_smaller_pages, bad_input_is_refused_and_harms_nobody, a_replay_begins_with_the_last_snapshot,
    only_what_a_snapshot_stands_for_and_every_cursor_has_passed_is_truncated,
    a_snapshot_that_is_lost_behind_a_truncation_is_told, a_repeated_append_does_not_bring_truncated_events_back,
    an_erased_stream_begins_anew_behind_its_version, a_cursor_moves_together_with_what_is_written_beside_it,
    who_takes_a_position_first_is_seen_first, a_reader_who_follows_writers_of_two_nodes_misses_nothing,
    who_listens_is_woken_by_an_append);

}  // namespace troupe
