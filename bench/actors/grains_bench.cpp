// Grains beside plain remote actors, on two nodes in one process over the real link: the way of a message, the cost of
// waking one, and what a million of them at rest take.
//
//   grains_bench [--rounds N] [--requests N] [--cold N] [--idle N]
//
// Plain actor and grain take turns in each round; the ratio is the median of the rounds' ratios.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

namespace {

using clock_type = std::chrono::steady_clock;

std::atomic<std::uint64_t> woken{0}, rested{0};

struct options {
  std::size_t rounds = 9, requests = 5000, cold = 100'000, idle = 1'000'000;
};

options read(int argc, char** argv) {
  options o;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    const auto n = std::strtoull(argv[i + 1], nullptr, 10);
    if (key == "--rounds") o.rounds = n;
    if (key == "--requests") o.requests = n;
    if (key == "--cold") o.cold = n;
    if (key == "--idle") o.idle = n;
  }
  return o;
}

caf::behavior echo(caf::event_based_actor*) {
  return {[](std::string& text) { return std::move(text); }};
}
caf::behavior echo_grain(troupe::grain*) {
  return {[](std::string& text) { return std::move(text); }};
}
caf::behavior cold_grain(troupe::grain*) {
  return {[](const std::string&) { ++woken; }};
}
// Saves 64 bytes and rests.
caf::behavior keeper(troupe::grain* self) {
  return {[self](const std::string&) {
    self->save(std::string(64, 's'), [self](const troupe::expected<void>& saved) {
      if (saved) ++rested;
      self->rest();
    });
  }};
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

double cpu_seconds() {
  rusage u{};
  ::getrusage(RUSAGE_SELF, &u);
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  double size = 0, resident = 0;
  file >> size >> resident;
  return resident * 4096 / (1024 * 1024);
}

/// Keeps `at_once` requests under way from one actor; seconds for all.
double run(caf::actor_system& system, const caf::actor& to, std::size_t requests, std::size_t at_once) {
  caf::scoped_actor me(system);
  const auto begin = clock_type::now();
  const auto asker = system.spawn([&, boss = caf::actor(me)](caf::event_based_actor* self) -> caf::behavior {
    struct progress {
      std::size_t sent = 0, done = 0;
    };
    const auto p = std::make_shared<progress>();
    const auto ask = std::make_shared<std::function<void()>>();
    *ask = [=, weak = std::weak_ptr(ask)] {
      if (p->sent == requests) return;
      ++p->sent;
      self->request(to, caf::infinite, std::string(100, 'x'))
          .then(
              [=, again = weak.lock()](const std::string&) {
                if (++p->done == requests) self->send(boss, true);
                (*again)();
              },
              [=](const caf::error&) {
                std::printf("a request failed\n");
                std::exit(1);
              });
    };
    for (std::size_t i = 0; i < at_once; ++i) (*ask)();
    return {[ask](int) {}};
  });
  me->receive([](bool) {});
  return std::chrono::duration<double>(clock_type::now() - begin).count();
}

/// Microseconds of one round trip from a thread, as a median.
double round_trip(caf::actor_system& system, const caf::actor& to, std::size_t requests) {
  caf::scoped_actor me(system);
  std::vector<double> all;
  for (std::size_t i = 0; i < requests; ++i) {
    const auto begin = clock_type::now();
    me->request(to, caf::infinite, std::string(100, 'x')).receive([](const std::string&) {}, [](const caf::error&) {});
    all.push_back(std::chrono::duration<double, std::micro>(clock_type::now() - begin).count());
  }
  return median(std::move(all));
}

void compare(troupe::local_cluster& nodes, const options& o) {
  auto& here = nodes.at(0).actors();
  auto& there = nodes.at(1).actors();
  if (!there.registry().add("echo", there.system().spawn(echo))) std::exit(1);
  if (!nodes.wait_until([&](auto&) { return here.registry().one("echo").has_value(); })) std::exit(1);
  const auto plain = *here.registry().one("echo");
  std::string id = "0";
  for (int i = 0; here.grains().place_of("echo", id) != "n2"; ++i) id = std::to_string(i);
  const auto named = *here.grains().ref("echo", id);
  (void)round_trip(here.system(), plain, o.requests / 4 + 1);
  (void)round_trip(here.system(), named, o.requests / 4 + 1);
  std::vector<double> trip, trip_grain, trip_ratio, rate, rate_grain, rate_ratio;
  for (std::size_t i = 0; i < o.rounds; ++i) {
    trip.push_back(round_trip(here.system(), plain, o.requests));
    trip_grain.push_back(round_trip(here.system(), named, o.requests));
    trip_ratio.push_back(trip_grain.back() / trip.back());
    const auto many = o.requests * 8;
    rate.push_back(run(here.system(), plain, many, 256) / static_cast<double>(many) * 1e6);
    rate_grain.push_back(run(here.system(), named, many, 256) / static_cast<double>(many) * 1e6);
    rate_ratio.push_back(rate_grain.back() / rate.back());
  }
  std::printf("round trip, 1 in flight: plain %.1f us, grain %.1f us, ratio %.2f\n", median(trip), median(trip_grain),
              median(trip_ratio));
  std::printf("256 in flight, each:     plain %.2f us, grain %.2f us, ratio %.2f\n", median(rate), median(rate_grain),
              median(rate_ratio));
}

/// Of waking and one message, from the sender on; `woken` counts them.
void wake(troupe::node& n, const std::string& type, std::size_t count, const char* what) {
  auto& cluster = n.actors();
  woken = 0;
  rested = 0;
  const auto cpu = cpu_seconds();
  const auto begin = clock_type::now();
  for (std::size_t i = 0; i < count; ++i) {
    const auto a = cluster.grains().ref(type, std::to_string(i));
    caf::anon_send(*a, std::string("wake"));
    // Asleep while it is far ahead: a spinning sender would be counted as theirs.
    while (woken + rested + 2000 < i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  while (woken + rested < count) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::printf("%s: %.2f us of CPU, %.2f us of time each\n", what,
              (cpu_seconds() - cpu) / static_cast<double>(count) * 1e6,
              std::chrono::duration<double>(clock_type::now() - begin).count() / static_cast<double>(count) * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  const auto o = read(argc, argv);
  troupe::local_cluster_options wanted;
  wanted.nodes = 2;
  wanted.services = {"cache"};
  wanted.adjust = [](troupe::config& c, std::size_t) { c.cache.memory_max = std::uint64_t{2} << 30; };
  wanted.equip = [](troupe::node_options& brings, std::size_t) {
    brings.actors.emplace().prepare = [](troupe::cluster_actors& cluster) {
      (void)cluster.grains().add("echo", echo_grain);
      (void)cluster.grains().add("cold", cold_grain, {.idle_after = std::chrono::seconds(1)});
      (void)cluster.grains().add("keeper", keeper, {.state_cache = "default"});
    };
  };
  {
    auto nodes = troupe::local_cluster::start(wanted);
    if (!nodes) return 1;
    compare(*nodes, o);
  }
  wanted.nodes = 1;
  auto one = troupe::local_cluster::start(wanted);
  if (!one) return 1;
  wake(one->at(0), "cold", o.cold, "waking one without state");
  std::this_thread::sleep_for(std::chrono::seconds(3));
  const auto before = resident_mib();
  wake(one->at(0), "keeper", o.idle, "waking one, saving 64 bytes, resting");
  std::this_thread::sleep_for(std::chrono::seconds(2));
  std::printf("%zu at rest with 64 bytes of state each: %.0f MiB more, %.0f MiB in all\n", o.idle,
              resident_mib() - before, resident_mib());
}
