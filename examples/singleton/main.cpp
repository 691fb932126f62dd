// One counter in the whole cluster: reached from every node, taken over with its state when its node leaves.
#include <cstdio>

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

caf::behavior counter(caf::event_based_actor*, std::string node, int start) {
  auto count = std::make_shared<int>(start);
  return {[=](int more) { return std::to_string(*count += more) + " at " + node; },
          [=](troupe::hand_over_atom) { return std::to_string(*count); }};
}

std::string add(troupe::cluster_actors& from, const caf::actor& counter, int more) {
  std::string answer;
  caf::scoped_actor me(from.system());
  me->request(counter, std::chrono::seconds(5), more)
      .receive([&](const std::string& count) { answer = count; },
               [&](const caf::error& e) { answer = describe(troupe::from_caf(e)); });
  return answer;
}

int main() {
  troupe::local_cluster_options options{.nodes = 3, .services = {"cache"}};
  options.equip = [](troupe::node_options& brings, std::size_t) { brings.actors.emplace(); };
  auto cluster = troupe::local_cluster::start(std::move(options));
  if (!cluster) return 1;

  for (std::size_t i = 0; i < 3; ++i) {
    const auto node = cluster->at(i).view()->node;
    const auto made = cluster->at(i).actors().singleton("counter", [node](const troupe::singleton_start& s) {
      std::printf("starts at %s with %s\n", node.c_str(), s.state ? s.state->c_str() : "nothing");
      return s.system.spawn(counter, node, s.state ? std::stoi(*s.state) : 0);
    });
    if (!made) return 1;
  }
  std::size_t runs = 0;
  for (std::size_t i = 0; i < 3; ++i) {  // the same counter, whoever is asked
    auto& actors = cluster->at(i).actors();
    const auto answer = add(actors, *actors.singleton("counter"), 1);
    std::printf("%s\n", answer.c_str());
    runs = static_cast<std::size_t>(answer.back() - '1');
  }
  if (!cluster->leave(runs)) return 1;
  auto& other = cluster->at(runs == 0 ? 1 : 0).actors();
  std::printf("then: %s\n", add(other, *other.singleton("counter"), 1).c_str());
}
