// Actors spawned by name at other nodes: an application registers its types, and says where one is wanted.
#include <cstdio>

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

caf::behavior adder(caf::event_based_actor*, std::int32_t start) {
  return {[start](std::int32_t n) { return start + n; }};
}

int main() {
  troupe::local_cluster_options options{.nodes = 3, .services = {"cache"}};
  options.adjust = [](troupe::config& c, std::size_t i) { c.node.tags["role"] = i == 0 ? "front" : "worker"; };
  options.equip = [](troupe::node_options& brings, std::size_t) {
    brings.actors.emplace().configure = [](caf::actor_system_config& c) { c.add_actor_type("adder", adder); };
  };
  auto nodes = troupe::local_cluster::start(std::move(options));
  if (!nodes) return 1;
  auto& cluster = nodes->at(0).actors();

  const auto worker =
      cluster.spawn("adder", caf::make_message(std::int32_t{40}), troupe::where::least_loaded().in_role("worker"));
  if (!worker) return 1;
  caf::scoped_actor me(cluster.system());
  me->request(*worker, std::chrono::seconds(5), std::int32_t{2})
      .receive([](std::int32_t sum) { std::printf("sum: %d\n", sum); }, [](const caf::error&) {});

  for (const auto& [member, actor] : cluster.spawn_all("adder", caf::make_message(std::int32_t{0})))
    std::printf("one on %s: %s\n", member.c_str(), actor ? "yes" : describe(actor.error()).c_str());

  const auto unknown = cluster.spawn("multiplier");
  std::printf("multiplier: %s\n", describe(unknown.error()).c_str());
}
