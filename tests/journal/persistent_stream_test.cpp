// The life of an event-sourced actor beside its stream: answers in, steps out.
#include "runtime/journal/persistent_stream.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using doing = persistent_stream::doing;

// Its state is what it was given, in order.
struct noted final : folded_state {
  std::string told;
  std::string refuses;  // an event of this type

  void reset() override { told.clear(); }
  expected<void> restore(const journal_event& e) override {
    if (e.type == refuses) return fail(errc::not_implemented, "no " + e.type);
    told = "[" + e.bytes + "]";
    return {};
  }
  expected<void> apply(const journal_event& e) override {
    if (e.type == refuses) return fail(errc::not_implemented, "no " + e.type);
    told += e.bytes;
    return {};
  }
};

std::vector<stored_event> events(std::uint64_t from, std::uint64_t to) {
  std::vector<stored_event> all;
  for (auto v = from; v <= to; ++v) all.push_back({"s", v, v * 10, {}, {"event", 1, std::to_string(v % 10)}});
  return all;
}

struct persistent_stream_test : testing::Test {
  noted state;
  persistent_stream stream{{.stream = "s", .page_events = 3, .snapshot_every = 4}, state};
  time_point now{};

  void SetUp() override { stream.begin(now); }
  void make_ready(std::uint64_t version = 0) {
    stream.on_start(stream_start{version, version, std::nullopt}, now);
    ASSERT_EQ(stream.next(), doing::ready);
  }
  expected<void> persist(const std::string& bytes, const std::string& id = "id") {
    return stream.persist({{"event", 1, bytes}}, id, now);
  }
  // What is told of the append that is on its way.
  std::optional<expected<void>> answer(errc code) {
    if (code == errc::ok) {
      const auto& a = stream.append();
      return stream.on_appended(appended{a.expected_version + a.events.size(), 7}, now);
    }
    return stream.on_appended(fail(code), now);
  }
};

TEST_F(persistent_stream_test, a_new_stream_is_ready_at_once) {
  EXPECT_EQ(stream.next(), doing::load);
  make_ready();
  EXPECT_EQ(stream.version(), 0U);
}

TEST_F(persistent_stream_test, replays_the_snapshot_and_then_page_by_page) {
  stream.on_start(stream_start{9, 4, journal_event{"image", 1, "four"}}, now);
  EXPECT_EQ(stream.next(), doing::read);
  EXPECT_EQ(stream.version(), 4U);
  stream.on_page(events(5, 7), now);
  EXPECT_EQ(stream.next(), doing::read);
  stream.on_page(events(8, 8), now);  // a short page is not the end
  EXPECT_EQ(stream.next(), doing::read);
  stream.on_page(events(9, 9), now);
  EXPECT_EQ(stream.next(), doing::ready);
  EXPECT_EQ(state.told, "[four]56789");
  EXPECT_EQ(stream.replayed(), 5U);
}

TEST_F(persistent_stream_test, an_event_that_cannot_be_applied_ends_it_with_its_number) {
  stream.on_start(stream_start{3, 0, std::nullopt}, now);
  auto page = events(1, 3);
  page[1].event.type = state.refuses = "odd";
  stream.on_page(page, now);
  EXPECT_EQ(stream.next(), doing::ended);
  EXPECT_TRUE(stream.failed_to_replay());
  EXPECT_EQ(stream.why().code, errc::not_implemented);
  EXPECT_NE(stream.why().context.find("stream s: event 2"), std::string::npos) << stream.why().context;
}

TEST_F(persistent_stream_test, a_snapshot_that_cannot_be_read_ends_it) {
  state.refuses = "image";
  stream.on_start(stream_start{3, 3, journal_event{"image", 9, ""}}, now);
  EXPECT_TRUE(stream.failed_to_replay());
  EXPECT_EQ(stream.why().code, errc::not_implemented);
}

TEST_F(persistent_stream_test, a_database_that_is_away_is_asked_again_until_its_time_is_over) {
  std::vector<duration> waits;
  while (stream.next() != doing::ended) {
    stream.on_start(fail(errc::unavailable), now);
    if (stream.next() != doing::wait) break;
    waits.push_back(stream.wait());
    now += stream.wait();
    stream.on_waited();
    ASSERT_EQ(stream.next(), doing::load);
  }
  EXPECT_EQ(waits.front(), 100ms);
  EXPECT_EQ(waits[1], 200ms);
  EXPECT_EQ(waits.back(), 2s);
  EXPECT_GE(now - time_point{}, 10s);
  EXPECT_LE(now - time_point{}, 12s);
  EXPECT_TRUE(stream.failed_to_replay());
  EXPECT_EQ(stream.why().code, errc::unavailable);
}

