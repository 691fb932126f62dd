// The key-value service under faults: every key's history has an explanation, memory of deleted keys comes back,
// members that lost their disk are taken in again.
#include <gtest/gtest.h>

#include "tests/sim/fault_plan.hpp"
#include "tests/sim/kvs_stage.hpp"
#include "tests/sim/seeds.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t seeds_of_faults = 504;
constexpr std::uint32_t fewer_seeds = 104;  // of each special story; scripts/soak.sh runs more

kvs_request put(std::string key, std::string value) {
  kvs_request r;
  r.op = kvs_op::put;
  r.key = std::move(key);
  r.value = std::move(value);
  return r;
}
kvs_request get(std::string key) {
  kvs_request r;
  r.key = std::move(key);
  return r;
}
kvs_request erase(std::string key) {
  kvs_request r;
  r.op = kvs_op::erase;
  r.key = std::move(key);
  return r;
}

struct story {
  std::uint32_t members = 3;
  std::uint32_t users = 1;
  bool datagrams = false;
  bool disk_loss = false;
  bool from_cold = false;
};

world_options world_of(std::uint64_t seed, const story& tale) {
  world_options o;
  o.seed = seed;
  o.nodes = tale.members + tale.users;
  if (tale.datagrams) {
    o.link.loss = 0.02;
    o.link.duplicate = 0.05;
    o.link.reorder = 0.1;
  }
  if (seed % 5 == 0) o.write_max = 60ms;
  return o;
}

kvs_setup setup_of(std::uint64_t seed, const story& tale) {
  kvs_setup s;
  s.members = tale.members;
  s.how = tale.datagrams ? channel::datagram : channel::stream;
  s.false_alarms = seed % 3 == 0 ? 0.05 : 0;
  return s;
}

/// Loses a disk, again and again, whenever all members serve: a minority at a time.
void plan_disk_losses(kvs_stage& s, duration until) {
  s.w.after(s.w.rng().between(1s, 6s), [&s, until] {
    if (s.w.now() > until) return;
    if (s.settled()) {
      const auto n = static_cast<node_index>(s.w.rng().below(s.setup.members));
      s.w.crash(n, crash_kind::killed, false);
      s.w.after(s.w.rng().between(10ms, 2s), [&s, n] { s.w.start(n); });
    }
    plan_disk_losses(s, until);
  });
}

void expect_settled(kvs_stage& s, duration limit) {
  expect_within(
      s.w, limit, [&s] { return s.settled(); }, "all kvs members serve");
}

/// After healing everything works, and deleted keys take no memory. A write whose outcome was unknown may come to
/// be as late as here.
void expect_well_after(kvs_stage& s, std::uint32_t keys) {
  expect_settled(s, 30s);
  for (int tries = 0; tries < 4 && !s.empty() && !s.w.failed(); ++tries) {
    for (std::uint32_t k = 0; k < keys && !s.w.failed(); ++k) {
      const auto key = "k" + std::to_string(k);
      const auto user = static_cast<node_index>(k % s.w.size());
      EXPECT_TRUE(s.ask(user, get(key))) << key;
      EXPECT_TRUE(s.ask(user, erase(key))) << key;
    }
    (void)s.w.run_until([&s] { return s.empty(); }, 40s);
  }
  expect_within(
      s.w, 1s, [&s] { return s.empty(); }, "deleted keys are forgotten by all members");
}

void survive(std::uint64_t seed, const story& tale) {
  kvs_stage s(world_of(seed, tale), setup_of(seed, tale));
  for (node_index n = 0; n < s.w.size(); ++n) {
    s.w.after(s.w.rng().between(0ms, 400ms), [&s, n] { s.w.start(n); });
  }
  if (!tale.from_cold) expect_settled(s, 10s);
  const auto keys = static_cast<std::uint32_t>(2 + seed % 4);
  for (std::uint32_t c = 0; c < 4; ++c) s.run_client(c, keys, s.w.now() + 20s);
  fault_mix mix;
  mix.gap_max = 2500ms;
  mix.length_max = 4s;
  mix.down_max = seed % 2 == 0 ? 1 : s.w.size();
  plan_random_faults(s.w, mix, 16s);
  if (tale.disk_loss) plan_disk_losses(s, s.w.now() + 16s);
  s.w.run_for(23s);
  s.w.heal();
  expect_sound(s.w);
  expect_well_after(s, keys);
  s.check_histories();
  expect_sound(s.w);
  EXPECT_GT(s.answered, 30U);
}

