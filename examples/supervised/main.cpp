// Without a node: an actor that crashes now and then, a supervisor that starts it again, and a client that gets all its
// answers because it asks the present one. And a mailbox that is full.
#include <cstdio>
#include <mutex>
#include <thread>

#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <troupe/caf.hpp>
#include <troupe/caf_mailbox.hpp>
#include <troupe/caf_supervision.hpp>

using namespace std::chrono_literals;

caf::actor spawn_stock(caf::actor_system& system) {
  const auto stock = [](caf::event_based_actor* self) -> caf::behavior {
    return {[self, sold = 0](int pieces) mutable -> caf::result<int> {
      if (++sold == 3) throw std::runtime_error("a bug");
      return pieces;
    }};
  };
  return system.spawn<troupe::bounded_actor>(troupe::mailbox_limit{100}, stock);
}

// It reads nothing; two messages fit.
caf::actor spawn_closed(caf::actor_system& system) {
  const auto closed = [](caf::event_based_actor* self) -> caf::behavior {
    self->set_default_handler(caf::skip);
    return {[](const std::string&) {}};
  };
  return system.spawn<troupe::bounded_actor>(troupe::mailbox_limit{2}, closed);
}

int main() {
  std::mutex mutex;    // before the system: the supervisor uses them until it ends
  caf::actor present;  // a restart is another actor
  caf::actor_system_config config;
  caf::actor_system system(config);
  troupe::supervised_child child{"stock", spawn_stock};
  child.on_handle = [&](const caf::actor& a) {
    const std::lock_guard lock(mutex);
    present = a;
  };
  const auto supervisor = troupe::supervise(system, {}, {child}, [](const troupe::supervision_report& r) {
    std::printf("%s failed, again in %lld ms\n", r.child.c_str(), static_cast<long long>(r.wait / 1ms));
  });
  if (!supervisor) return 1;

  int bought = 0;
  const caf::scoped_actor self(system);
  while (bought < 10) {
    const auto stock = [&] {
      const std::lock_guard lock(mutex);
      return present;
    }();
    if (!stock) {
      std::this_thread::sleep_for(5ms);
      continue;
    }
    self->request(stock, 1s, 2)
        .receive([&](int pieces) { bought += pieces; }, [](const caf::error&) { std::printf("asked again\n"); });
  }
  std::printf("bought %d\n", bought);
  troupe::stop_supervised(*supervisor);

  const auto closed = spawn_closed(system);
  for (int i = 0; i < 2; ++i) self->send(closed, 1);
  self->request(closed, 1s, 1)
      .receive([](int) {},
               [](const caf::error& e) { std::printf("closed: %s\n", describe(troupe::from_caf(e)).c_str()); });
  return 0;
}