TEST_F(persistent_stream_test, what_will_not_pass_is_not_asked_again) {
  stream.on_start(fail(errc::corrupt), now);
  EXPECT_EQ(stream.next(), doing::ended);
  EXPECT_EQ(stream.why().code, errc::corrupt);
}

TEST_F(persistent_stream_test, a_page_that_fails_is_read_again_from_where_it_was) {
  stream.on_start(stream_start{4, 0, std::nullopt}, now);
  stream.on_page(events(1, 2), now);
  stream.on_page(fail(errc::deadline_exceeded), now);
  EXPECT_EQ(stream.next(), doing::wait);
  stream.on_waited();
  EXPECT_EQ(stream.next(), doing::read);
  EXPECT_EQ(stream.version(), 2U);
  stream.on_page(events(3, 4), now);
  EXPECT_EQ(state.told, "1234");
}

// Another activation has saved a snapshot and truncated behind it while this one read.
TEST_F(persistent_stream_test, a_gap_begins_the_replay_anew_with_the_snapshot_that_made_it) {
  stream.on_start(stream_start{6, 0, std::nullopt}, now);
  stream.on_page(events(1, 2), now);
  stream.on_page(events(5, 6), now);
  EXPECT_EQ(stream.next(), doing::load);
  stream.on_start(stream_start{6, 4, journal_event{"image", 1, "four"}}, now);
  stream.on_page(events(5, 6), now);
  EXPECT_EQ(stream.next(), doing::ready);
  EXPECT_EQ(state.told, "[four]56");
}

TEST_F(persistent_stream_test, events_that_stay_away_end_it_as_corrupt) {
  for (std::uint32_t n = 0; n <= persistent_stream::reloads_max; ++n) {
    ASSERT_EQ(stream.next(), doing::load);
    stream.on_start(stream_start{6, 0, std::nullopt}, now);
    stream.on_page(std::vector<stored_event>{}, now);
  }
  EXPECT_EQ(stream.next(), doing::ended);
  EXPECT_EQ(stream.why().code, errc::corrupt);
}

TEST_F(persistent_stream_test, nothing_is_stored_before_it_is_ready) {
  EXPECT_EQ(persist("x").error().code, errc::unavailable);
}

TEST_F(persistent_stream_test, events_are_in_the_state_when_they_are_stored_and_not_before) {
  make_ready(2);
  ASSERT_TRUE(persist("a"));
  EXPECT_EQ(stream.next(), doing::append);
  EXPECT_EQ(stream.append().expected_version, 2U);
  EXPECT_EQ(state.told, "");
  EXPECT_TRUE(answer(errc::ok)->has_value());
  EXPECT_EQ(state.told, "a");
  EXPECT_EQ(stream.version(), 3U);
  EXPECT_EQ(stream.next(), doing::ready);
}

TEST_F(persistent_stream_test, groups_wait_for_each_other_and_expect_what_the_one_before_left) {
  make_ready();
  ASSERT_TRUE(stream.persist({{"event", 1, "a"}, {"event", 1, "b"}}, "1", now));
  ASSERT_TRUE(persist("c", "2"));
  EXPECT_EQ(stream.append().id, "1");
  (void)answer(errc::ok);
  EXPECT_EQ(stream.append().id, "2");
  EXPECT_EQ(stream.append().expected_version, 2U);
  (void)answer(errc::ok);
  EXPECT_EQ(state.told, "abc");
}

TEST_F(persistent_stream_test, what_was_not_done_is_told_and_the_next_group_goes) {
  make_ready();
  ASSERT_TRUE(persist("a", "1"));
  ASSERT_TRUE(persist("b", "2"));
  for (const auto code : {errc::unavailable}) EXPECT_EQ(answer(code)->error().code, code);
  EXPECT_EQ(stream.append().id, "2");
  EXPECT_EQ(stream.append().expected_version, 0U);
  (void)answer(errc::ok);
  EXPECT_EQ(state.told, "b");
}

