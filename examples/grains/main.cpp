// Accounts as grains: each is one actor in the whole cluster, keeps its state in a cache, and moves with its shard.
#include <cstdio>
#include <string>

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/scoped_actor.hpp>

// Answers an amount with the balance after it, once that is saved.
caf::behavior account(troupe::grain* self) {
  return {[self](std::int32_t amount) {
    const auto balance = (self->state() ? std::stoi(*self->state()) : 0) + amount;
    auto answer = self->make_response_promise<std::int32_t>();
    self->save(std::to_string(balance), [answer, balance](const troupe::expected<void>& saved) mutable {
      if (saved)
        answer.deliver(balance);
      else
        answer.deliver(troupe::to_caf(saved.error()));
    });
    return answer;
  }};
}

int main() {
  troupe::local_cluster_options options{.nodes = 3, .services = {"cache"}};
  options.equip = [](troupe::node_options& brings, std::size_t) {
    brings.actors.emplace().prepare = [](troupe::cluster_actors& cluster) {
      (void)cluster.grains().add("account", account, {.state_cache = "default"});
    };
  };
  auto nodes = troupe::local_cluster::start(std::move(options));
  if (!nodes) return 1;

  const auto deposit = [&](std::size_t at, const std::string& id, std::int32_t amount) {
    auto& cluster = nodes->at(at).actors();
    const auto its = cluster.grains().ref("account", id);
    caf::scoped_actor me(cluster.system());
    me->request(*its, std::chrono::seconds(5), amount)
        .receive([&](std::int32_t balance) { std::printf("%s has %d\n", id.c_str(), balance); },
                 [](const caf::error& e) { std::printf("no: %s\n", describe(troupe::from_caf(e)).c_str()); });
  };
  deposit(0, "alice", 10);
  deposit(1, "alice", 5);
  deposit(2, "bob", 1);

  const auto place = nodes->at(0).actors().grains().place_of("account", "alice").value_or("n1");
  const std::size_t left = static_cast<std::size_t>(place.back() - '1');
  if (!nodes->leave(left)) return 1;
  std::printf("%s left\n", place.c_str());
  deposit((left + 1) % 3, "alice", 100);
}
