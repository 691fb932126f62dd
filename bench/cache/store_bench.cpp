// The cost of one command: in a shard store, through the shard host, and on the whole way that a
// door takes (cache_router::try_now). Keys of 16 bytes, values of 64. Arguments are numbers of keys;
// the large one is registered only when TROUPE_BENCH_LARGE is set.
#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <benchmark/benchmark.h>

#include "actors/cache/cache_router.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/random.hpp"
#include "runtime/cache/key_hash.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {
namespace {

constexpr std::uint32_t shards_total = 256;
constexpr std::int64_t keys_small = 1000;
constexpr std::int64_t keys_large = 1000000;
constexpr std::uint64_t pid = 1;
constexpr std::size_t value_size = 64;
constexpr std::uint64_t memory_max = std::uint64_t{4} << 30;
const time_point now{std::chrono::hours(1)};

/// "key:" and twelve digits, made in place: a list of keys would add its own cache misses.
struct bench_key {
  std::array<char, 16> text{'k', 'e', 'y', ':'};

  explicit bench_key(std::uint64_t i) {
    for (std::size_t at = text.size(); at > 4; i /= 10) text[--at] = static_cast<char>('0' + i % 10);
  }
  operator std::string_view() const { return {text.data(), text.size()}; }  // NOLINT: a key is its text
};

cache_command make(cache_op op, std::string_view key, std::string_view value = {}) {
  cache_command c;
  c.op = op;
  c.key = key;
  c.value = value;
  return c;
}

/// A node's cache that holds `keys` values; kept between the benches of one size.
struct node {
  shard_host host{{shards_total, memory_max, eviction_policy::lru, 42, {}}};
  cache_catalogue catalogue{{}};
  cache_router router{host, catalogue, 64 * mib};
  std::uint64_t size;
  std::string value = std::string(value_size, 'v');

  explicit node(std::int64_t keys) : size(static_cast<std::uint64_t>(keys)) {
    shard_table table;
    table.stamp = {1, 1};
    table.rows.assign(shards_total, shard_row{pid, {}, {}, 1, 1});
    TROUPE_CHECK(host.adopt(std::move(table), pid));
    for (std::uint64_t i = 0; i < size; ++i)
      TROUPE_CHECK(router.try_now(make(cache_op::put, bench_key(i), value), now, [](const cache_reply&) {}));
  }

