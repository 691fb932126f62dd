// A projection's way through the journal: answers in, steps out.
#include "runtime/journal/projection_cursor.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using doing = projection_cursor::doing;

std::vector<stored_event> at(std::initializer_list<std::uint64_t> positions) {
  std::vector<stored_event> all;
  for (const auto p : positions) all.push_back({"s", p, p, {}, {"event", 1, ""}});
  return all;
}

struct projection_cursor_test : testing::Test {
  projection_cursor cursor{{.page_events = 3, .poll_every = 5s, .wait_first = 1s, .wait_most = 8s}};
};

TEST_F(projection_cursor_test, reads_behind_its_cursor_page_by_page_and_then_rests) {
  EXPECT_EQ(cursor.next(), doing::ask);
  cursor.on_cursor(40);
  EXPECT_EQ(cursor.next(), doing::read);
  EXPECT_EQ(cursor.position(), 40U);
  cursor.on_page(at({41, 45, 46}));
  EXPECT_EQ(cursor.next(), doing::apply);
  EXPECT_EQ(cursor.upto(), 46U);
  cursor.on_applied({});
  EXPECT_EQ(cursor.next(), doing::read);
  EXPECT_EQ(cursor.position(), 46U);
  cursor.on_page(at({}));
  EXPECT_EQ(cursor.next(), doing::rest);
  EXPECT_EQ(cursor.rest(), 5s);
  cursor.on_rested();
  EXPECT_EQ(cursor.next(), doing::read);
}

TEST_F(projection_cursor_test, is_woken_from_its_rest) {
  cursor.on_cursor(0);
  cursor.on_page(at({}));
  EXPECT_TRUE(cursor.wake());
  EXPECT_EQ(cursor.next(), doing::read);
}

TEST_F(projection_cursor_test, an_event_that_comes_while_it_reads_is_not_slept_over) {
  cursor.on_cursor(0);
  EXPECT_FALSE(cursor.wake());
  cursor.on_page(at({}));
  EXPECT_EQ(cursor.next(), doing::read) << "the page may be older than what it was told of";
  cursor.on_page(at({}));
  EXPECT_EQ(cursor.next(), doing::rest);
}

TEST_F(projection_cursor_test, what_fails_is_tried_again_from_the_same_place_after_longer_and_longer_waits) {
  cursor.on_cursor(0);
  for (const auto wait : {1s, 2s, 4s, 8s, 8s}) {
    cursor.on_page(at({1, 2}));
    cursor.on_applied(fail(errc::corrupt));
    EXPECT_EQ(cursor.next(), doing::rest);
    EXPECT_EQ(cursor.rest(), wait);
    EXPECT_FALSE(cursor.wake()) << "it is not hurried";
    cursor.on_rested();
    EXPECT_EQ(cursor.next(), doing::read);
    EXPECT_EQ(cursor.position(), 0U);
  }
  cursor.on_page(at({1, 2}));
  cursor.on_applied({});
  EXPECT_EQ(cursor.failures(), 0U);
}

TEST_F(projection_cursor_test, asks_where_its_cursor_is_when_another_one_moved_it_or_nobody_knows) {
  for (const auto code : {errc::condition_failed, errc::outcome_unknown}) {
    projection_cursor c({});
    c.on_cursor(0);
    c.on_page(at({1}));
    c.on_applied(fail(code));
    c.on_rested();
    EXPECT_EQ(c.next(), doing::ask);
    c.on_cursor(1);
    EXPECT_EQ(c.position(), 1U);
  }
}

TEST_F(projection_cursor_test, a_cursor_or_a_page_that_cannot_be_read_is_asked_for_again) {
  cursor.on_cursor(fail(errc::unavailable));
  EXPECT_EQ(cursor.next(), doing::rest);
  cursor.on_rested();
  EXPECT_EQ(cursor.next(), doing::ask);
  cursor.on_cursor(0);
  cursor.on_page(fail(errc::unavailable));
  cursor.on_rested();
  EXPECT_EQ(cursor.next(), doing::read);
}

TEST_F(projection_cursor_test, a_page_out_of_order_is_not_applied) {
  for (const auto& page : {at({2, 1}), at({1, 1}), at({0}), at({4, 6, 5})}) {
    projection_cursor c({});
    c.on_cursor(0);
    c.on_page(page);
    EXPECT_EQ(c.next(), doing::rest);
    EXPECT_EQ(c.failures(), 1U);
  }
}

}  // namespace
}  // namespace troupe
