// Reminders through kills, pauses, cuts, moves and restarts of everything: what was acknowledged to be set fires, at a
// node that holds the lease, and not once it was acknowledged to be forgotten.
#include <functional>
#include <map>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "runtime/reminders/reminder_entry.hpp"
#include "tests/sim/cluster_clients.hpp"
#include "tests/sim/cluster_process.hpp"
#include "tests/sim/seeds.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds_each = 8;
constexpr std::uint64_t due_within = 20'000;  // ms after it was set
constexpr int periodic_max = 60;              // more than that, and nodes of twenty firings have no time for others
constexpr std::uint64_t wall_begin = 1'700'000'000'000;

struct reminder_stage : cluster_stage {
  reminder_stage(std::uint64_t seed, const std::string& with_profile, std::uint32_t copies, bool durable = false)
      : cluster_stage(
            [&] {
              world_options o;
              o.nodes = 3;
              o.seed = seed;
              return o;
            }(),
            with_profile,
            [copies, durable](config& c) {
              c.cache.replicas = copies;
              c.node.drain_timeout = 20s;
              c.caches["default"].durable = durable;
            }) {
    reminders = &truth;
    truth.wall = [this](node_index n) { return wall(n); };
    truth.write = [this](node_index from, std::uint32_t shard, const cache_command& c, std::uint64_t number) {
      bring(from, shard, c, number);
    };
    if (durable) keep_logs();
    w.start_all();
    expect_settled("after the start");
    act_again(5ms);
    w.run_for(1s);
  }
  void keep_logs() {
    logs.resize(w.size());
    for (auto& log : logs) log.wall_ms = [this] { return wall_begin + true_ms(); };
  }

  [[nodiscard]] std::uint64_t true_ms() const {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(w.now()).count());
  }
  // Some tenths of a second from each other, and set now and then.
  [[nodiscard]] std::uint64_t wall(node_index n) const {
    return wall_begin + true_ms() + 150ULL * n + 400 * ((true_ms() / 3000 + n) % 2);
  }

  /// The router: whoever serves the shard does it, and tells the process that asked, if that lives still.
  void bring(node_index from, std::uint32_t shard, const cache_command& c, std::uint64_t number) {
    const auto asked = std::make_shared<owned_command>(c);
    const auto who = w.process_of<cluster_process>(from)->id();
    w.after(0ms, [this, from, who, shard, asked, number] {
      submit(shard, asked, [this, from, who, shard, number](const owned_reply& r) {
        w.after(0ms, [this, from, who, shard, number, code = r.code] {
          if (!w.running(from) || w.paused(from)) return;
          w.with_process(from, [&](process& p, time_point now) {
            auto& node = static_cast<cluster_process&>(p);
            if (node.id() == who && node.reminders() != nullptr) node.reminders()->on_written(shard, number, code, now);
          });
        });
      });
    });
  }
  void submit(std::uint32_t shard, const std::shared_ptr<owned_command>& c,
              std::function<void(const owned_reply&)> then) {
    const auto at = server_of(w, shard);
    auto done = answered_once::make(std::move(then));
    if (at.process == nullptr) return done(owned_reply::failed(errc::unavailable));
    w.with_process(at.node, [&](process& p, time_point now) {
      static_cast<cluster_process&>(p).submit(shard, c->borrow(), now + 2s, now, std::move(done));
    });
  }

  void act_again(duration gap) {
    w.after(gap, [this, gap] {
      if (resting) return;
      if (w.rng().below(3) == 0 && !truth.all().empty())
        forget(w.rng().below(truth.all().size()) + 1);
      else
        set();
      act_again(gap);
    });
  }
  void set() {
    reminder_truth::known k;
    k.shard = static_cast<std::uint32_t>(w.rng().below(simulated_shards));
    const auto at = server_of(w, k.shard);
    if (at.process == nullptr) return;
    k.created = at.process->stores().at(k.shard).created();
    k.due = wall_begin + true_ms() + w.rng().below(due_within);
    if (periodic < periodic_max && w.rng().below(10) == 0) {
      ++periodic;
      k.period = 500 + w.rng().below(1500);
    }
    const auto number = truth.begin(k);
    cache_command c;
    c.op = cache_op::put;
    const auto key = reminder_key_of(number);
    const auto value = encode(reminder_entry{k.due, k.period, {}});
    c.key = key;
    c.value = value;
    submit(k.shard, std::make_shared<owned_command>(c), [this, number](const owned_reply& r) {
      truth.at(number).set = r.code == errc::ok;
      if (r.code == errc::ok) ++truth.count.set;
    });
  }
  void forget(std::uint64_t number) {
    auto& k = truth.at(number);
    if (!k.set || std::exchange(k.forgetting, true)) return;
    const auto key = reminder_key_of(number);
    cache_command c;
    c.op = cache_op::erase;
    c.key = key;
    submit(k.shard, std::make_shared<owned_command>(c), [this, number](const owned_reply& r) {
      auto& it = truth.at(number);
      it.forgotten = r.code == errc::ok || r.code == errc::not_found;
      const auto at = server_of(w, it.shard);
      const bool same = at.process != nullptr && at.process->stores().at(it.shard).created() == it.created;
      if (r.code == errc::not_found && it.handled == 0 && same)
        truth.fail(reminder_key_of(number) + " is gone and never fired");
      if (r.code == errc::ok) ++truth.count.forgotten;
    });
  }

  /// Everything that is due fires, and nothing is left of it.
  void finish() {
    expect_settled("at the end");
    w.run_for(2s);
    resting = true;
    truth.grains_fail = false;
    w.run_for(std::chrono::milliseconds(due_within) + 5s);
    const auto before = truth.all();
    constexpr auto calm = 20s;
    w.run_for(calm);
    std::uint64_t owed = 0;
    for (const auto& [number, k] : truth.all()) {
      const auto at = server_of(w, k.shard);
      ASSERT_NE(at.process, nullptr);
      const auto& held = at.process->stores().at(k.shard);
      if (held.created() != k.created || !k.set || k.forgetting) continue;
      ++owed;
      const auto name = reminder_key_of(number);
      EXPECT_GT(k.handled, 0U) << name << " never fired";
      const auto there = held.store().peek(0, name, at.clock);
      if (k.period == 0) {
        EXPECT_FALSE(there) << name << " is left";
      }
      if (k.period != 0) {
        EXPECT_GT(k.covered + k.period + 5'000, wall(at.node)) << name << " fires no more";
        const auto most = std::chrono::milliseconds(calm).count() / static_cast<std::int64_t>(k.period) + 3;
        EXPECT_LE(k.handled - before.at(number).handled, static_cast<std::uint64_t>(most))
            << name << " fires too often";
      }
    }
    EXPECT_GT(owed, lost_all ? 0U : 100U);
    expect_sound(w);
  }

  reminder_truth truth;
  int periodic = 0;
  bool resting = false;
  bool lost_all = false;
};

