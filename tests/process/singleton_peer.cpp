// An application that may run a singleton, as a process of its own: says when an instance starts, what it gets, and
// when it ends, until it is killed. Usage: singleton_peer NAME DATA_DIR SEED
#include <cstdio>
#include <string>

#include <unistd.h>

#include <troupe/caf_actors.hpp>
#include <troupe/node.hpp>

#include <caf/event_based_actor.hpp>

namespace {

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  troupe::config c;
  c.node.name = argv[1];
  c.node.services = {"cache"};
  c.node.data_dir = argv[2];
  c.cluster.bind = "127.0.0.1:0";
  c.cluster.expected_members = 3;
  c.cluster.seeds = {argv[3]};
  c.gossip.profile = "fast";
  c.log.level = "warn";
  troupe::node_options brings;
  brings.actors.emplace();
  auto node = troupe::node::start(c, std::move(brings));
  if (!node) {
    std::fprintf(stderr, "%s\n", describe(node.error()).c_str());
    return 1;
  }
  const auto make = [name = c.node.name](const troupe::singleton_start& s) {
    say("started");
    auto made = s.system.spawn([name](caf::event_based_actor*) -> caf::behavior {
      return {[name](const std::string& text) {
        say("got " + text);
        return name;
      }};
    });
    made->attach_functor([] { say("ended"); });
    return made;
  };
  if (!node->actors().singleton("one", make, {.ttl = std::chrono::seconds(2)})) return 1;
  say("ready");
  while (::pause() != 0) {
  }
}
