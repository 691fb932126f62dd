#include <chrono>
#include <future>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include "bench/link/sides.hpp"

namespace troupe::bench {

namespace {

// Keeps `window` requests in flight until `left` were answered.
void ask_next(caf::event_based_actor* me, const caf::actor& echo, const std::string& payload,
              const std::shared_ptr<int>& unsent, const std::shared_ptr<int>& unanswered,
              const std::shared_ptr<std::promise<void>>& done) {
  if (*unsent == 0) return;
  --*unsent;
  me->request(echo, caf::infinite, payload).then([=](const std::string&) {
    if (--*unanswered == 0) {
      done->set_value();
      me->quit();
    } else {
      ask_next(me, echo, payload, unsent, unanswered, done);
    }
  });
}

}  // namespace

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

caf::actor spawn_echo(caf::actor_system& system) {
  return system.spawn([](caf::event_based_actor*) -> caf::behavior {
    auto seen = std::make_shared<std::uint64_t>(0);
    return {[](const std::string& text) { return text; }, [seen](std::uint32_t, const std::string&) { ++*seen; },
            [seen](std::uint64_t) { return std::exchange(*seen, 0); }};
  });
}

double actor_requests(caf::actor_system& system, const caf::actor& echo, int count, int window) {
  auto done = std::make_shared<std::promise<void>>();
  auto finished = done->get_future();
  return seconds_of([&] {
    system.spawn([=](caf::event_based_actor* me) {
      const auto unsent = std::make_shared<int>(count);
      const auto unanswered = std::make_shared<int>(count);
      const std::string payload(payload_size, 'x');
      for (int i = 0; i < window; ++i) ask_next(me, echo, payload, unsent, unanswered, done);
    });
    finished.wait();
  });
}

double actor_one_way(caf::actor_system& system, const caf::actor& echo, int count) {
  caf::scoped_actor me(system);
  std::uint64_t seen = 0;
  const std::string payload(payload_size, 'x');
  const auto seconds = seconds_of([&] {
    for (int i = 0; i < count; ++i) me->send(echo, std::uint32_t{0}, payload);
    me->request(echo, caf::infinite, std::uint64_t{0})
        .receive([&](std::uint64_t n) { seen = n; }, [](const caf::error&) {});
  });
  return seen == static_cast<std::uint64_t>(count) ? seconds : 0;
}

}  // namespace troupe::bench
