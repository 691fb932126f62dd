// Reminders and remembered grains on simulated nodes, through every seed: what was acknowledged rings until its handler
// has taken it, not before its time, and not once it was acknowledged to be forgotten; who is remembered is awake when
// all has healed. Times of day are virtual too.
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <troupe/simulation.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

/// Of one simulation; its grains tell it.
struct bells {
  struct bell {
    bool kept = false;  // acknowledged
    wall_time due{};
    std::size_t rang = 0;
    bool refused = false;                        // its handler did, once
    bool forgetting = false, forgotten = false;  // asked, acknowledged
  };
  std::map<std::string, bell> all;
  std::map<std::string, duration> awake;  // who is remembered, and when it said so last
  std::string fault;

  void ring(const std::string& id, const reminder_fired& r, wall_time now) {
    auto& b = all[id];
    ++b.rang;
    if (now < r.due) fault = id + " rang before its time";
    if (r.due != b.due) fault = id + " rang for another time";
    if (b.forgotten) fault = id + " rang after it was forgotten";
  }
  /// Every third does not handle it the first time.
  [[nodiscard]] bool refuses(const std::string& id) {
    return std::stoi(id.substr(1)) % 3 == 0 && !std::exchange(all[id].refused, true);
  }
  [[nodiscard]] std::string silent() const {
    for (const auto& [id, b] : all) {
      if (b.kept && !b.forgetting && b.rang == 0) return id + " never rang";
    }
    return {};
  }
};

// The time of day of a simulated node, as its grain sees it: the actors' clock, from 1970 on.
wall_time time_of_day(grain* self) {
  return wall_time(
      std::chrono::duration_cast<std::chrono::milliseconds>(self->home_system().clock().now().time_since_epoch()));
}

std::function<void(node_options&, std::size_t)> bring(const std::shared_ptr<std::shared_ptr<bells>>& now) {
  const auto bell = [now](grain* self) -> caf::behavior {
    return {[=](const reminder_fired& r) -> caf::result<int> {
      if ((*now)->refuses(self->grain_id())) return to_caf({errc::unavailable, "not now"});
      (*now)->ring(self->grain_id(), r, time_of_day(self));
      return 0;
    }};
  };
  const auto keeper = [now](grain* self) -> caf::behavior {
    self->delayed_send(self, 100ms, 0);
    return {[=](int) {
              (*now)->awake[self->grain_id()] = time_of_day(self).time_since_epoch();
              self->delayed_send(self, 100ms, 0);
            },
            [](const std::string& text) { return text; }};
  };
  return [=](node_options& brings, std::size_t) {
    brings.actors.emplace().prepare = [=](cluster_actors& cluster) {
      const auto kept = cluster.grains().add("bell", bell, {.idle_after = 2s, .reminder_cache = "default"});
      const auto remembered =
          cluster.grains().add("keeper", keeper, {.idle_after = {}, .reminder_cache = "default", .remembered = true});
      if (!kept || !remembered) throw std::runtime_error("not added");
    };
  };
}

void keep_copies(config& c, std::size_t) { c.cache.replicas = 2; }

/// What a run is given to do, and what must hold.
struct belfry {
  std::shared_ptr<std::shared_ptr<bells>> now = std::make_shared<std::shared_ptr<bells>>();
  std::size_t kept = 0, rang = 0, forgotten = 0, remembered = 0;  // forgotten: before it rang

  [[nodiscard]] simulation_options options() const { return {.adjust = keep_copies, .equip = bring(now)}; }