class cluster_reminders : public ::testing::TestWithParam<const char*> {
 protected:
  static void tell(std::uint32_t copies, bool durable, const std::function<void(reminder_stage&)>& tale) {
    reminder_truth::numbers all;
    for (std::uint64_t seed = 1; seed <= seeds_each && !HasFailure(); ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      reminder_stage s(seed, GetParam(), copies, durable);
      if (HasFailure()) return;
      tale(s);
      if (HasFailure()) return;
      s.finish();
      all.set += s.truth.count.set;
      all.forgotten += s.truth.count.forgotten;
      all.handled += s.truth.count.handled;
      all.repeated += s.truth.count.repeated;
      all.missed += s.truth.count.missed;
      all.stale += s.truth.count.stale;
    }
    if (HasFailure()) return;
    EXPECT_GT(all.set, 800U * seeds_each);
    EXPECT_GT(all.forgotten, 200U * seeds_each);
    EXPECT_GT(all.handled, 500U * seeds_each);
    EXPECT_GT(all.repeated, 20U * seeds_each) << "answers were lost";
    EXPECT_GT(all.missed, 0U);
    EXPECT_GT(all.stale, 0U);
  }
};

TEST_P(cluster_reminders, fire_though_primaries_are_killed) {
  tell(1, false, [](reminder_stage& s) {
    s.kill_and_return(false);
    if (!::testing::Test::HasFailure()) s.kill_and_return(true);
  });
}

TEST_P(cluster_reminders, fire_through_pauses) {
  tell(1, false, [](reminder_stage& s) { s.pause_in_turn(); });
}

TEST_P(cluster_reminders, fire_through_cuts_on_both_sides) {
  tell(1, false, [](reminder_stage& s) { s.cut_off_in_turn(); });
}

TEST_P(cluster_reminders, fire_while_shards_move_to_and_fro) {
  tell(0, false, [](reminder_stage& s) {
    s.leave_and_return(s.victim(false));
    s.w.run_for(5s);
  });
}

TEST_P(cluster_reminders, fire_after_the_whole_cluster_was_killed_when_they_are_durable) {
  tell(1, true, [](reminder_stage& s) {
    for (int round = 0; round < 2 && !::testing::Test::HasFailure(); ++round) {
      for (node_index n = 0; n < s.w.size(); ++n) s.w.crash(n, crash_kind::killed);
      s.w.run_for(s.w.rng().between(10ms, 8s));
      s.w.start_all();
      s.expect_settled("after all were killed");
      s.w.run_for(2s);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(profile, cluster_reminders, ::testing::Values("fast", "lan"),
                         [](const auto& tested) { return std::string(tested.param); });

// Whatever comes, from many seeds.
class reminders_seeds : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(reminders_seeds, survive_random_faults) {
  for_each_seed(
      GetParam(),
      [](std::uint64_t seed) {
        reminder_stage s(seed, "fast", 1);
        s.lost_all = true;  // one copy may be too few
        if (::testing::Test::HasFailure()) return;
        s.random_faults();
        s.finish();
      },
      24);
}

INSTANTIATE_TEST_SUITE_P(shard, reminders_seeds, ::testing::Range(0U, seed_shards));

}  // namespace
}  // namespace troupe::sim
