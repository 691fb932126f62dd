// Opens the HTTP door over a cache in memory and serves until standard input ends: what wrk drives next
// to nginx (bench/http/compare.sh). Arguments: address to bind, I/O threads.
#include <cstdio>
#include <cstdlib>

#include "gateways/http/door.hpp"
#include "tests/http/fake_cache.hpp"

int main(int argc, char** argv) {
  using namespace troupe;
  config settings;
  settings.http.bind = argc > 1 ? argv[1] : "127.0.0.1:0";
  io_pool io(argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 0);
  const auto log = event_log::none();
  metrics numbers;
  event_hub events;
  cluster_board board;
  fake_cache caches;
  const std::string value(64, 'x');
  cache_command put;
  put.op = cache_op::put;
  put.key = "key";
  put.value = value;
  if (!caches.try_now(put, {}, [](const cache_reply&) {})) return 1;
  http_door door({settings, io, *log, numbers, events, board, caches, {}});
  if (const auto opened = door.open(); !opened) {
    std::fprintf(stderr, "%s\n", describe(opened.error()).c_str());
    return 69;
  }
  io.start();
  std::printf("http://%s/v1/cache/default/key\n", door.address().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  io.stop();
  door.close();
  return 0;
}