class kvs_seeds : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(kvs_seeds, survive_random_faults) {
  const auto run = [](std::uint64_t seed) {
    survive(seed, {.members = 3 + 2 * static_cast<std::uint32_t>(seed % 2), .datagrams = seed % 4 < 2});
  };
  for_each_seed(GetParam(), run, seeds_of_faults);
}

TEST_P(kvs_seeds, survive_the_loss_of_one_disk_after_the_other) {
  const auto run = [](std::uint64_t seed) {
    survive(seed,
            {.members = 3 + 2 * static_cast<std::uint32_t>(seed % 2), .datagrams = seed % 4 < 2, .disk_loss = true});
  };
  for_each_seed(GetParam(), run, fewer_seeds);
}

TEST_P(kvs_seeds, survive_faults_while_the_group_is_founded) {
  const auto run = [](std::uint64_t seed) { survive(seed, {.datagrams = seed % 2 == 0, .from_cold = true}); };
  for_each_seed(GetParam(), run, fewer_seeds);
}

TEST_P(kvs_seeds, survive_as_a_group_of_one) {
  const auto run = [](std::uint64_t seed) { survive(seed, {.members = 1, .users = 2, .datagrams = true}); };
  for_each_seed(GetParam(), run, fewer_seeds);
}

INSTANTIATE_TEST_SUITE_P(shard, kvs_seeds, ::testing::Range(0U, seed_shards));

kvs_stage& started(kvs_stage& s) {
  s.w.start_all();
  expect_settled(s, 10s);
  return s;
}

