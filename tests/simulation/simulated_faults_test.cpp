// What a simulation is without anybody's actors: it forms, heals, repeats itself, and refuses what it cannot be.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

#include <troupe/simulation.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

simulation_result run(
    simulation_options options, const simulation_body& body = [](simulation&) {}) {
  auto sim = simulation::make(std::move(options));
  if (!sim) return {.ok = false, .violated = "refused", .words = describe(sim.error())};
  body(**sim);
  return (*sim)->run();
}

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const auto& line : lines) all += line + "\n";
  return all;
}

TEST(simulation, forms_a_cluster_and_runs_for_its_time) {
  duration last{};
  std::size_t steps = 0;
  const auto r = run({.runs_for = 5s, .heals_for = 1s, .faults = fault_rates::none()}, [&](simulation& sim) {
    sim.every(100ms, [&] {
      ++steps;
      last = sim.now();
      for (std::size_t i = 0; i < sim.size(); ++i) {
        EXPECT_TRUE(sim.running(i));
        EXPECT_TRUE(sim.view(i)->leader_now.has_value());
      }
    });
  });
  EXPECT_TRUE(r.ok) << r.violated << ": " << r.words << "\n" << joined(r.timeline);
  EXPECT_EQ(steps, 50u);
  EXPECT_EQ(last, 5s);
}

TEST(simulation, of_one_node_forms) {
  const auto r = run({.nodes = 1, .runs_for = 2s, .heals_for = 0s, .faults = fault_rates::none()});
  EXPECT_TRUE(r.ok) << r.words << "\n" << joined(r.timeline);
}

TEST(simulation, has_a_leader_again_after_each_kind_of_fault) {
  for (const auto* plan : {"kill n1 at 1s for 5s", "pause n1 at 1s for 5s", "partition n1 at 1s for 5s",
                           "kill n2 at 1s for 3s; kill n1 at 8s for 3s", "loss 30% at 1s for 5s",
                           "delay 200ms at 1s for 5s", "partition n1 n2 at 1s for 15s", "pause n3 at 1s for 15s"}) {
    const auto r = run({.runs_for = 17s, .plan = parse_fault_plan(plan).value()}, [](simulation& sim) {
      sim.at_end("all see each other", [&sim]() -> std::string {
        for (std::size_t i = 0; i < sim.size(); ++i) {
          if (!sim.running(i) || !sim.view(i)->ready || !sim.view(i)->leader_now) return "n" + std::to_string(i + 1);
          for (const auto& m : sim.view(i)->members) {
            if (m.state != member_state::alive) return m.name + " is not alive at n" + std::to_string(i + 1);
          }
        }
        return {};
      });
    });
    EXPECT_TRUE(r.ok) << plan << ": " << r.words << "\n" << joined(r.timeline);
  }
}

TEST(simulation, a_killed_node_starts_as_another_process) {
  std::vector<std::size_t> starts(3);
  const auto r = run({.runs_for = 10s, .plan = parse_fault_plan("kill n2 at 1s for 2s").value()}, [&](simulation& sim) {
    sim.on_start([&](std::size_t i) { ++starts[i]; });
    sim.after(2s, [&] { EXPECT_FALSE(sim.running(1)); });
    sim.after(4s, [&] { EXPECT_TRUE(sim.running(1)); });
  });
  EXPECT_TRUE(r.ok) << r.words;
  EXPECT_EQ(starts, (std::vector<std::size_t>{1, 2, 1}));
}

TEST(simulation, tells_which_invariant_broke_and_when) {
  const auto r = run({.runs_for = 5s, .faults = fault_rates::none()}, [](simulation& sim) {
    sim.check("time is short", [&sim]() -> std::string { return sim.now() < 2s ? "" : "it is late"; });
  });
  EXPECT_FALSE(r.ok);
  EXPECT_EQ(r.violated, "time is short");
  EXPECT_EQ(r.words, "it is late");
  EXPECT_GE(r.at, 2s);
  EXPECT_LT(r.at, 3s);
  ASSERT_FALSE(r.timeline.empty());
  EXPECT_NE(r.timeline.back().find("BROKEN: time is short: it is late"), std::string::npos);
}

