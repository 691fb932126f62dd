// Topics: subscribers at any node, groups that share messages, and the last value for who comes later.
#include <atomic>
#include <cstdio>

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/event_based_actor.hpp>

int main() {
  troupe::local_cluster_options options{.nodes = 3, .services = {"cache"}};
  options.equip = [](troupe::node_options& brings, std::size_t) { brings.actors.emplace(); };
  auto cluster = troupe::local_cluster::start(std::move(options));
  if (!cluster) return 1;
  const auto topics = [&](std::size_t node) -> troupe::topics& { return cluster->at(node).actors().topics(); };
  const auto known = [&](const char* topic, std::size_t count) {
    return cluster->wait_until([&](auto&) { return topics(0).subscribers(topic) == count; });
  };

  // Everybody gets everything; who comes later gets the last value first.
  static std::atomic<int> shown{0};
  const auto show = [&](std::size_t node, const char* who) {
    return topics(node).subscribe(cluster->at(node).actors().system().spawn([who](caf::event_based_actor*) {
      return caf::behavior{[who](std::int32_t price) {
        std::printf("%s price %d\n", who, price);
        ++shown;
      }};
    }),
                                  "price");
  };
  if (!show(2, "n3 gets") || !known("price", 1)) return 1;
  for (const std::int32_t price : {1, 2, 3})
    (void)topics(0).publish("price", caf::make_message(price), {.retain = true});
  if (!cluster->wait_until([&](auto&) { return shown == 3; })) return 1;
  if (!show(2, "screen:") || !cluster->wait_until([&](auto&) { return shown == 4; })) return 1;

  // Of a group one does each.
  static std::atomic<int> done{0};
  for (const std::size_t node : {1, 2}) {
    const auto worker = cluster->at(node).actors().system().spawn([](caf::event_based_actor*) {
      return caf::behavior{[](std::int32_t job) {
        std::printf("one of two did job %d\n", job);
        ++done;
      }};
    });
    if (!topics(node).subscribe(worker, "jobs", {.group = "workers"})) return 1;
  }
  if (!known("jobs", 2)) return 1;
  for (const std::int32_t job : {1, 2}) (void)topics(0).publish("jobs", caf::make_message(job));
  if (!cluster->wait_until([&](auto&) { return done == 2; })) return 1;
  std::printf("%d jobs, each once\n", done.load());
}
