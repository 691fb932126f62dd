// The run that the environment asks for: what a failure prints is run again, exactly, and nothing else is.
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <troupe/simulation.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr const char* seed_variable = "TROUPE_SIMULATION_SEED";
constexpr const char* plan_variable = "TROUPE_SIMULATION_PLAN";

class exploring : public ::testing::Test {
 protected:
  exploring() { forget(); }
  ~exploring() override { forget(); }
  static void forget() {
    ::unsetenv(seed_variable);
    ::unsetenv(plan_variable);
  }
  static void say(const char* variable, const std::string& words) { ::setenv(variable, words.c_str(), 1); }

  /// Breaks when the second node is killed.
  exploration explore(std::uint64_t first, std::uint64_t last) {
    simulation_options o{.runs_for = 10s, .heals_for = 1s};
    o.faults = {.kills = 20, .pauses = 10, .partitions = 0, .losses = 10, .delays = 10, .between_kills = 1s};
    return troupe::explore(o, first, last, [this](simulation& sim) {
      ++bodies_;
      drawn_ = sim.draw(1U << 30);
      sim.check("n2 lives", [&sim] { return std::string(sim.running(1) ? "" : "it does not"); });
    });
  }
  /// What stands behind `variable=` in the line that says how to run it again, as a shell reads it.
  static std::string told(const simulation_failure& f, const std::string& variable) {
    const auto text = f.text();
    const auto line = text.find("\nagain: ");
    auto at = text.find(variable + "=", line);
    if (line == std::string::npos || at == std::string::npos) return "nothing";
    at += variable.size() + 1;
    const bool quoted = text[at] == '\'';
    const auto end = quoted ? text.find('\'', at + 1) : text.find(' ', at);
    return text.substr(quoted ? at + 1 : at, end - at - (quoted ? 1 : 0));
  }
  /// Its words, when it is refused before anything was run.
  std::string refusal() {
    bodies_ = 0;
    const auto found = explore(1, 3);
    EXPECT_FALSE(found.failure);
    EXPECT_EQ(found.seeds, 0u);
    EXPECT_EQ(bodies_, 0);
    if (!found.refused) return "not refused";
    EXPECT_EQ(found.refused->code, errc::invalid_argument);
    return found.refused->context;
  }

  int bodies_ = 0;
  std::uint64_t drawn_ = 0;
};

TEST_F(exploring, runs_exactly_what_a_failure_has_printed) {
  const auto first = explore(1, 20);
  ASSERT_FALSE(first.refused);
  ASSERT_TRUE(first.failure);
  EXPECT_GT(first.failure->trials, 0u) << "its plan was made shorter";
  ASSERT_NE(first.failure->drawn, first.failure->result.plan);
  say(seed_variable, told(*first.failure, seed_variable));
  say(plan_variable, told(*first.failure, plan_variable));
  bodies_ = 0;
  const auto again = explore(100, 200);
  ASSERT_TRUE(again.failure) << (again.refused ? describe(*again.refused) : "");
  EXPECT_EQ(bodies_, 1);
  EXPECT_EQ(again.seeds, 1u);
  EXPECT_EQ(again.failure->seed, first.failure->seed);
  EXPECT_EQ(again.failure->drawn, first.failure->result.plan) << "no other plan is drawn, and none is made shorter";
  EXPECT_EQ(again.failure->result.plan, first.failure->result.plan);
  EXPECT_EQ(again.failure->result.at, first.failure->result.at);
  EXPECT_EQ(again.failure->result.timeline, first.failure->result.timeline) << "bit for bit";
}

TEST_F(exploring, runs_the_plan_that_is_asked_for_in_place_of_a_drawn_one) {
  say(seed_variable, "7");
  say(plan_variable, "no faults");
  const auto quiet = explore(1, 20);
  EXPECT_FALSE(quiet.failure);
  EXPECT_EQ(quiet.seeds, 1u);
  say(plan_variable, "pause n1 at 1s for 100ms; kill n2 at 2500ms for 1s");
  const auto killed = explore(1, 20);
  ASSERT_TRUE(killed.failure);
  EXPECT_EQ(to_text(killed.failure->result.plan), "pause n1 at 1s for 100ms; kill n2 at 2500ms for 1s");
  EXPECT_EQ(killed.failure->result.at, 2500ms);
}

TEST_F(exploring, runs_a_seed_alone_with_the_plan_that_it_draws) {
  (void)explore(7, 7);
  const auto of_seven = drawn_;
  (void)explore(8, 8);
  ASSERT_NE(drawn_, of_seven);
  bodies_ = 0;
  say(seed_variable, "7");
  const auto found = explore(1, 20);
  EXPECT_FALSE(found.refused);
  EXPECT_EQ(found.seeds, 1u);
  EXPECT_EQ(bodies_, 1);
  EXPECT_EQ(drawn_, of_seven);
  say(seed_variable, "18446744073709551615");
  say(plan_variable, "no faults");
  EXPECT_EQ(explore(1, 20).seeds, 1u) << "the last one there is";
}

TEST_F(exploring, refuses_a_seed_that_is_no_number) {
  for (const auto* words : {"", "x", "7x", "-1", "+7", " 7", "7 ", "0x10", "1e3", "18446744073709551616"}) {
    say(seed_variable, words);
    EXPECT_EQ(refusal(), "TROUPE_SIMULATION_SEED is no number: '" + std::string(words) + "'");
  }
}

TEST_F(exploring, refuses_a_plan_without_a_seed_one_that_is_none_and_one_that_does_not_fit) {
  say(plan_variable, "kill n2 at 1s for 1s");
  EXPECT_EQ(refusal(), "TROUPE_SIMULATION_PLAN without TROUPE_SIMULATION_SEED");
  say(seed_variable, "1");
  say(plan_variable, "melt n2 at 1s for 1s");
  EXPECT_EQ(refusal(), "TROUPE_SIMULATION_PLAN: no fault: melt n2 at 1s for 1s");
  say(plan_variable, "kill n9 at 1s for 1s");
  EXPECT_NE(refusal().find("there is no such node"), std::string::npos);
}

}  // namespace
}  // namespace troupe
