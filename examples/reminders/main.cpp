// Auctions that close by themselves: each sets a reminder when it opens, which outlives the node that it was set at. A
// watchman is remembered: he is woken again wherever his shard goes, without a message.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/scoped_actor.hpp>

using namespace std::chrono_literals;

std::atomic<int> closed{0};
std::atomic<int> on_duty{0};

// "open" is answered when the reminder is kept in the cache, and its copy.
caf::behavior auction(troupe::grain* self, const std::string& node) {
  return {[self](const std::string& what) -> caf::result<std::string> {
            auto answer = self->make_response_promise<std::string>();
            self->remind("close", 3s, {}, what, [answer](const troupe::expected<void>& kept) mutable {
              if (kept)
                answer.deliver(std::string("open"));
              else
                answer.deliver(troupe::to_caf(kept.error()));
            });
            return answer;
          },
          [self, node](const troupe::reminder_fired& r) {
            if (r.name != "close") return;
            std::printf("auction %s of %s closed at %s\n", self->grain_id().c_str(), r.payload.c_str(), node.c_str());
            ++closed;
          }};
}

caf::behavior watchman(troupe::grain* self, const std::string& node) {
  std::printf("watchman %s is at %s\n", self->grain_id().c_str(), node.c_str());
  ++on_duty;
  return {[](const std::string& text) { return text; }};
}

int main() {
  troupe::local_cluster_options options{.nodes = 3, .services = {"cache"}};
  options.adjust = [](troupe::config& c, std::size_t) { c.cache.replicas = 1; };
  options.equip = [](troupe::node_options& brings, std::size_t i) {
    const auto node = "n" + std::to_string(i + 1);
    brings.actors.emplace().prepare = [node](troupe::cluster_actors& cluster) {
      auto& grains = cluster.grains();
      (void)grains.add("auction", [node](troupe::grain* self) { return auction(self, node); },
                       {.reminder_cache = "default"});
      (void)grains.add("watchman", [node](troupe::grain* self) { return watchman(self, node); },
                       {.idle_after = {}, .reminder_cache = "default", .remembered = true});
    };
  };
  auto nodes = troupe::local_cluster::start(std::move(options));
  if (!nodes) return 1;

  const auto ask = [&](const char* type, const std::string& id, const std::string& text) {
    auto& cluster = nodes->at(0).actors();
    caf::scoped_actor me(cluster.system());
    me->request(*cluster.grains().ref(type, id), 5s, text)
        .receive([&](const std::string& answer) { std::printf("%s %s: %s\n", type, id.c_str(), answer.c_str()); },
                 [](const caf::error& e) { std::printf("no: %s\n", describe(troupe::from_caf(e)).c_str()); });
  };
  // Grains whose shard is at n3, which is killed; {id} is one shard's tag for both.
  std::string id;
  for (int i = 0; id.empty(); ++i) {
    const auto place = nodes->at(0).actors().grains().place_of("auction", std::to_string(i));
    if (place && *place == "n3") id = std::to_string(i);
  }
  ask("auction", id, "a chair");
  ask("watchman", id, "hello");
  nodes->kill(2);
  std::printf("n3 was killed\n");
  const bool all = nodes->wait_until([](troupe::local_cluster&) { return closed > 0 && on_duty > 1; }, 8s);
  std::printf(all ? "all is done without n3\n" : "something is missing\n");
  return all ? 0 : 1;
}
