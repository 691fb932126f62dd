// What a node's actor system costs its local messages: the same actors in it and in a plain one of CAF with the same
// scheduler settings, in turn, in one process.
//
//   local_messages [--rounds N] [--messages N]
//
// The ratio is the median of the rounds' ratios of time; the node stands idle beside its actors.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

namespace {

using clock_type = std::chrono::steady_clock;

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

double seconds_since(clock_type::time_point begin) {
  return std::chrono::duration<double>(clock_type::now() - begin).count();
}

/// Two actors send each other a number until it is used up.
double ping_pong(caf::actor_system& system, int messages) {
  caf::scoped_actor me(system);
  const auto player = [boss = caf::actor(me)](caf::event_based_actor* self) -> caf::behavior {
    return {[self, boss](int left, const caf::actor& other) {
      if (left == 0)
        self->send(boss, true);
      else
        self->send(other, left - 1, caf::actor(self));
    }};
  };
  const auto a = system.spawn(player);
  const auto b = system.spawn(player);
  const auto begin = clock_type::now();
  me->send(a, messages, b);
  me->receive([](bool) {});
  return seconds_since(begin);
}

/// Requests of one actor to another, one in flight.
double requests(caf::actor_system& system, int messages) {
  caf::scoped_actor me(system);
  const auto echo = system.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int n) { return n; }}; });
  const auto asker = system.spawn([echo, boss = caf::actor(me)](caf::event_based_actor* self) -> caf::behavior {
    return {[self, echo, boss](int left) {
      if (left == 0) return self->send(boss, true);
      self->request(echo, caf::infinite, left).then([self](int n) { self->send(self, n - 1); });
    }};
  });
  const auto begin = clock_type::now();
  me->send(asker, messages);
  me->receive([](bool) {});
  return seconds_since(begin);
}

/// One sender, one receiver, no answers.
double one_way(caf::actor_system& system, int messages) {
  caf::scoped_actor me(system);
  const auto sink =
      system.spawn([seen = 0, messages, boss = caf::actor(me)](caf::event_based_actor* self) mutable -> caf::behavior {
        return {[self, seen, messages, boss](int) mutable {
          if (++seen == messages) self->send(boss, true);
        }};
      });
  const auto begin = clock_type::now();
  for (int i = 0; i < messages; ++i) me->send(sink, i);
  me->receive([](bool) {});
  return seconds_since(begin);
}

constexpr std::uint32_t threads = 2;

struct kind {
  const char* name;
  double (*run)(caf::actor_system&, int);
};
constexpr kind kinds[] = {{"ping-pong", ping_pong}, {"requests", requests}, {"one-way", one_way}};

}  // namespace

int main(int argc, char** argv) {
  int rounds = 9, messages = 300'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--rounds") rounds = std::atoi(argv[i + 1]);
    if (std::string(argv[i]) == "--messages") messages = std::atoi(argv[i + 1]);
  }
  troupe::local_cluster_options wanted;
  wanted.nodes = 1;
  wanted.services = {"cache"};
  wanted.equip = [](troupe::node_options& brings, std::size_t) { brings.actors.emplace().threads = threads; };
  auto cluster = troupe::local_cluster::start(wanted);
  if (!cluster) return 1;
  auto& ours = cluster->at(0).actors().system();
  caf::actor_system_config settings;
  settings.set("scheduler.policy", caf::atom("sharing"));
  settings.set("scheduler.max-threads", std::size_t{threads});
  caf::actor_system plain(settings);
  for (const auto& k : kinds) {
    (void)k.run(plain, messages / 10);
    (void)k.run(ours, messages / 10);
    std::vector<double> time, time_plain, ratio;
    for (int i = 0; i < rounds; ++i) {
      time_plain.push_back(k.run(plain, messages));
      time.push_back(k.run(ours, messages));
      ratio.push_back(time.back() / time_plain.back());
    }
    std::printf("%-10s plain CAF %.3f us, a node's system %.3f us each, ratio %.3f\n", k.name,
                median(time_plain) / messages * 1e6, median(time) / messages * 1e6, median(ratio));
  }
}