TEST(kvs_sim, a_minority_is_not_needed_and_a_majority_is) {
  kvs_stage s(world_of(1, {}), setup_of(1, {}));
  started(s);
  s.w.crash(0);
  EXPECT_TRUE(s.ask(3, put("a", "1")));
  s.w.crash(1);
  std::optional<kvs_result> got;
  s.call(3, put("a", "2"), [&](const kvs_result& r) { got = r; });
  EXPECT_TRUE(s.w.run_until([&] { return got.has_value(); }, 3s));
  EXPECT_EQ(got->code, errc::unavailable) << "no majority promised, so it was not done";
  s.w.start(1);
  const auto read = s.ask(3, get("a"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->value, "1");
  s.check_histories();
  expect_sound(s.w);
}

TEST(kvs_sim, all_stopped_and_started_again_know_everything) {
  kvs_stage s(world_of(2, {}), setup_of(2, {}));
  started(s);
  ASSERT_TRUE(s.ask(0, put("a", "1")));
  for (node_index n = 0; n < s.w.size(); ++n) s.w.crash(n, crash_kind::powered_off);
  s.w.start_all();
  const auto read = s.ask(3, get("a"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->value, "1");
  expect_sound(s.w);
}

TEST(kvs_sim, a_member_with_a_new_disk_does_not_vote_before_it_has_the_keys) {
  kvs_stage s(world_of(3, {}), setup_of(3, {}));
  started(s);
  s.w.crash(2);
  ASSERT_TRUE(s.ask(0, put("a", "1")));  // 0 and 1 have it
  s.w.crash(1);
  s.w.disk_of(2).clear();
  s.w.start(2);
  std::optional<kvs_result> got;
  s.call(3, get("a"), [&](const kvs_result& r) { got = r; });
  EXPECT_TRUE(s.w.run_until([&] { return got.has_value(); }, 3s));
  EXPECT_EQ(got->code, errc::unavailable) << "0 and an empty 2 are no majority";
  s.w.start(1);
  expect_settled(s, 20s);
  EXPECT_EQ(s.at(2)->group().roster().epoch, 2U);
  s.w.crash(0);
  s.w.crash(1);
  s.w.start(1);
  const auto read = s.ask(3, get("a"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->value, "1");
  expect_sound(s.w);
}

TEST(kvs_sim, an_old_disk_that_was_replaced_is_emptied_when_it_comes_back) {
  kvs_stage s(world_of(4, {}), setup_of(4, {}));
  started(s);
  ASSERT_TRUE(s.ask(0, put("a", "1")));
  ASSERT_TRUE(s.w.run_until([&] { return s.at(2)->cells().find("a") != nullptr; }, 5s));
  s.w.crash(2);
  const auto old = s.w.disk_of(2);
  s.w.disk_of(2).clear();
  s.w.start(2);
  expect_settled(s, 20s);
  ASSERT_TRUE(s.ask(0, erase("a")));
  expect_within(
      s.w, 60s, [&s] { return s.at(0)->cells().find("a") == nullptr && s.at(1)->cells().find("a") == nullptr; },
      "all forget the key");
  s.w.crash(2);
  s.w.disk_of(2) = old;
  s.w.start(2);
  expect_within(
      s.w, 20s, [&s] { return s.settled() && s.at(0)->group().roster().epoch == 3; }, "it is taken in again");
  s.w.crash(1);
  const auto read = s.ask(3, get("a"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->code, errc::not_found);
  s.check_histories();
  expect_sound(s.w);
}

TEST(kvs_sim, deleted_keys_are_kept_while_a_member_is_away_and_forgotten_when_it_is_back) {
  kvs_stage s(world_of(5, {}), setup_of(5, {}));
  started(s);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(s.ask(0, put("k" + std::to_string(i), "v" + std::to_string(i))));
  s.w.crash(2);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(s.ask(0, erase("k" + std::to_string(i))));
  s.w.run_for(15s);
  EXPECT_EQ(s.at(0)->cells().tombstones(), 40U);
  EXPECT_EQ(s.at(0)->cells().present(), 0U);
  s.w.start(2);
  expect_within(
      s.w, 60s, [&s] { return s.empty(); }, "all forget them");
  EXPECT_EQ(s.at(0)->cells().bytes(), 0U);
  expect_sound(s.w);
}

TEST(kvs_sim, what_has_a_time_to_live_is_gone_everywhere_after_it_and_not_before) {
  kvs_stage s(world_of(6, {}), setup_of(6, {}));
  started(s);
  auto r = put("a", "1");
  r.ttl = 5s;
  ASSERT_TRUE(s.ask(0, r));
  s.w.run_for(4500ms);
  const auto before = s.ask(3, get("a"));
  ASSERT_TRUE(before);
  EXPECT_EQ(before->code, errc::ok);
  EXPECT_GT(before->ttl_left, 0ms);
  EXPECT_LT(before->ttl_left, 1s);
  s.w.crash(1);
  const auto gone = [&s] {
    const auto read = s.ask(3, get("a"));
    return read && read->code == errc::not_found;
  };
  s.w.run_for(20s);
  EXPECT_TRUE(gone());
  s.check_histories();
  expect_sound(s.w);
}

TEST(kvs_sim, a_full_store_refuses_what_is_new_and_takes_deletions) {
  auto setup = setup_of(7, {});
  setup.memory_max = 10'000;
  kvs_stage s(world_of(7, {}), setup);
  started(s);
  int stored = 0;
  std::optional<kvs_result> last;
  for (int i = 0; i < 20; ++i) {
    last = s.ask(0, put("k" + std::to_string(i), std::string(1000, 'x') + std::to_string(i)));
    ASSERT_TRUE(last);
    if (last->code != errc::ok) break;
    ++stored;
  }
  EXPECT_EQ(last->code, errc::out_of_memory);
  EXPECT_EQ(stored, 8);
  const auto erased = s.ask(1, erase("k0"));
  ASSERT_TRUE(erased);
  EXPECT_EQ(erased->code, errc::ok);
  const auto again = s.ask(1, put("new", std::string(900, 'y')));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->code, errc::ok);
  expect_sound(s.w);
}

}  // namespace
}  // namespace troupe::sim
