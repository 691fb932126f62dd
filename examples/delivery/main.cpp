// Messages that arrive: across a restart of the receiver's node, with an answer when each was handled.
#include <cstdio>

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

// An actor that orders are delivered to, and its endpoint.
bool open_warehouse(troupe::cluster_actors& at, const char* name) {
  const auto warehouse = at.system().spawn([name](caf::event_based_actor*) -> caf::behavior {
    return {[name](const std::string& order) { std::printf("%s got %s\n", name, order.c_str()); }};
  });
  return at.delivery().receiver("orders", warehouse).has_value();
}

int main() {
  troupe::local_cluster_options options{.nodes = 3, .services = {"cache"}};
  options.equip = [](troupe::node_options& brings, std::size_t) { brings.actors.emplace(); };
  auto cluster = troupe::local_cluster::start(std::move(options));
  if (!cluster) return 1;
  auto& shop = cluster->at(0).actors();
  const auto orders = shop.delivery().sender("orders");
  if (!orders || !open_warehouse(cluster->at(2).actors(), "the warehouse")) return 1;

  caf::scoped_actor me(shop.system());
  const auto wait_for = [&](const char* order, auto response) {
    response.receive([&](caf::ok_atom) { std::printf("%s handled: yes\n", order); },
                     [&](const caf::error& e) { std::printf("%s\n", describe(troupe::from_caf(e)).c_str()); });
  };
  wait_for("order 1", me->request(*orders, caf::infinite, std::string("order 1")));

  cluster->kill(2);
  auto second = me->request(*orders, caf::infinite, std::string("order 2"));  // waits for a receiver
  if (!cluster->restart(2) || !open_warehouse(cluster->at(2).actors(), "the new warehouse")) return 1;
  wait_for("order 2", std::move(second));

  const auto full = shop.delivery().sender("nobody", {.waiting_max = 1});
  if (!full) return 1;
  me->send(*full, std::string("order 3"));
  me->request(*full, std::chrono::seconds(5), std::string("order 4"))
      .receive([](caf::ok_atom) {},
               [](const caf::error& e) { std::printf("refused: %s\n", describe(troupe::from_caf(e)).c_str()); });
}