std::string story() {
  const auto r = run({.seed = 11, .runs_for = 20s}, [](simulation& sim) {
    sim.every(500ms, [&sim] { sim.note("draws " + std::to_string(sim.draw(1000))); });
  });
  return joined(r.timeline);
}

TEST(simulation, is_the_same_for_the_same_seed) {
  const auto once = story();
  EXPECT_EQ(once, story());
  EXPECT_NE(once.find("begins: "), std::string::npos) << once;
  // The program calls itself: another process has other addresses.
  if (const char* file = std::getenv("TROUPE_TEST_STORY")) {
    auto* out = std::fopen(file, "w");
    ASSERT_NE(out, nullptr);
    std::fputs(once.c_str(), out);
    std::fclose(out);
    return;
  }
  char path[] = "/tmp/troupe-story-XXXXXX";
  const int made = ::mkstemp(path);
  ASSERT_GE(made, 0);
  char self[4096] = {};
  ASSERT_GT(::readlink("/proc/self/exe", self, sizeof self - 1), 0);
  const auto call = "TROUPE_TEST_STORY=" + std::string(path) + " '" + self +
                    "' --gtest_filter=simulation.is_the_same_for_the_same_seed >/dev/null";
  EXPECT_EQ(std::system(call.c_str()), 0);
  std::string other(1 << 22, '\0');
  auto* in = ::fdopen(made, "r");
  other.resize(std::fread(other.data(), 1, other.size(), in));
  std::fclose(in);
  std::remove(path);
  EXPECT_EQ(once, other);
}

TEST(simulation, other_seeds_are_other_runs) {
  const auto of = [](std::uint64_t seed) {
    return joined(run({.seed = seed, .runs_for = 1s, .heals_for = 0s, .faults = fault_rates::none()}).timeline);
  };
  EXPECT_NE(of(1), of(2));
}

TEST(simulation, refuses_options_out_of_bounds) {
  const auto refused = [](simulation_options o) {
    const auto made = simulation::make(std::move(o));
    return !made && made.error().code == errc::invalid_argument;
  };
  EXPECT_TRUE(refused({.nodes = 0}));
  EXPECT_TRUE(refused({.nodes = 17}));
  EXPECT_TRUE(refused({.runs_for = 0s}));
  EXPECT_TRUE(refused({.runs_for = 2h}));
  EXPECT_TRUE(refused({.heals_for = -1s}));
  EXPECT_TRUE(refused({.faults = {.kills = -1}}));
  EXPECT_TRUE(refused({.faults = {.lasts_max = 0s}}));
  EXPECT_TRUE(refused({.plan = fault_plan{{planned_fault::kind::kill, 1s, 1s, {3}, 0, {}}}}));
  EXPECT_TRUE(refused({.equip = [](node_options& brings, std::size_t) { brings.loaders["default"] = {}; }}));
  EXPECT_TRUE(
      refused({.equip = [](node_options& brings, std::size_t) { brings.modules.emplace_back().name = "shop"; }}));
}

TEST(simulation, a_configuration_that_a_node_would_refuse_breaks_its_forming) {
  const auto bad = run({.adjust = [](config& c, std::size_t) { c.gossip.profile = "telegraph"; }});
  EXPECT_EQ(bad.violated, simulation::forms);
  const auto durable = run({.adjust = [](config& c, std::size_t) { c.caches["kept"].durable = true; }});
  EXPECT_EQ(durable.violated, simulation::forms);
  EXPECT_NE(durable.words.find("in memory only"), std::string::npos) << durable.words;
  const auto thrown = run({.equip = [](node_options& brings, std::size_t) {
    brings.actors.emplace().prepare = [](cluster_actors&) { throw std::runtime_error("not today"); };
  }});
  EXPECT_NE(thrown.words.find("not today"), std::string::npos) << thrown.words;
}

}  // namespace
}  // namespace troupe
