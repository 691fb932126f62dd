// A reference comes when its time has come, or early and then again; never late, never lost.
#include "runtime/cache/expiry_wheel.hpp"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "tests/cache/store_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

// Adds what comes early again, as a store does, and says what has come to its end.
struct wheel_user {
  expiry_wheel wheel;
  std::map<std::uint32_t, std::pair<time_point, expiry_wheel::bucket>> living;
  time_point now{};
  std::size_t looks = 0;

  void add(std::uint32_t position, time_point at) { living[position] = {at, wheel.add(position, at)}; }

  std::set<std::uint32_t> advance(duration by) {
    now += by;
    std::set<std::uint32_t> ended;
    while (const auto r = wheel.next(now)) {
      ++looks;
      const auto it = living.find(r->position);
      if (it == living.end() || it->second.second != r->from) continue;
      if (it->second.first <= now) {
        ended.insert(r->position);
        living.erase(it);
      } else {
        it->second.second = wheel.add(r->position, it->second.first);
      }
    }
    return ended;
  }
};

duration some_duration(random& r) {
  const auto magnitude = r.below(12);  // up to 1e12 ms, 31 years
  std::uint64_t ms = 1;
  for (std::uint64_t i = 0; i < magnitude; ++i) ms *= 10;
  return std::chrono::milliseconds(r.below(ms * 10)) + std::chrono::nanoseconds(r.below(1'000'000));
}

TEST(expiry_wheel, gives_each_reference_at_its_time) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    random r(seed);
    wheel_user u;
    u.now += some_duration(r);
    std::uint32_t position = 0;
    for (int step = 0; step < 300; ++step) {
      for (auto n = r.below(5); n > 0; --n) u.add(++position, u.now + some_duration(r));
      std::set<std::uint32_t> due;
      const auto by = some_duration(r) / (1 + static_cast<int>(r.below(1000)));
      for (const auto& [p, life] : u.living) {
        // Rounded up to a millisecond.
        if (life.first <= u.now + by - 1ms) due.insert(p);
      }
      const auto ended = u.advance(by);
      for (const auto p : due) ASSERT_TRUE(ended.contains(p)) << "seed " << seed << " step " << step;
      ASSERT_EQ(u.wheel.size(), u.living.size()) << "seed " << seed << " step " << step;
    }
  }
}

TEST(expiry_wheel, says_truly_whether_a_reference_comes_in_time) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    random r(seed);
    expiry_wheel wheel;
    time_point now{};
    now += some_duration(r);
    (void)wheel.next(now);
    for (int step = 0; step < 50; ++step) {
      const auto b = wheel.add(7, now + some_duration(r));
      const auto asked = now + some_duration(r);
      if (r.below(2) == 0) {
        // Some time passes in which it does not come.
        const auto later = now + some_duration(r) / 100;
        if (!wheel.comes_by(b, later)) {
          ASSERT_FALSE(wheel.next(later - 1ms)) << "seed " << seed << " step " << step;
          now = std::max(now, later - 1ms);
        }
      }
      const bool in_time = wheel.comes_by(b, asked);
      const auto come = wheel.next(std::max(now, asked + 1ms));
      ASSERT_TRUE(come || !in_time) << "seed " << seed << " step " << step;
      now = std::max(now, asked + 1ms);
      while (wheel.take()) {
      }
    }
  }
}

TEST(expiry_wheel, looks_at_an_entry_once_a_level_at_most) {
  wheel_user u;
  for (std::uint32_t i = 0; i < 1000; ++i) u.add(i, u.now + 1h * i);
  std::size_t ended = 0;
  for (int i = 0; i < 60 * 1001; ++i) ended += u.advance(1min).size();
  EXPECT_EQ(ended, 1000u);
  EXPECT_LE(u.looks, 7000u);
}

TEST(expiry_wheel, goes_over_centuries_at_once_and_takes_what_lies_beyond_its_last_level) {
  wheel_user u;
  u.add(1, time_point::max());
  u.add(2, u.now + 24h * 365 * 200);
  EXPECT_TRUE(u.advance(24h * 365 * 199).empty());
  EXPECT_EQ(u.advance(24h * 365 * 2), std::set<std::uint32_t>{2});
  EXPECT_EQ(u.wheel.size(), 1u);
  EXPECT_LT(u.looks, 100u);
}

// --- in a store

TEST(shard_store_expiry, a_life_that_is_prolonged_again_and_again_costs_one_reference) {
  store_fixture s;
  for (int i = 0; i < 100'000; ++i) {
    s.now += 1ms;
    s.put("k", "v", 60s);
  }
  EXPECT_LT(s.store.bytes(), 4096u);
  s.now += 59s;
  EXPECT_EQ(s.store.expire(s.now, 10), 0u);
  EXPECT_EQ(s.get("k").code, errc::ok);
  s.now += 1s;
  EXPECT_EQ(s.store.expire(s.now, 1000), 1u);
  EXPECT_EQ(s.store.keys(), 0u);
}

TEST(shard_store_expiry, references_of_what_was_erased_do_not_add_up) {
  store_fixture s;
  s.put("long", "v", 1h);
  for (int i = 0; i < 100'000; ++i) {
    s.put("k", "v", 60s);
    ASSERT_EQ(s.erase("k").code, errc::ok);
  }
  EXPECT_LT(s.store.bytes(), 64u * 1024);
  EXPECT_EQ(s.store.bytes(), s.ledger.used());
  s.now += 1h;
  while (s.store.keys() > 0) (void)s.store.expire(s.now, 100);
  EXPECT_EQ(s.store.expired(), 1u);
}

TEST(shard_store_expiry, a_shorter_life_ends_sooner_and_a_longer_one_later) {
  store_fixture s;
  s.put("a", "v", 1h);
  s.put("b", "v", 1s);
  s.put("a", "v", 2s);
  s.put("b", "v", 1h);
  s.now += 1s;
  EXPECT_EQ(s.store.expire(s.now, 100), 0u);
  s.now += 1s;
  EXPECT_EQ(s.store.expire(s.now, 100), 1u);
  EXPECT_EQ(s.get("b").code, errc::ok);
  s.put("b", "v");
  s.now += 2h;
  EXPECT_EQ(s.store.expire(s.now, 100), 0u) << "it lives for ever now";
  EXPECT_EQ(s.get("b").code, errc::ok);
}

}  // namespace
}  // namespace troupe
