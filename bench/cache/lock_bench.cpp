// The shard lock next to std::mutex, alone and contended.
#include <mutex>

#include <benchmark/benchmark.h>

#include "actors/cache/shard_lock.hpp"

namespace {

template <class Lock>
void lock_and_unlock(benchmark::State& state) {
  static Lock lock;
  static std::uint64_t counter = 0;
  for (auto _ : state) {
    const std::lock_guard guard(lock);
    benchmark::DoNotOptimize(++counter);
  }
}

BENCHMARK(lock_and_unlock<troupe::shard_lock>)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(lock_and_unlock<std::mutex>)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
