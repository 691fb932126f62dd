#include <cstdlib>
#include <utility>

#include <troupe/simulation.hpp>

#include "runtime/simulation/shrink.hpp"

namespace troupe {

namespace {

constexpr std::size_t trials_max = 100;
constexpr const char* seed_variable = "TROUPE_SIMULATION_SEED";
constexpr const char* plan_variable = "TROUPE_SIMULATION_PLAN";

expected<simulation_result> run_one(const simulation_options& options, const simulation_body& body) {
  auto sim = simulation::make(options);
  if (!sim) return tl::unexpected(std::move(sim.error()));
  body(**sim);
  return (*sim)->run();
}

simulation_failure shorten(simulation_options options, simulation_result first, const simulation_body& body) {
  simulation_failure f{options.seed, first.plan, std::move(first), 0};
  const auto fails = [&](const fault_plan& plan) {
    options.plan = plan;
    auto result = run_one(options, body);
    if (!result || result->ok || result->violated != f.result.violated) return false;
    f.result = std::move(*result);
    return true;
  };
  f.trials = shrink(f.drawn, fails, trials_max).trials;
  return f;
}

}  // namespace

std::string simulation_failure::text(std::size_t lines) const {
  const auto plan = to_text(result.plan);
  std::string all = "seed " + std::to_string(seed) + " breaks: " + result.violated + "\n  " + result.words + "\nat " +
                    format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(result.at)) + " by: " + plan +
                    "\n(found in " + std::to_string(trials) + " runs; first it took " + std::to_string(drawn.size()) +
                    " faults)\nagain: " + seed_variable + "=" + std::to_string(seed) + " " + plan_variable + "='" +
                    plan + "'\n";
  const auto skipped = result.timeline.size() > lines ? result.timeline.size() - lines : 0;
  if (skipped > 0) all += "... " + std::to_string(skipped) + " lines before\n";
  for (std::size_t i = skipped; i < result.timeline.size(); ++i) all += result.timeline[i] + "\n";
  return all;
}

exploration explore(simulation_options options, std::uint64_t first, std::uint64_t last, const simulation_body& body) {
  exploration e;
  const bool asked = std::getenv(seed_variable) != nullptr;
  if (asked) {
    first = last = std::strtoull(std::getenv(seed_variable), nullptr, 10);
    if (const char* words = std::getenv(plan_variable)) {
      auto plan = parse_fault_plan(words);
      if (!plan) {
        e.refused = std::move(plan.error());
        return e;
      }
      options.plan = std::move(*plan);
    }
  }
  for (auto seed = first; seed <= last && !e.failure; ++seed) {
    options.seed = seed;
    auto result = run_one(options, body);
    if (!result) {
      e.refused = std::move(result.error());
      return e;
    }
    ++e.seeds;
    if (result->ok) continue;
    e.failure = asked ? simulation_failure{seed, result->plan, std::move(*result), 0}
                      : shorten(options, std::move(*result), body);
  }
  return e;
}

}  // namespace troupe
