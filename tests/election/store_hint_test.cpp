// A store's word that its entry has changed brings a machine's next reading forward, and that is all.
#include <optional>

#include <gtest/gtest.h>

#include "runtime/election/election.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

struct store_hint : ::testing::Test {
  static election_options options() {
    election_options o;
    o.self = {"a", {1, 1}};
    o.address = "a:7070";
    o.expected_members = 3;  // alone it neither founds nor leads
    o.lease = 3s;
    o.store_kind = "redis";
    return o;
  }
  template <class Act>
  std::optional<store_request> after(duration d, Act act) {
    now += d;
    election_output out;
    act(out);
    return out.store;
  }
  auto tick(duration d) {
    return after(d, [this](auto& out) { machine.on_tick(now, out); });
  }
  auto hint(duration d) {
    return after(d, [this](auto& out) { machine.on_store_changed(now, out); });
  }
  /// The store says that nothing is there.
  auto answer(const store_request& r, duration d) {
    return after(d, [&](auto& out) { machine.on_store({r.number, leader_reading{std::nullopt, 1}, {}}, now, out); });
  }
  time_point now = time_point{} + 1h;
  const election_timing timing{3s};
  election machine{options(), *open_vote_file({}, {5, 6}), random(1), now};
};

TEST_F(store_hint, is_followed_by_one_reading_at_once) {
  const auto first = tick(0ms);
  ASSERT_TRUE(first && first->what == store_call::read);
  EXPECT_FALSE(machine.sight_of_store()) << "nothing was read yet";
  EXPECT_FALSE(answer(*first, 1ms));
  EXPECT_EQ(machine.sight_of_store(), (store_sight{0, 1}));
  const auto second = hint(200ms);
  ASSERT_TRUE(second && second->what == store_call::read);
  EXPECT_FALSE(answer(*second, 1ms));
  EXPECT_FALSE(tick(timing.store_hint_gap())) << "it was one hint";
  EXPECT_EQ(machine.sight_of_store(), (store_sight{0, 2}));
  EXPECT_EQ(machine.counters().store_hints, 1U);
}

TEST_F(store_hint, waits_while_a_request_is_under_way_or_was_a_moment_ago) {
  const auto first = tick(0ms);
  ASSERT_TRUE(first);
  EXPECT_FALSE(hint(1ms)) << "what is under way may have been answered before the change";
  EXPECT_FALSE(hint(1ms));
  EXPECT_FALSE(answer(*first, 1ms));
  EXPECT_LE(machine.next_tick(), now + timing.store_hint_gap());
  const auto second = tick(timing.store_hint_gap());
  ASSERT_TRUE(second);
  EXPECT_FALSE(answer(*second, 1ms));
  EXPECT_FALSE(hint(1ms));
  EXPECT_TRUE(tick(timing.store_hint_gap()));
  EXPECT_EQ(machine.counters().store_hints, 3U);
}

TEST_F(store_hint, says_nothing_to_a_machine_without_a_store) {
  auto without = options();
  without.store_kind.clear();
  election voting(without, *open_vote_file({}, {5, 6}), random(1), now);
  election_output out;
  voting.on_store_changed(now, out);
  EXPECT_FALSE(out.store);
  EXPECT_FALSE(voting.sight_of_store());
}

}  // namespace
}  // namespace troupe
