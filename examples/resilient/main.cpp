// Without a node: a shop whose stock fails in each way, and a supervisor that gives up.
#include <cstdio>
#include <thread>

#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <troupe/caf.hpp>
#include <troupe/caf_resilience.hpp>
#include <troupe/caf_supervision.hpp>

using namespace std::chrono_literals;
using troupe::restart_strategy;
using crash_atom = caf::atom_constant<caf::atom("crash")>;

// A letter of the script for each request: b is busy, s stays silent; then it sells. Says how often it was asked.
caf::behavior stock(const std::string& script) {
  return {[script, asked = 0U](int) mutable -> caf::result<int> {
    const char now = asked++ < script.size() ? script[asked - 1] : ' ';
    if (now == 'b') return troupe::to_caf({troupe::errc::unavailable, "busy"});
    if (now == 's') return caf::delegated<int>();
    return static_cast<int>(asked);
  }};
}

caf::behavior shop(caf::event_based_actor* self, const caf::actor& from, const troupe::dependency_options& o) {
  const auto stock = std::make_shared<troupe::dependency>(self, "stock", o);
  return {[self, from, stock](int pieces) {
    auto answer = self->make_response_promise<int>();
    const auto failed = [answer](const troupe::error& e) mutable { answer.deliver(troupe::to_caf(e)); };
    stock->request(
        from, 1s, [answer](int asked) mutable { answer.deliver(asked); }, failed, pieces);
    return answer;
  }};
}

// So many customers at once.
void buy(const caf::scoped_actor& self, const char* what, const caf::actor& at, int customers = 1) {
  std::vector<decltype(self->request(at, 5s, 1))> waiting;
  for (int i = 0; i < customers; ++i) waiting.push_back(self->request(at, 5s, 1));
  for (auto& w : waiting)
    w.receive([&](int asked) { std::printf("%s: sold, asked %d times\n", what, asked); },
              [&](const caf::error& e) { std::printf("%s: %s\n", what, describe(troupe::from_caf(e)).c_str()); });
}

void show_dependency(const caf::scoped_actor& self) {
  const auto shop_at = [&](const char* script, const troupe::dependency_options& o) {
    return self->spawn(shop, self->spawn(stock, script), o);
  };
  buy(self, "busy", shop_at("bb", {}));   // surely not done: asked again, later and later
  buy(self, "silent", shop_at("s", {}));  // perhaps done: the deadline ends it
  const troupe::dependency_options repeatable{{.idempotent = true, .attempt_max = 100ms}, {}, {1, 1}};
  buy(self, "lost", shop_at("s", repeatable));      // twice does no harm: asked again, as no answer comes
  buy(self, "crowd", shop_at("s", repeatable), 3);  // one is served, one waits, one is refused
  const auto down = shop_at("bb", {{.attempts_max = 1}, {.failures_to_open = 2, .open_first = 200ms}, {}});
  for (int i = 0; i < 3; ++i) buy(self, "down", down);  // the third does not get to the stock
  std::this_thread::sleep_for(250ms);
  buy(self, "back", down);
}

// A worker that says who it is when it starts: a restart is another actor.
troupe::supervised_child worker(const std::string& name, const caf::actor& boss) {
  const auto work = [name, boss](caf::event_based_actor* self) -> caf::behavior {
    self->send(boss, name, caf::actor(self));
    return {[](crash_atom) { throw std::runtime_error("a bug"); }};
  };
  return {name, [work](caf::actor_system& system) { return system.spawn(work); }};
}

caf::actor filter_of_next(const caf::scoped_actor& self, int starts) {
  caf::actor filter;
  const auto note = [&](const std::string& name, const caf::actor& a) {
    std::printf("%s starts\n", name.c_str());
    if (name == "filter") filter = a;
  };
  for (int i = 0; i < starts; ++i) self->receive(note);
  return filter;
}

int main() {
  caf::actor_system_config config;
  caf::actor_system system(config);
  const caf::scoped_actor self(system);
  show_dependency(self);
  const auto boss = caf::actor_cast<caf::actor>(self);
  const auto report = [](const troupe::supervision_report& r) {
    std::printf("%s %s\n", r.child.c_str(),
                r.what == troupe::supervision_report::kind::gave_up ? "failed once too often" : "failed");
  };
  const auto line = [report, boss](caf::actor_system& here) {
    std::vector parts{worker("source", boss), worker("filter", boss), worker("sink", boss)};
    return supervise(here, {.strategy = restart_strategy::rest_for_one, .restarts_max = 1}, parts, report).value();
  };
  std::vector parts{worker("ledger", boss), troupe::supervised_child{"line", line}};
  const auto all = supervise(system, {.strategy = restart_strategy::all_for_one}, parts, report).value();
  caf::anon_send(filter_of_next(self, 4), crash_atom::value);  // it and the sink start again, the source stays
  caf::anon_send(filter_of_next(self, 2), crash_atom::value);  // beyond the budget: the line fails, and all starts anew
  filter_of_next(self, 4);
  troupe::stop_supervised(all);
}
