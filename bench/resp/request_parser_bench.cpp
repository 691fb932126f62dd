// Parsing and looking up commands as redis-benchmark sends them, in nanoseconds for each command.
#include <string>

#include <benchmark/benchmark.h>

#include "gateways/resp/byte_buffer.hpp"
#include "gateways/resp/command_table.hpp"
#include "gateways/resp/request_parser.hpp"

namespace troupe::resp {
namespace {

std::string batch_of(std::string_view one, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += one;
  return all;
}

void parse_batch(benchmark::State& state, const std::string& batch) {
  request_parser parser{parser_limits{}};
  byte_buffer buffer;
  std::int64_t commands = 0;
  for (auto _ : state) {
    buffer.append(batch);
    while (!buffer.empty() && parser.parse(buffer.data(), buffer.size()) == parse_result::command) {
      benchmark::DoNotOptimize(find_command(parser.words()[0]));
      buffer.consume(parser.size());
      ++commands;
    }
  }
  state.SetItemsProcessed(commands);
}

void parse_get(benchmark::State& state) {
  parse_batch(state, batch_of("*2\r\n$3\r\nGET\r\n$16\r\nkey:000000012345\r\n", static_cast<int>(state.range(0))));
}
BENCHMARK(parse_get)->Arg(1)->Arg(16);

void parse_set(benchmark::State& state) {
  const auto one = "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$64\r\n" + std::string(64, 'x') + "\r\n";
  parse_batch(state, batch_of(one, static_cast<int>(state.range(0))));
}
BENCHMARK(parse_set)->Arg(1)->Arg(16);

// A large value in reads of 16 KiB: the rate must not depend on its size.
void receive_large_value(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::string piece(16 * 1024, 'x');
  for (auto _ : state) {
    request_parser parser{parser_limits{}};
    byte_buffer buffer;
    buffer.append("*2\r\n$4\r\nECHO\r\n$" + std::to_string(size) + "\r\n");
    auto result = parse_result::incomplete;
    for (std::size_t sent = 0; sent < size + 2; sent += piece.size()) {
      buffer.append(piece);
      result = parser.parse(buffer.data(), buffer.size());
    }
    if (result != parse_result::command) state.SkipWithError("not parsed");
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(receive_large_value)->Arg(1 << 20)->Arg(64 << 20)->Unit(benchmark::kMillisecond);

void look_up(benchmark::State& state) {
  const auto all = all_commands();
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(find_command(all[i].name));
    i = i + 1 == all.size() ? 0 : i + 1;
  }
}
BENCHMARK(look_up);

}  // namespace
}  // namespace troupe::resp
