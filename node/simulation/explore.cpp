#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
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

// The one run that the environment asks for, in the options; false: it asks for none.
expected<bool> take_environment(simulation_options& options) {
  const char* seed = std::getenv(seed_variable);
  const char* words = std::getenv(plan_variable);
  if (seed == nullptr && words == nullptr) return false;
  if (seed == nullptr) return fail(errc::invalid_argument, std::string(plan_variable) + " without " + seed_variable);
  const std::string_view digits(seed);
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), options.seed);
  if (fault != std::errc() || end != digits.data() + digits.size())
    return fail(errc::invalid_argument, std::string(seed_variable) + " is no number: '" + seed + "'");
  if (words == nullptr) return true;
  auto plan = parse_fault_plan(words);
  if (!plan) return fail(plan.error().code, std::string(plan_variable) + ": " + plan.error().context);
  options.plan = std::move(*plan);
  return true;
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
  const auto asked = take_environment(options);
  if (!asked) {
    e.refused = asked.error();
    return e;
  }
  if (*asked) first = last = options.seed;
  for (auto seed = first; seed <= last && !e.failure; ++seed) {
    options.seed = seed;
    auto result = run_one(options, body);
    if (!result) {
      e.refused = std::move(result.error());
      return e;
    }
    ++e.seeds;
    if (!result->ok)
      e.failure = *asked ? simulation_failure{seed, result->plan, std::move(*result), 0}
                         : shorten(options, std::move(*result), body);
    if (seed == last) break;  // there may be no greater number
  }
  return e;
}

}  // namespace troupe
