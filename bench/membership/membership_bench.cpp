// Membership in the simulator: how soon a death is known, what it costs to be idle, and how long an hour of a
// simulated cluster takes with all checkers on.
//
// Times of detection are virtual: first_ms and all_ms are medians over seeds, from the death to the first
// and to the last of the others; p99_all_ms is the 99th percentile. Only `real_time` of BM_hour is real.
// TROUPE_BENCH_FULL=1 takes the real size; without it the smallest, against rot.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "tests/sim/membership_stage.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

bool full_size() { return std::getenv("TROUPE_BENCH_FULL") != nullptr; }

double milliseconds(duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

double quantile(std::vector<duration> values, double q) {
  if (values.empty()) return -1;
  std::sort(values.begin(), values.end());
  return milliseconds(values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))]);
}

stage_options options_for(std::uint32_t nodes, std::uint64_t seed, const char* profile, bool links) {
  stage_options o;
  o.world.nodes = nodes;
  o.world.seed = seed;
  o.profile = profile;
  o.links = links;
  return o;
}

void detection(benchmark::State& state, const char* profile, bool links, crash_kind how) {
  const auto nodes = static_cast<std::uint32_t>(state.range(0));
  const std::uint64_t seeds = full_size() ? 101 : 1;
  std::vector<duration> first, all;
  for (auto _ : state) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      membership_stage s(options_for(nodes, seed, profile, links));
      s.start_all();
      s.w.run_until([&s] { return s.all_see_all(); }, 30s);
      s.link_all();
      s.w.run_for(s.w.rng().between(5s, 15s));
      s.w.crash(1, how);
      const auto times = s.times_until_seen(1, member_state::failed, 300s);
      if (times.size() + 1 != nodes) return state.SkipWithError("not detected by all");
      first.push_back(times.front());
      all.push_back(times.back());
    }
  }
  state.counters["first_ms"] = quantile(first, 0.5);
  state.counters["all_ms"] = quantile(all, 0.5);
  state.counters["p99_all_ms"] = quantile(all, 0.99);
}

void idle_hour(benchmark::State& state, double loss) {
  const auto nodes = static_cast<std::uint32_t>(state.range(0));
  const duration length = full_size() ? duration(1h) : duration(1min);
  for (auto _ : state) {
    auto o = options_for(nodes, 1, "lan", true);
    o.world.link.loss = loss;
    membership_stage s(o);
    membership_checker checks;
    s.w.add(checks);
    s.start_all();
    s.w.run_for(length);
    if (s.w.failed() || !s.all_see_all()) return state.SkipWithError("the cluster is not sound");
    const double seconds = std::chrono::duration<double>(length).count();
    const double members = nodes;
    state.counters["packets_per_member_s"] = static_cast<double>(s.w.counts().datagrams) / seconds / members;
    state.counters["bytes_per_member_s"] = static_cast<double>(s.w.counts().datagram_bytes) / seconds / members;
    state.counters["suspicions"] = static_cast<double>(s.count(membership::event_kind::member_suspect));
    state.counters["false_failures"] = static_cast<double>(s.false_failures());
  }
}

#define TROUPE_DETECTION(name, profile, links, how) \
  BENCHMARK_CAPTURE(detection, name, profile, links, how)->Arg(3)->Arg(10)->Arg(50)->Iterations(1)

TROUPE_DETECTION(lan_kill, "lan", true, crash_kind::killed);
TROUPE_DETECTION(lan_power_loss, "lan", false, crash_kind::powered_off);
TROUPE_DETECTION(local_power_loss, "local", false, crash_kind::powered_off);
TROUPE_DETECTION(fast_kill, "fast", true, crash_kind::killed);
TROUPE_DETECTION(fast_power_loss, "fast", false, crash_kind::powered_off);
BENCHMARK_CAPTURE(idle_hour, no_loss, 0.0)->Arg(50)->Arg(100)->Iterations(1)->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(idle_hour, one_percent_loss, 0.01)->Arg(50)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace troupe::sim