  void set_one(simulation& sim, const std::shared_ptr<bells>& b) {
    const auto at = sim.draw(sim.size());
    if (!sim.running(at)) return;
    const auto id = "b" + std::to_string(b->all.size());
    caf::actor_system& system = sim.at(at).system();
    const auto since = system.clock().now().time_since_epoch();
    const wall_time due(std::chrono::duration_cast<std::chrono::milliseconds>(since) +
                        std::chrono::milliseconds(sim.draw(10'000)));
    b->all[id].due = due;
    const auto its = sim.at(at).grains().ref("bell", id);
    (void)sim.ask(at, *its, remind_message({"ring", due}), 2s,
                  [b, id](expected<caf::message> r) { b->all[id].kept = r.has_value(); });
  }
  void forget_one(simulation& sim, const std::shared_ptr<bells>& b) {
    const auto at = sim.draw(sim.size());
    if (!sim.running(at) || b->all.empty()) return;
    const auto id = "b" + std::to_string(sim.draw(b->all.size()));
    if (!b->all[id].kept || b->all[id].rang > 0 || std::exchange(b->all[id].forgetting, true)) return;
    const auto its = sim.at(at).grains().ref("bell", id);
    (void)sim.ask(at, *its, forget_reminder_message("ring"), 2s,
                  [b, id](expected<caf::message> r) { b->all[id].forgotten = r.has_value(); });
  }
  void wake_one(simulation& sim, const std::shared_ptr<bells>& b) {
    const auto at = sim.draw(sim.size());
    if (!sim.running(at)) return;
    const auto id = "k" + std::to_string(sim.draw(20));
    const auto its = sim.at(at).grains().ref("keeper", id);
    (void)sim.ask(at, *its, caf::make_message(std::string("hello")), 2s, [b, id](expected<caf::message> r) {
      if (r) b->awake.emplace(id, duration());
    });
  }
  void tell(simulation& sim) {
    const auto b = std::make_shared<bells>();
    *now = b;
    sim.every(100ms, [this, &sim, b] { set_one(sim, b); });
    sim.every(300ms, [this, &sim, b] { forget_one(sim, b); });
    sim.every(1s, [this, &sim, b] { wake_one(sim, b); });
    sim.check("none rings before its time, or after it was forgotten", [b] { return b->fault; });
    sim.at_end("all that were kept have rung", [this, b] {
      for (const auto& [id, one] : b->all) {
        kept += one.kept ? 1 : 0;
        rang += one.rang;
        forgotten += one.forgotten && one.rang == 0 ? 1 : 0;
      }
      return b->silent();
    });
    sim.at_end("who is remembered is awake", [this, &sim, b]() -> std::string {
      const auto time = sim.at(0).system().clock().now().time_since_epoch();
      remembered += b->awake.size();
      for (const auto& [id, last] : b->awake) {
        if (time - last > 1s) return id + " sleeps";
      }
      return {};
    });
  }
};

TEST(simulated_reminders, ring_at_their_time_without_faults) {
  belfry all;
  auto options = all.options();
  options.runs_for = 5s;
  options.heals_for = 12s;
  options.faults = fault_rates::none();
  auto sim = simulation::make(options);
  ASSERT_TRUE(sim) << describe(sim.error());
  all.tell(**sim);
  const auto r = (*sim)->run();
  EXPECT_TRUE(r.ok) << r.words;
  EXPECT_EQ(all.kept, 50u);
  EXPECT_EQ(all.rang + all.forgotten, 50u) << "once each, where nothing fails";
  EXPECT_GT(all.forgotten, 0u);
}

TEST(simulated_reminders, that_were_kept_ring_through_every_seed_and_who_is_remembered_is_awake) {
  belfry all;
  const auto found = explore(all.options(), 1, 12, [&](simulation& sim) { all.tell(sim); });
  EXPECT_FALSE(found.refused);
  EXPECT_FALSE(found.failure) << found.failure->text(4000);
  EXPECT_EQ(found.seeds, 12u);
  EXPECT_GT(all.kept, 1000u);
  EXPECT_GE(all.rang + all.forgotten, all.kept);
  EXPECT_GT(all.forgotten, 100u);
  EXPECT_GT(all.remembered, 100u);
}

}  // namespace
}  // namespace troupe
