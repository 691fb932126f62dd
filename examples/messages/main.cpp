// Protobuf types as actor messages: one line registers them, then they travel between nodes as any other.
#include <cstdio>

#include <troupe/caf_actors.hpp>
#include <troupe/caf_protobuf.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include "greeting.pb.h"

caf::behavior greeter(caf::event_based_actor*) {
  return {[](const greeting::Greet& g) {
    greeting::Greeted answer;
    answer.set_words("hello " + g.whom());
    return answer;
  }};
}

int main() {
  troupe::local_cluster_options options{.nodes = 2, .services = {"cache"}};
  options.equip = [](troupe::node_options& brings, std::size_t index) {
    brings.actors.emplace().configure = [index](caf::actor_system_config& c) {
      troupe::add_protobuf<greeting::Greet, greeting::Greeted>(c);
      if (index == 0) troupe::add_protobuf<greeting::Wave>(c);  // the second node is older and does not know it
    };
  };
  auto cluster = troupe::local_cluster::start(std::move(options));
  if (!cluster) return 1;
  auto& here = cluster->at(0).actors();
  auto& there = cluster->at(1).actors();
  if (!there.publish("greeter", there.system().spawn(greeter))) return 1;

  const auto far = here.find("n2", "greeter");
  if (!far) return 1;
  greeting::Greet question;
  question.set_whom("world");
  caf::scoped_actor me(here.system());
  const auto ask = [&](const auto& message) {
    me->request(*far, std::chrono::seconds(5), message)
        .receive([](const greeting::Greeted& g) { std::printf("%s\n", g.words().c_str()); },
                 [](const caf::error& e) { std::printf("no: %s\n", describe(troupe::from_caf(e)).c_str()); });
  };
  ask(question);
  ask(greeting::Wave());
}
