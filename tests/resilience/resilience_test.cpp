#include <troupe/resilience.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr time_point start{1h};

TEST(retry, repeats_what_was_not_done_later_and_later) {
  retry r({5, 100ms, 1s}, time_point::max(), 1);
  duration before{};
  for (int n = 0; n < 4; ++n) {
    const auto wait = r.next(errc::unavailable, start);
    ASSERT_TRUE(wait);
    const auto bound = std::min<duration>(1s, 100ms * (1 << n));
    EXPECT_GE(*wait, bound / 2);
    EXPECT_LT(*wait, bound);
    EXPECT_GT(*wait, before / 2);
    before = *wait;
  }
  EXPECT_FALSE(r.next(errc::unavailable, start)) << "five attempts were made";
  EXPECT_EQ(r.attempts(), 5U);
}

TEST(retry, whatever_says_not_done_is_repeated) {
  for (const auto code : {errc::unavailable, errc::deadline_exceeded, errc::conflict, errc::not_owner})
    EXPECT_TRUE(retry({}, time_point::max(), 1).next(code, start)) << name_of(code);
}

TEST(retry, what_is_final_is_not_repeated) {
  for (const auto code : {errc::invalid_argument, errc::not_found, errc::condition_failed, errc::access_denied}) {
    retry r({}, time_point::max(), 1);
    EXPECT_FALSE(r.next(code, start)) << name_of(code);
  }
}

TEST(retry, an_open_outcome_is_repeated_only_where_twice_does_no_harm) {
  for (const auto code : {errc::outcome_unknown, errc::peer_lost}) {
    EXPECT_FALSE(retry({}, time_point::max(), 1).next(code, start)) << name_of(code);
    retry_options twice;
    twice.idempotent = true;
    EXPECT_TRUE(retry(twice, time_point::max(), 1).next(code, start)) << name_of(code);
  }
}

TEST(retry, does_not_wait_into_its_deadline) {
  retry r({10, 1s, 1s}, start + 500ms, 1);
  EXPECT_FALSE(r.next(errc::unavailable, start));
  EXPECT_TRUE(retry({10, 1s, 1s}, start + 1s, 1).next(errc::unavailable, start));
}

TEST(retry, an_attempt_is_cut_short_only_where_another_one_follows) {
  retry_options o{2, 100ms, 1s, true, 300ms};
  const auto limit = [&o](duration deadline) { return retry(o, start + deadline, 1).attempt_limit(start); };
  EXPECT_EQ(limit(1s), 300ms);
  EXPECT_EQ(retry(o, time_point::max(), 1).attempt_limit(start), 300ms);
  EXPECT_EQ(limit(400ms), 300ms) << "the wait before the next one is shorter than 100 ms";
  EXPECT_EQ(limit(350ms), 350ms) << "there is no time for it";
  EXPECT_EQ(limit(200ms), 200ms);
  o.idempotent = false;
  EXPECT_EQ(limit(1s), 1s);
  o.idempotent = true;
  o.attempt_max = 0ms;
  EXPECT_EQ(limit(1s), 1s);
}

TEST(retry, the_last_attempt_is_not_cut_short) {
  retry r({2, 100ms, 1s, true, 300ms}, start + 2s, 1);
  EXPECT_EQ(r.attempt_limit(start), 300ms);
  const auto wait = r.next(errc::outcome_unknown, start + 300ms);
  ASSERT_TRUE(wait);
  EXPECT_EQ(r.attempt_limit(start + 300ms + *wait), 1700ms - *wait);
}

TEST(retry, one_that_was_cut_short_is_always_repeated) {
  const retry_options o{2, 100ms, 1s, true, 300ms};
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const auto deadline = start + 340ms + std::chrono::milliseconds(seed % 70);
    retry r(o, deadline, seed);
    const auto limit = r.attempt_limit(start);
    EXPECT_EQ(r.next(errc::outcome_unknown, start + limit).has_value(), limit == 300ms) << seed;
  }
}

TEST(retry, different_seeds_do_not_step_in_time) {
  EXPECT_NE(retry({}, time_point::max(), 1).next(errc::unavailable, start),
            retry({}, time_point::max(), 2).next(errc::unavailable, start));
}

class circuit : public ::testing::Test {
 protected:
  void fails(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(breaker.allow(now));
      breaker.on_end(errc::unavailable, now);
    }
  }
  time_point now = start;
  circuit_breaker breaker{{3, 1s, 4s, 10s}};
};

