// An application with actors, as a process of its own: shows an echo, registers it, takes spawns, answers topic "ping"
// on topic "pong", and receives the delivery "mail", until it is killed. Usage: actor_peer NAME DATA_DIR SEED
#include <cstdio>
#include <string>

#include <unistd.h>

#include <troupe/caf_actors.hpp>
#include <troupe/node.hpp>

#include <caf/event_based_actor.hpp>

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
  if (argc != 4) return 64;
  troupe::config c;
  c.node.name = argv[1];
  c.node.services = {"cache"};
  c.node.data_dir = argv[2];
  c.cluster.bind = "127.0.0.1:0";
  c.cluster.expected_members = 2;
  c.cluster.seeds = {argv[3]};
  c.gossip.profile = "fast";
  c.log.level = "warn";
  troupe::node_options brings;
  brings.actors.emplace().configure = [](caf::actor_system_config& types) {
    types.add_actor_type("pid", [](caf::event_based_actor*) -> caf::behavior {
      return {[](const std::string&) { return std::to_string(::getpid()); }};
    });
  };
  auto node = troupe::node::start(c, std::move(brings));
  if (!node) {
    std::fprintf(stderr, "%s\n", describe(node.error()).c_str());
    return 1;
  }
  auto& cluster = node->actors();
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
  std::printf("ready\n");
  std::fflush(stdout);
  while (::pause() != 0) {
  }
}
