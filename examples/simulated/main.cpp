// Accounts as grains on simulated nodes: an account that answers before it saves is found out, and by which faults;
// one that saves first lives through the same seeds.
#include <cstdio>
#include <memory>
#include <string>

#include <troupe/simulation.hpp>

using namespace std::chrono_literals;

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

// Answers at once, and saves when it goes to rest.
caf::behavior hasty_account(troupe::grain* self) {
  const auto balance = std::make_shared<std::int32_t>(self->state() ? std::stoi(*self->state()) : 0);
  self->on_rest([self, balance] { self->save(std::to_string(*balance)); });
  return {[balance](std::int32_t amount) { return *balance += amount; }};
}

// What the customer knows: deposits that were answered are never gone.
struct passbook {
  std::int32_t deposited = 0;  // answered
  std::string fault;
};

void visit(troupe::simulation& sim) {
  const auto book = std::make_shared<passbook>();
  sim.every(200ms, [&sim, book] {
    const auto at = sim.draw(sim.size());
    if (!sim.running(at)) return;
    const auto alice = sim.at(at).grains().ref("account", "alice");
    const auto before = book->deposited;
    sim.ask(at, *alice, caf::make_message(std::int32_t{10}), 2s, [&sim, book, before](auto answer) {
      if (!answer) return;  // perhaps done
      const auto balance = answer->template get_as<std::int32_t>(0);
      sim.note("alice has " + std::to_string(balance));
      book->deposited += 10;
      if (balance < before + 10) book->fault = std::to_string(before) + " were there, now " + std::to_string(balance);
    });
  });
  sim.check("no deposit is lost", [book] { return book->fault; });
}

troupe::exploration explore(troupe::grain::function f, std::uint64_t seeds) {
  troupe::simulation_options options{.runs_for = 15s, .heals_for = 5s};
  options.adjust = [](troupe::config& c, std::size_t) { c.cache.replicas = 2; };
  options.equip = [f](troupe::node_options& brings, std::size_t) {
    brings.actors.emplace().prepare = [f](troupe::cluster_actors& cluster) {
      (void)cluster.grains().add("account", f, {.state_cache = "default"});
    };
  };
  return troupe::explore(std::move(options), 1, seeds, visit);
}

int main() {
  const auto hasty = explore(hasty_account, 20);
  if (!hasty.failure) return 1;
  std::printf("%s\n", hasty.failure->text(30).c_str());
  const auto sound = explore(account, 3);
  if (sound.refused || sound.failure) return 1;
  std::printf("%d seeds, and nothing is lost\n", static_cast<int>(sound.seeds));
}