TEST_F(circuit, opens_after_failures_in_a_row_and_refuses) {
  fails(2);
  ASSERT_TRUE(breaker.allow(now));
  breaker.on_end(errc::ok, now);
  fails(2);
  EXPECT_EQ(breaker.state(now), circuit_state::closed);
  fails(1);
  EXPECT_EQ(breaker.state(now), circuit_state::open);
  const auto refused = breaker.allow(now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_EQ(refused.error().context, "the circuit is open for 1000 ms more");
  EXPECT_EQ(breaker.refused(), 1U);
}

TEST_F(circuit, errors_of_the_request_itself_do_not_open_it) {
  for (int i = 0; i < 10; ++i) breaker.on_end(errc::not_found, now);
  EXPECT_EQ(breaker.state(now), circuit_state::closed);
}

TEST_F(circuit, one_attempt_tries_when_the_time_is_over_and_closes_it) {
  fails(3);
  now += 1s;
  EXPECT_EQ(breaker.state(now), circuit_state::half_open);
  ASSERT_TRUE(breaker.allow(now));
  EXPECT_FALSE(breaker.allow(now)) << "one at a time";
  breaker.on_end(errc::not_found, now);
  EXPECT_EQ(breaker.state(now), circuit_state::closed) << "it answers";
  fails(2);
  EXPECT_EQ(breaker.state(now), circuit_state::closed) << "and counts anew";
}

TEST_F(circuit, stays_open_longer_with_each_attempt_that_fails) {
  fails(3);
  for (const auto longer : {2s, 4s, 4s}) {
    now += 4s;
    fails(1);
    EXPECT_EQ(breaker.state(now + longer - 1ms), circuit_state::open);
    EXPECT_EQ(breaker.state(now + longer), circuit_state::half_open);
  }
}

TEST_F(circuit, answers_from_before_it_opened_say_nothing) {
  fails(3);
  breaker.on_end(errc::ok, now);
  breaker.on_end(errc::unavailable, now);
  EXPECT_EQ(breaker.state(now), circuit_state::open);
  EXPECT_EQ(breaker.state(now + 1s), circuit_state::half_open);
}

TEST_F(circuit, an_attempt_that_never_ends_does_not_hold_it_for_ever) {
  fails(3);
  now += 1s;
  ASSERT_TRUE(breaker.allow(now));
  now += 10s;
  EXPECT_TRUE(breaker.allow(now));
}

class hull : public ::testing::Test {
 protected:
  bulkhead b{{2, 2}};
  bulkhead::output out;
};

TEST_F(hull, so_many_run_so_many_wait_and_the_rest_is_refused) {
  EXPECT_EQ(b.enter(1, start + 1s, start), bulkhead::answer::runs);
  EXPECT_EQ(b.enter(2, start + 1s, start), bulkhead::answer::runs);
  EXPECT_EQ(b.enter(3, start + 1s, start), bulkhead::answer::waits);
  EXPECT_EQ(b.enter(4, start + 1s, start), bulkhead::answer::waits);
  EXPECT_EQ(b.enter(5, start + 1s, start), bulkhead::answer::refused);
  b.leave(start, out);
  EXPECT_EQ(out.run, std::vector<bulkhead::ticket>{3});
  EXPECT_EQ(b.enter(6, start + 1s, start), bulkhead::answer::waits) << "behind the one that waits already";
  b.leave(start, out);
  b.leave(start, out);
  EXPECT_EQ(out.run, (std::vector<bulkhead::ticket>{3, 4, 6}));
  EXPECT_EQ(b.running(), 2U);
}

TEST_F(hull, who_waits_until_its_deadline_is_told) {
  (void)b.enter(1, start + 1s, start);
  (void)b.enter(2, start + 1s, start);
  (void)b.enter(3, start + 2s, start);
  (void)b.enter(4, start + 1s, start);
  EXPECT_EQ(b.next_tick(), start + 1s);
  b.on_tick(start + 1s, out);
  EXPECT_EQ(out.expired, std::vector<bulkhead::ticket>{4});
  b.leave(start + 3s, out);
  EXPECT_EQ(out.expired, (std::vector<bulkhead::ticket>{4, 3}));
  EXPECT_TRUE(out.run.empty());
  EXPECT_EQ(b.next_tick(), time_point::max());
}

TEST_F(hull, who_has_no_time_does_not_wait) {
  (void)b.enter(1, start, start);
  (void)b.enter(2, start, start);
  EXPECT_EQ(b.enter(3, start, start), bulkhead::answer::refused);
}

}  // namespace
}  // namespace troupe
