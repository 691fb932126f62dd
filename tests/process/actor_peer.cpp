// An application with actors, as a process of its own: shows an echo, registers it, takes spawns, answers topic "ping"
// on topic "pong", and receives the delivery "mail", until it is killed. Usage: actor_peer NAME DATA_DIR SEED
#include <string>

#include <unistd.h>

#include <troupe/caf_actors.hpp>

#include <caf/event_based_actor.hpp>

#include "tests/process/peer_node.hpp"

namespace {

caf::behavior echo(caf::event_based_actor* me) {
  auto held = std::make_shared<std::vector<caf::response_promise>>();
  return {[me, held](const std::string& text) -> caf::result<std::string> {
    if (text != "hold") return text;
    held->push_back(me->make_response_promise());
    return caf::delegated<std::string>();
  }};
}

}  // namespace

int main(int argc, char** argv) {
  troupe::node_options brings;
  brings.actors.emplace().configure = [](caf::actor_system_config& types) {
    types.add_actor_type("pid", [](caf::event_based_actor*) -> caf::behavior {
      return {[](const std::string&) { return std::to_string(::getpid()); }};
    });
  };
  auto node = troupe::test::start_peer_node(argc, argv, 2, std::move(brings));
  auto& cluster = node.actors();
  const auto shown = cluster.system().spawn(echo);
  if (!cluster.publish("echo", shown) || !cluster.registry().add("echo", shown)) return 1;
  const auto pong = cluster.system().spawn([&cluster](caf::event_based_actor*) -> caf::behavior {
    return {[&cluster](const std::string& text) {
      (void)cluster.topics().publish("pong", caf::make_message(text), {.retain = true});
    }};
  });
  const auto mail =
      cluster.system().spawn([](caf::event_based_actor*) -> caf::behavior { return {[](const std::string&) {}}; });
  if (!cluster.topics().subscribe(pong, "ping") || !cluster.delivery().receiver("mail", mail)) return 1;
  troupe::test::wait_for_the_end();
}
