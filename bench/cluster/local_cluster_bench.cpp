// How long a whole cluster in one process takes from nothing to one leader and all alive everywhere.
#include <benchmark/benchmark.h>

#include <troupe/local_cluster.hpp>

namespace troupe {
namespace {

void local_cluster_up(benchmark::State& state) {
  for (auto _ : state) {
    local_cluster_options options;
    options.nodes = static_cast<std::size_t>(state.range(0));
    options.services = {"cache"};
    auto cluster = local_cluster::start(std::move(options));
    if (!cluster) state.SkipWithError(describe(cluster.error()).c_str());
    state.PauseTiming();
    cluster = fail(errc::unavailable);
    state.ResumeTiming();
  }
}

BENCHMARK(local_cluster_up)->Arg(3)->Arg(9)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace troupe
