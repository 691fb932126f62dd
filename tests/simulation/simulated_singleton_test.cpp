// A singleton on simulated nodes that writes to a store outside: with its token it is refused when it is not the one
// any more; without, it is found.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <troupe/simulation.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

/// Outside of the cluster: knows who wrote.
struct outside_store {
  std::uint64_t highest = 0;
  std::size_t writes = 0, refused = 0, late = 0;

  void write(std::uint64_t token, bool shown) {
    if (token < highest) {
      if (shown) return void(++refused);
      ++late;
    }
    highest = std::max(highest, token);
    ++writes;
  }
};

// Takes its time for each write, as with a disk.
caf::behavior writer(caf::event_based_actor* self, std::shared_ptr<outside_store> store, std::uint64_t token,
                     bool shows_token) {
  return {[self](std::int32_t job) {
            self->delayed_send(self, std::chrono::milliseconds(200), job, true);
            return job;
          },
          [=](std::int32_t, bool) { store->write(token, shows_token); }};
}

struct scene {
  std::shared_ptr<outside_store> store = std::make_shared<outside_store>();
  std::size_t answers = 0;
};

/// The store is that of the run under way.
simulation_options options_of(const std::shared_ptr<scene>& now, bool shows_token) {
  simulation_options o{.runs_for = 40s, .faults = {.kills = 2, .pauses = 8, .partitions = 2, .lasts_max = 8s}};
  o.equip = [now, shows_token](node_options& brings, std::size_t) {
    brings.actors.emplace().prepare = [now, shows_token](cluster_actors& cluster) {
      (void)cluster.singleton("writer", [now, shows_token](const singleton_start& s) {
        return s.system.spawn(writer, now->store, s.token, shows_token);
      });
    };
  };
  return o;
}

simulation_body write_on(const std::shared_ptr<scene>& now) {
  return [now](simulation& sim) {
    *now = {};
    sim.every(150ms, [&sim, now] {
      const auto at = sim.draw(sim.size());
      if (!sim.running(at)) return;
      const auto handle = sim.at(at).singleton("writer");
      if (!handle) return;
      (void)sim.ask(at, *handle, caf::make_message(std::int32_t{7}), 3s,
                    [now](expected<caf::message> r) { now->answers += r ? 1 : 0; });
    });
    sim.check("nothing is written by one that another has followed", [now]() -> std::string {
      return now->store->late == 0 ? "" : "token " + std::to_string(now->store->highest) + " was there before";
    });
  };
}

TEST(simulated_singleton, that_shows_its_token_lives_through_every_seed) {
  const auto now = std::make_shared<scene>();
  std::size_t writes = 0, refused = 0;
  const auto body = write_on(now);
  const auto found = explore(options_of(now, true), 1, 8, [&](simulation& sim) {
    body(sim);
    sim.at_end("it wrote", [&, now]() -> std::string {
      writes += now->store->writes;
      refused += now->store->refused;
      return now->store->writes > 0 && now->answers > 0 ? "" : "nothing";
    });
  });
  EXPECT_FALSE(found.refused);
  EXPECT_FALSE(found.failure) << found.failure->text();
  EXPECT_GT(writes, 500u);
  EXPECT_GT(refused, 0u) << "no seed had two instances: the test tests nothing";
}

TEST(simulated_singleton, that_ignores_its_token_is_found_and_shown_by_a_short_plan) {
  const auto now = std::make_shared<scene>();
  const auto found = explore(options_of(now, false), 1, 30, write_on(now));
  ASSERT_TRUE(found.failure);
  EXPECT_EQ(found.failure->result.violated, "nothing is written by one that another has followed");
  EXPECT_LE(found.failure->result.plan.size(), 3u) << found.failure->text();
  EXPECT_NE(found.failure->text().find("singleton_started"), std::string::npos) << found.failure->text();
}

}  // namespace
}  // namespace troupe
