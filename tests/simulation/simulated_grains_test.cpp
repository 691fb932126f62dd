// Grains on simulated nodes: a right one lives through every seed, a hasty one is found, shortened and shown.
#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <troupe/simulation.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

int number(const std::optional<std::string>& state) { return state ? std::stoi(*state) : 0; }

// Answers the count when it is saved.
caf::behavior counter(grain* self) {
  return {[self](std::int32_t by) {
    const auto count = number(self->state()) + by;
    auto answer = self->make_response_promise<std::int32_t>();
    self->save(std::to_string(count), [answer, count](const expected<void>& saved) mutable {
      if (saved)
        answer.deliver(count);
      else
        answer.deliver(to_caf(saved.error()));
    });
    return answer;
  }};
}

// Answers at once, and saves when it rests.
caf::behavior hasty_counter(grain* self) {
  const auto count = std::make_shared<std::int32_t>(number(self->state()));
  self->on_rest([self, count] { self->save(std::to_string(*count)); });
  return {[count](std::int32_t by) { return *count += by; }};
}

/// The same as a class.
class counting_grain : public grain {
 public:
  using grain::grain;
  caf::behavior on_wake() override { return counter(this); }
};

std::function<void(node_options&, std::size_t)> bring(grain::function f) {
  return [f = std::move(f)](node_options& brings, std::size_t) {
    brings.actors.emplace().prepare = [f](cluster_actors& cluster) {
      const auto added = f ? cluster.grains().add("counter", f, {.state_cache = "default"})
                           : cluster.grains().add_class<counting_grain>("counter", {.state_cache = "default"});
      if (!added) throw std::runtime_error(describe(added.error()));
    };
  };
}

void keep_copies(config& c, std::size_t) { c.cache.replicas = 2; }

/// Each answer is another count, whoever was told it.
struct tally {
  std::int32_t last = 0;
  std::set<std::int32_t> seen;
  std::size_t answers = 0, errors = 0;
  std::string fault;
};

void count_on(simulation& sim, const std::shared_ptr<tally>& t) {
  sim.every(100ms, [&sim, t] {
    const auto at = sim.draw(sim.size());
    if (!sim.running(at)) return;
    const auto its = sim.at(at).grains().ref("counter", "a");
    (void)sim.ask(at, *its, caf::make_message(std::int32_t{1}), 2s, [&sim, t, at](expected<caf::message> r) {
      if (!r) return void(++t->errors);
      const auto count = r->get_as<std::int32_t>(0);
      sim.note("n" + std::to_string(at + 1) + " is told " + std::to_string(count));
      ++t->answers;
      if (!t->seen.insert(count).second) t->fault = std::to_string(count) + " was said twice";
      t->last = std::max(t->last, count);
    });
  });
  sim.check("no count is said twice", [t] { return t->fault; });
}

TEST(simulated_grains, count_without_faults_and_move_nowhere) {
  auto sim = simulation::make(
      {.runs_for = 5s, .heals_for = 2s, .faults = fault_rates::none(), .adjust = keep_copies, .equip = bring(counter)});
  ASSERT_TRUE(sim) << describe(sim.error());
  const auto t = std::make_shared<tally>();
  count_on(**sim, t);
  const auto r = (*sim)->run();
  EXPECT_TRUE(r.ok) << r.words;
  EXPECT_EQ(t->errors, 0u);
  EXPECT_EQ(t->answers, 50u);
  EXPECT_EQ(t->last, 50);
}

TEST(simulated_grains, that_save_before_they_answer_live_through_every_seed) {
  std::size_t answers = 0;
  const auto found = explore({.adjust = keep_copies, .equip = bring(counter)}, 1, 12, [&](simulation& sim) {
    const auto t = std::make_shared<tally>();
    count_on(sim, t);
    sim.at_end("some were answered", [t, &answers]() -> std::string {
      answers += t->answers;
      return t->answers > 0 ? "" : "none";
    });
  });
  EXPECT_FALSE(found.refused);
  EXPECT_FALSE(found.failure) << found.failure->text();
  EXPECT_EQ(found.seeds, 12u);
  EXPECT_GT(answers, 1000u);
}

TEST(simulated_grains, of_a_class_live_too) {
  const auto found = explore({.adjust = keep_copies, .equip = bring({})}, 20, 22,
                             [&](simulation& sim) { count_on(sim, std::make_shared<tally>()); });
  EXPECT_FALSE(found.failure) << found.failure->text();
}

TEST(simulated_grains, that_answer_before_they_save_are_found_and_shown_by_a_short_plan) {
  const auto body = [](simulation& sim) { count_on(sim, std::make_shared<tally>()); };
  const simulation_options options{.adjust = keep_copies, .equip = bring(hasty_counter)};
  const auto found = explore(options, 1, 20, body);
  ASSERT_TRUE(found.failure);
  const auto& f = *found.failure;
  EXPECT_EQ(f.result.violated, "no count is said twice");
  EXPECT_LE(f.result.plan.size(), 3u) << f.text();
  EXPECT_GE(f.result.plan.size(), 1u) << f.text();
  EXPECT_NE(f.text().find("TROUPE_SIMULATION_PLAN='" + to_text(f.result.plan) + "'"), std::string::npos);
  EXPECT_NE(f.text().find("grain_woken"), std::string::npos) << f.text();
  EXPECT_NE(f.text().find("begins: "), std::string::npos) << f.text();

  auto again = options;
  again.seed = f.seed;
  again.plan = parse_fault_plan(to_text(f.result.plan)).value();
  auto sim = simulation::make(again);
  ASSERT_TRUE(sim);
  body(**sim);
  const auto r = (*sim)->run();
  EXPECT_EQ(r.violated, f.result.violated);
  EXPECT_EQ(r.timeline, f.result.timeline);
}

TEST(simulated_grains, without_a_type_say_so) {
  auto sim = simulation::make({.nodes = 1, .runs_for = 2s, .heals_for = 0s, .faults = fault_rates::none()});
  ASSERT_TRUE(sim);
  std::string said;
  (*sim)->after(1s, [&] {
    auto its = (*sim)->at(0).grains().ref("nobody", "a");
    (void)(*sim)->ask(0, *its, caf::make_message(1), 1s,
                      [&](expected<caf::message> r) { said = r ? "answered" : std::string(name_of(r.error().code)); });
  });
  EXPECT_TRUE((*sim)->run().ok);
  EXPECT_EQ(said, "not_implemented");
}

}  // namespace
}  // namespace troupe
