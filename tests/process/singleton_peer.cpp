// An application that may run a singleton, as a process of its own: says when an instance starts, what it gets, and
// when it ends, until it is killed. Usage: singleton_peer NAME DATA_DIR SEED
#include <troupe/caf_actors.hpp>

#include <caf/event_based_actor.hpp>

#include "tests/process/peer_node.hpp"

int main(int argc, char** argv) {
  using troupe::test::say;
  troupe::node_options brings;
  brings.actors.emplace();
  auto node = troupe::test::start_peer_node(argc, argv, 3, std::move(brings));
  const auto make = [name = std::string(argv[1])](const troupe::singleton_start& s) {
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
  if (!node.actors().singleton("one", make, {.ttl = std::chrono::seconds(2)})) return 1;
  troupe::test::wait_for_the_end();
}
