// How long an hour of a simulated cluster takes: every node runs the whole machine of production (membership,
// election, shard table, hand-over), all checkers and a client on, a node killed and restarted now and then.
// TROUPE_BENCH_FULL=1 takes the real size; without it a small one, against rot. Only `real_time` is real.
#include <cstdlib>
#include <memory>

#include <benchmark/benchmark.h>

#include "tests/sim/cluster_process.hpp"
#include "tests/sim/shard_client.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

bool full_size() { return std::getenv("TROUPE_BENCH_FULL") != nullptr; }

constexpr std::uint32_t founders = 3;

void hour(benchmark::State& state, duration length, duration kill_gap) {
  std::uint64_t steps = 0;
  std::uint64_t kills = 0;
  std::uint64_t commands = 0;
  for (auto _ : state) {
    world_options o;
    o.nodes = static_cast<std::uint32_t>(state.range(0));
    o.seed = 1;
    cluster_stage s(o, "lan", [](config& c) { c.cluster.expected_members = founders; });
    for (node_index n = 0; n < s.w.size(); ++n) s.w.after(n < founders ? 0s : 2s + n * 20ms, [&s, n] { s.w.start(n); });
    const auto client = std::make_shared<shard_client>(s.w);
    client->start(100ms);
    for (duration t = 1min; t < length; t += kill_gap) {
      s.w.after(t, [&s, &kills] {
        const auto n = static_cast<node_index>(s.w.rng().below(s.w.size()));
        s.w.crash(n);
        ++kills;
        s.w.after(10s, [&s, n] { s.w.start(n); });
      });
    }
    s.w.run_for(length);
    const bool settled = s.w.run_until([&] { return s.settled(); }, 60s);
    if (s.w.failed() || !settled) state.SkipWithError(s.w.failure_text().c_str());
    steps += s.w.counts().steps;
    commands += client->acknowledged();
  }
  state.counters["steps"] = static_cast<double>(steps);
  state.counters["kills"] = static_cast<double>(kills);
  state.counters["acknowledged"] = static_cast<double>(commands);
}

const auto* const registered = [] {
  const bool full = full_size();
  const auto run = [full](benchmark::State& s) {
    hour(s, full ? duration(1h) : duration(2min), full ? duration(5min) : duration(30s));
  };
  auto* const bench = benchmark::RegisterBenchmark("cluster_hour", run);
  if (full) bench->Arg(100);
  return bench->Arg(full ? 50 : 5)->Iterations(1)->Unit(benchmark::kMillisecond);
}();

}  // namespace
}  // namespace troupe::sim