TEST_F(persistent_stream_test, another_writer_ends_it_and_what_waits_is_not_done) {
  make_ready();
  ASSERT_TRUE(persist("a", "1"));
  ASSERT_TRUE(persist("b", "2"));
  EXPECT_EQ(answer(errc::condition_failed)->error().code, errc::condition_failed);
  EXPECT_EQ(stream.next(), doing::ended);
  EXPECT_FALSE(stream.failed_to_replay());
  EXPECT_EQ(stream.take_unsettled(), 1U);
  EXPECT_EQ(stream.take_unsettled(), 0U);
  EXPECT_EQ(persist("c").error().code, errc::unavailable);
}

TEST_F(persistent_stream_test, an_outcome_that_nobody_knows_is_asked_for_by_the_same_append) {
  make_ready();
  ASSERT_TRUE(persist("a", "the-id"));
  EXPECT_FALSE(answer(errc::outcome_unknown));
  EXPECT_EQ(stream.next(), doing::wait);
  stream.on_waited();
  EXPECT_EQ(stream.next(), doing::append);
  EXPECT_EQ(stream.append().id, "the-id");
  EXPECT_FALSE(answer(errc::unavailable)) << "this try was not done, the one before may be";
  stream.on_waited();
  EXPECT_TRUE(answer(errc::ok)->has_value());
  EXPECT_EQ(state.told, "a");
  EXPECT_EQ(stream.next(), doing::ready);
}

TEST_F(persistent_stream_test, an_unknown_outcome_stays_unknown_when_another_writer_was_there) {
  make_ready();
  ASSERT_TRUE(persist("a"));
  (void)answer(errc::outcome_unknown);
  stream.on_waited();
  EXPECT_EQ(answer(errc::condition_failed)->error().code, errc::outcome_unknown)
      << "its events may have been truncated, with a snapshot of that writer";
  EXPECT_EQ(stream.next(), doing::ended);
}

TEST_F(persistent_stream_test, an_outcome_that_stays_unknown_ends_it) {
  make_ready();
  ASSERT_TRUE(persist("a"));
  std::optional<expected<void>> told;
  for (auto code = errc::outcome_unknown; !told; code = errc::unavailable) {
    told = answer(code);
    now += 2s;
    stream.on_waited();
  }
  EXPECT_EQ(told->error().code, errc::outcome_unknown) << "not what the last try was told";
  EXPECT_EQ(stream.next(), doing::ended);
  EXPECT_EQ(state.told, "");
}

TEST_F(persistent_stream_test, events_that_are_stored_but_not_applied_end_it) {
  make_ready();
  state.refuses = "event";
  ASSERT_TRUE(persist("a"));
  EXPECT_EQ(answer(errc::ok)->error().code, errc::outcome_unknown);
  EXPECT_EQ(stream.next(), doing::ended);
}

TEST_F(persistent_stream_test, bad_events_are_refused_before_anything_is_sent) {
  make_ready();
  EXPECT_EQ(stream.persist({}, "1", now).error().code, errc::invalid_argument);
  EXPECT_EQ(stream.persist({{"", 1, "x"}}, "1", now).error().code, errc::invalid_argument);
  EXPECT_EQ(persist(std::string(journal::event_bytes_max + 1, 'x')).error().code, errc::too_large);
  EXPECT_EQ(stream.next(), doing::ready);
  for (std::size_t n = 0; n < persistent_stream::waiting_max; ++n) ASSERT_TRUE(persist("x"));
  EXPECT_EQ(persist("x").error().code, errc::unavailable);
}

TEST_F(persistent_stream_test, a_snapshot_is_due_once_after_so_many_events) {
  make_ready();
  for (int n = 1; n <= 9; ++n) {
    ASSERT_TRUE(persist("x"));
    (void)answer(errc::ok);
    EXPECT_EQ(stream.take_snapshot_due(), n % 4 == 0) << n;
    EXPECT_FALSE(stream.take_snapshot_due());
  }
}

TEST_F(persistent_stream_test, a_long_replay_makes_a_snapshot_due) {
  stream.on_start(stream_start{8, 4, journal_event{"image", 1, ""}}, now);
  stream.on_page(events(5, 8), now);
  EXPECT_TRUE(stream.take_snapshot_due());
}

TEST_F(persistent_stream_test, answers_that_nobody_asked_for_change_nothing) {
  stream.on_page(events(1, 2), now);
  EXPECT_FALSE(stream.on_appended(appended{1, 1}, now));
  stream.on_waited();
  EXPECT_EQ(stream.next(), doing::load);
  make_ready();
  stream.on_start(stream_start{5, 0, std::nullopt}, now);
  EXPECT_EQ(stream.next(), doing::ready);
}

}  // namespace
}  // namespace troupe
