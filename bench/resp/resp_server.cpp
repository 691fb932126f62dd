// The RESP door over an in-memory map, for redis-benchmark: what the door itself costs, without the
// cache behind it. Prints its address and serves until standard input ends.
//
//   resp_server [threads] [bind]
#include <cstdio>
#include <cstdlib>

#include "gateways/resp/resp_door.hpp"
#include "tests/resp/map_cache.hpp"

int main(int argc, char** argv) {
  troupe::config settings;
  settings.resp.bind = argc > 2 ? argv[2] : "127.0.0.1:0";
  troupe::io_pool io(argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 0);
  troupe::metrics numbers;
  troupe::event_hub events;
  troupe::cluster_board board;
  troupe::resp::map_cache cache;
  const auto log = troupe::event_log::none();
  troupe::resp_door door(troupe::door_context{settings, io, *log, numbers, events, board, cache, [] {}});
  io.start();
  if (const auto opened = door.open(); !opened) {
    std::fprintf(stderr, "%s\n", troupe::describe(opened.error()).c_str());
    return 69;
  }
  std::printf("%s\n", door.address().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  door.close();
  io.stop();
}
