// What the encryption of gossip costs a packet: sealed, sealed and opened, dropped. Sizes are those of an
// idle cluster's probe (60 bytes) and of a full packet (1400).
#include <benchmark/benchmark.h>

#include "actors/net/packet_seal.hpp"

namespace troupe {
namespace {

key_ring ring_of(char fill) {
  ring_key k;
  k.bytes.fill(fill);
  return key_ring(k);
}

void seal(benchmark::State& state) {
  packet_seal a("bench", ring_of('k'));
  const std::string plain(static_cast<std::size_t>(state.range(0)), 'g');
  for (auto _ : state) benchmark::DoNotOptimize(a.seal(seal_purpose::gossip, "10.0.0.1:7070", plain));
}
BENCHMARK(seal)->Arg(60)->Arg(1400);

void seal_and_open(benchmark::State& state) {
  packet_seal a("bench", ring_of('k'));
  packet_seal b("bench", ring_of('k'));
  const std::string plain(static_cast<std::size_t>(state.range(0)), 'g');
  for (auto _ : state) {
    const auto opened = b.open(seal_purpose::gossip, "10.0.0.2:7070", a.seal(seal_purpose::gossip, {}, plain));
    if (!opened) state.SkipWithError("not opened");
  }
}
BENCHMARK(seal_and_open)->Arg(60)->Arg(1400);

void drop_forged(benchmark::State& state) {
  packet_seal a("bench", ring_of('k'));
  packet_seal b("bench", ring_of('k'));
  auto packet = a.seal(seal_purpose::gossip, {}, std::string(static_cast<std::size_t>(state.range(0)), 'g'));
  packet.back() = static_cast<char>(packet.back() ^ 1);
  for (auto _ : state) benchmark::DoNotOptimize(b.open(seal_purpose::gossip, "10.0.0.2:7070", packet));
}
BENCHMARK(drop_forged)->Arg(1400);

void drop_unknown_key(benchmark::State& state) {
  packet_seal stranger("bench", ring_of('s'));
  packet_seal b("bench", ring_of('k'));
  const auto packet = stranger.seal(seal_purpose::gossip, {}, std::string(1400, 'g'));
  for (auto _ : state) benchmark::DoNotOptimize(b.open(seal_purpose::gossip, "10.0.0.2:7070", packet));
}
BENCHMARK(drop_unknown_key);

}  // namespace
}  // namespace troupe
