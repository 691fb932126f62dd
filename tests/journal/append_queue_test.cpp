// What waits and what goes together.
#include "runtime/journal/append_queue.hpp"

#include <gtest/gtest.h>

#include "runtime/journal/journal_statements.hpp"

namespace troupe {
namespace {

struct append_queue_test : testing::Test {
  append_queue queue{
      {.waiting_max = 5, .waiting_bytes_max = 100'000, .batch_events_max = 4, .batch_bytes_max = 10'000}};
  std::map<std::string, errc> told;

  expected<void> add(const std::string& stream, std::size_t events = 1, std::size_t bytes = 1) {
    append_queue::entry e;
    e.what = {stream, 0, std::vector<journal_event>(events, {"event", 1, std::string(bytes, 'x')}), "id"};
    e.done = [this, stream](const expected<appended>& r) { told[stream] = r ? errc::ok : r.error().code; };
    return queue.add(e);
  }
  std::string next() {
    std::string names;
    for (const auto& a : queue.next()) names += a.stream;
    return names;
  }
  void done(const expected<std::vector<expected<appended>>>& outcome) {
    for (auto& t : queue.on_done(outcome)) t.done(t.outcome);
  }
  void succeed() {
    std::vector<expected<appended>> all(queue.batch().size(), appended{1, 1});
    done(all);
  }
};

TEST_F(append_queue_test, what_comes_while_a_batch_is_on_its_way_goes_together_in_the_next) {
  ASSERT_TRUE(add("a"));
  EXPECT_EQ(next(), "a");
  ASSERT_TRUE(add("b"));
  ASSERT_TRUE(add("c"));
  EXPECT_EQ(next(), "") << "one at a time";
  succeed();
  EXPECT_EQ(next(), "bc");
  succeed();
  EXPECT_EQ(next(), "");
  EXPECT_EQ(told.size(), 3U);
}

TEST_F(append_queue_test, a_batch_has_a_bound_of_events_and_of_bytes_and_holds_one_append_at_least) {
  ASSERT_TRUE(add("a", 3));
  ASSERT_TRUE(add("b", 2));
  ASSERT_TRUE(add("c", 1, 9'000));
  ASSERT_TRUE(add("d", 1, 9'000));
  ASSERT_TRUE(add("e", 9));
  EXPECT_EQ(next(), "a");
  succeed();
  EXPECT_EQ(next(), "bc");
  succeed();
  EXPECT_EQ(next(), "d");
  succeed();
  EXPECT_EQ(next(), "e");
}

TEST_F(append_queue_test, more_than_may_wait_is_refused) {
  for (const auto* name : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(add(name));
  EXPECT_EQ(add("f").error().code, errc::unavailable);
  EXPECT_EQ(next(), "abcd");
  EXPECT_EQ(add("g", 1, 100'000).error().code, errc::unavailable);
  EXPECT_TRUE(add("h"));
}

TEST_F(append_queue_test, each_is_told_its_own_outcome) {
  for (const auto* name : {"a", "b"}) ASSERT_TRUE(add(name));
  (void)next();
  done(std::vector<expected<appended>>{fail(errc::condition_failed), appended{1, 1}});
  EXPECT_EQ(told["a"], errc::condition_failed);
  EXPECT_EQ(told["b"], errc::ok);
}

TEST_F(append_queue_test, a_storage_that_fails_fails_all_of_them) {
  for (const auto code : {errc::unavailable, errc::outcome_unknown, errc::storage_failed, errc::deadline_exceeded}) {
    ASSERT_TRUE(add("a"));
    ASSERT_TRUE(add("b"));
    (void)next();
    done(fail(code));
    EXPECT_EQ(told["a"], code);
    EXPECT_EQ(told["b"], code);
  }
}

TEST_F(append_queue_test, who_is_refused_for_what_it_holds_does_not_fail_the_others) {
  for (const auto* name : {"a", "b", "c"}) ASSERT_TRUE(add(name));
  EXPECT_EQ(next(), "abc");
  done(fail(errc::invalid_argument));
  EXPECT_TRUE(told.empty());
  ASSERT_TRUE(add("d"));
  EXPECT_EQ(next(), "a");
  succeed();
  EXPECT_EQ(next(), "b");
  done(fail(errc::invalid_argument));
  EXPECT_EQ(next(), "c");
  succeed();
  EXPECT_EQ(next(), "d");
  succeed();
  EXPECT_EQ(told, (std::map<std::string, errc>{
                      {"a", errc::ok}, {"b", errc::invalid_argument}, {"c", errc::ok}, {"d", errc::ok}}));
}

TEST_F(append_queue_test, outcomes_that_are_missing_are_told_as_such) {
  for (const auto* name : {"a", "b"}) ASSERT_TRUE(add(name));
  (void)next();
  done(append_outcomes(queue.batch(), {}));
  EXPECT_EQ(told["a"], errc::corrupt);
  EXPECT_EQ(told["b"], errc::corrupt);
}

}  // namespace
}  // namespace troupe
