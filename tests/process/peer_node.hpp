// The node of a peer: an application with actors in a process of its own, `PROGRAM NAME DATA_DIR SEED`, that the tests
// start and kill.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <unistd.h>

#include <troupe/node.hpp>

namespace troupe::test {

inline void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

/// Ends the process when it cannot start.
inline node start_peer_node(int argc, char** argv, std::uint32_t expected_members, node_options brings) {
  if (argc != 4) std::exit(64);
  config c;
  c.node.name = argv[1];
  c.node.services = {"cache"};
  c.node.data_dir = argv[2];
  c.cluster.bind = "127.0.0.1:0";
  c.cluster.expected_members = expected_members;
  c.cluster.seeds = {argv[3]};
  c.gossip.profile = "fast";
  c.log.level = "warn";
  auto started = node::start(c, std::move(brings));
  if (started) return std::move(*started);
  std::fprintf(stderr, "%s\n", describe(started.error()).c_str());
  std::exit(1);
}

/// Says that it is ready, and waits to be killed.
[[noreturn]] inline void wait_for_the_end() {
  say("ready");
  for (;;) ::pause();
}

}  // namespace troupe::test
