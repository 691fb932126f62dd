// One handle, wherever the actor lives: asked, monitored, and told of the end of its node.
#include <cstdio>
#include <future>

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

caf::behavior doubler(caf::event_based_actor*) {
  return {[](std::int32_t n) { return 2 * n; }};
}

void ask(troupe::cluster_actors& from, const caf::actor& whom) {
  caf::scoped_actor me(from.system());
  me->request(whom, std::chrono::seconds(5), std::int32_t{21})
      .receive([](std::int32_t n) { std::printf("answer: %d\n", n); },
               [](const caf::error& e) { std::printf("error: %s\n", describe(troupe::from_caf(e)).c_str()); });
}

int main() {
  troupe::local_cluster_options options{.nodes = 3, .services = {"cache"}};
  options.equip = [](troupe::node_options& brings, std::size_t) { brings.actors.emplace(); };
  auto cluster = troupe::local_cluster::start(std::move(options));
  if (!cluster) return 1;
  auto& here = cluster->at(0).actors();
  auto& there = cluster->at(2).actors();

  const auto near = here.system().spawn(doubler);
  if (!there.publish("doubler", there.system().spawn(doubler))) return 1;
  const auto far = here.find("n3", "doubler");
  if (!far) return 1;
  ask(here, near);
  ask(here, *far);

  std::promise<std::string> down;
  const auto watcher = here.system().spawn([&](caf::event_based_actor* me) -> caf::behavior {
    me->set_down_handler(
        [&](caf::down_msg& m) { down.set_value(std::string(name_of(troupe::from_caf(m.reason).code))); });
    me->monitor(*far);
    return {[](int) {}};
  });
  cluster->kill(2);
  std::printf("down: %s\n", down.get_future().get().c_str());
  ask(here, *far);
}