  static node& of(std::int64_t size) {
    static node small(keys_small);
    if (size == keys_small) return small;
    static node large(size);
    return large;
  }
};

void report_memory(benchmark::State& state, const node& n) {
  const auto u = n.host.measure();
  state.counters["bytes_per_key"] =
      benchmark::Counter(static_cast<double>(u.bytes) / static_cast<double>(u.keys), benchmark::Counter::kAvgThreads);
}

void slot_of_a_key(benchmark::State& state) {
  const bench_key key(7);
  for (auto _ : state) benchmark::DoNotOptimize(slot_of(key));
}
BENCHMARK(slot_of_a_key);

void hash_of_a_key(benchmark::State& state) {
  const bench_key key(7);
  for (auto _ : state) benchmark::DoNotOptimize(key_hash(key, 42));
}
BENCHMARK(hash_of_a_key);

// One store of one shard, without lock and routing.
void store_get_hit(benchmark::State& state) {
  memory_ledger ledger(memory_max);
  shard_store store({&ledger, 42, eviction_policy::lru});
  const std::string value(value_size, 'v');
  const auto keys = static_cast<std::uint64_t>(state.range(0)) / shards_total + 1;
  for (std::uint64_t i = 0; i < keys; ++i) (void)store.apply(make(cache_op::put, bench_key(i), value), now);
  random r(1);
  for (auto _ : state) {
    const auto reply = store.apply(make(cache_op::get, bench_key(r.below(keys))), now);
    benchmark::DoNotOptimize(reply.value.data());
  }
}

random random_of(const benchmark::State& state) { return random(static_cast<std::uint64_t>(state.thread_index()) + 1); }

// What the benches below spend on choosing a key and making its text.
void make_a_key(benchmark::State& state) {
  random r(1);
  for (auto _ : state) {
    const bench_key key(r.below(static_cast<std::uint64_t>(state.range(0))));
    benchmark::DoNotOptimize(key.text.data());
  }
}

void get_hit(benchmark::State& state) {
  auto& n = node::of(state.range(0));
  auto r = random_of(state);
  std::string copy;
  for (auto _ : state) {
    const bench_key key(r.below(n.size));
    TROUPE_CHECK(
        n.router.try_now(make(cache_op::get, key), now, [&](const cache_reply& reply) { copy = reply.value; }));
    benchmark::DoNotOptimize(copy.data());
  }
  report_memory(state, n);
}

// The peer: a plain std::unordered_map, without lock, shard, version or expiry.
void unordered_map_get_hit(benchmark::State& state) {
  std::unordered_map<std::string, std::string> map;
  const auto size = static_cast<std::uint64_t>(state.range(0));
  for (std::uint64_t i = 0; i < size; ++i) map.emplace(std::string_view(bench_key(i)), std::string(value_size, 'v'));
  auto r = random_of(state);
  std::string copy;
  std::string key;
  for (auto _ : state) {
    key = bench_key(r.below(size));
    copy = map.find(key)->second;
    benchmark::DoNotOptimize(copy.data());
  }
}

void get_miss(benchmark::State& state) {
  auto& n = node::of(state.range(0));
  auto r = random_of(state);
  errc code = errc::ok;
  for (auto _ : state) {
    const bench_key key(n.size + r.below(n.size));
    TROUPE_CHECK(n.router.try_now(make(cache_op::get, key), now, [&](const cache_reply& reply) { code = reply.code; }));
    benchmark::DoNotOptimize(code);
  }
}

void put_overwrite(benchmark::State& state) {
  auto& n = node::of(state.range(0));
  auto r = random_of(state);
  std::uint64_t version = 0;
  for (auto _ : state) {
    const bench_key key(r.below(n.size));
    TROUPE_CHECK(n.router.try_now(make(cache_op::put, key, n.value), now,
                                  [&](const cache_reply& reply) { version = reply.version; }));
    benchmark::DoNotOptimize(version);
  }
}

// Growth of the tables included; the store is made anew when it has the number of keys asked for.
void put_new(benchmark::State& state) {
  const auto size = static_cast<std::uint64_t>(state.range(0));
  auto n = std::make_unique<node>(0);
  std::uint64_t i = 0;
  for (auto _ : state) {
    if (i == size) {
      state.PauseTiming();
      n = std::make_unique<node>(0);
      i = 0;
      state.ResumeTiming();
    }
    TROUPE_CHECK(n->router.try_now(make(cache_op::put, bench_key(i++), n->value), now, [](const cache_reply&) {}));
  }
}

// Nine gets to one put, on the same keys from every thread.
void mixed(benchmark::State& state) {
  auto& n = node::of(state.range(0));
  auto r = random_of(state);
  std::string copy;
  for (auto _ : state) {
    const bench_key key(r.below(n.size));
    const bool writes = r.below(10) == 0;
    TROUPE_CHECK(n.router.try_now(make(writes ? cache_op::put : cache_op::get, key, n.value), now,
                                  [&](const cache_reply& reply) { copy = reply.value; }));
  }
  state.SetItemsProcessed(state.iterations());
}

const bool registered = [] {
  std::vector<std::int64_t> sizes{keys_small};
  if (std::getenv("TROUPE_BENCH_LARGE") != nullptr) sizes.push_back(keys_large);
  for (const auto size : sizes) {
    benchmark::RegisterBenchmark("make_a_key", make_a_key)->Arg(size);
    benchmark::RegisterBenchmark("store_get_hit", store_get_hit)->Arg(size);
    benchmark::RegisterBenchmark("get_hit", get_hit)->Arg(size)->Threads(1)->Threads(2)->UseRealTime();
    benchmark::RegisterBenchmark("unordered_map_get_hit", unordered_map_get_hit)->Arg(size);
    benchmark::RegisterBenchmark("get_miss", get_miss)->Arg(size);
    benchmark::RegisterBenchmark("put_overwrite", put_overwrite)->Arg(size)->Threads(1)->Threads(2)->UseRealTime();
    benchmark::RegisterBenchmark("put_new", put_new)->Arg(size);
    benchmark::RegisterBenchmark("mixed", mixed)->Arg(size)->Threads(1)->Threads(2)->UseRealTime();
  }
  return true;
}();

}  // namespace
}  // namespace troupe
