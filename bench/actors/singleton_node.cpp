// A node that may run a singleton, and asks it again and again: prints "TOKEN NODE NANOSECONDS" (of the monotonic
// clock) at the first answer of each instance, and "leader NAME" when that changes. Driven by singleton.py. Usage:
// singleton_node NAME DATA_DIR ADDRESS SEEDS MEMBERS PROFILE TTL_MS
#include <cstdio>
#include <memory>
#include <string>

#include <unistd.h>

#include <troupe/caf_actors.hpp>
#include <troupe/node.hpp>

#include <caf/event_based_actor.hpp>

namespace {

using ask_atom = caf::atom_constant<caf::atom("ask")>;
constexpr auto pace = std::chrono::milliseconds(2);
constexpr auto patience = std::chrono::seconds(20);

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

caf::behavior asking(caf::event_based_actor* me, const caf::actor& one) {
  me->send(me, ask_atom::value);
  auto last = std::make_shared<std::string>();
  return {[me, one, last](ask_atom) {
    const auto next = [me] { me->delayed_send(me, pace, ask_atom::value); };
    me->request(one, patience, ask_atom::value)
        .then(
            [last, next](const std::string& who) {
              if (*last != who)
                say(who + " " + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
              *last = who;
              next();
            },
            [next](const caf::error&) { next(); });
  }};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) return 64;
  troupe::config c;
  c.node.name = argv[1];
  c.node.services = {"cache"};
  c.node.data_dir = argv[2];
  c.cluster.bind = argv[3];
  const std::string seeds = argv[4];
  for (std::size_t at = 0; at < seeds.size();) {
    const auto end = std::min(seeds.find(',', at), seeds.size());
    c.cluster.seeds.push_back(seeds.substr(at, end - at));
    at = end + 1;
  }
  c.cluster.expected_members = static_cast<std::uint32_t>(std::stoul(argv[5]));
  c.gossip.profile = argv[6];
  c.log.level = "warn";
  troupe::node_options brings;
  brings.actors.emplace();
  auto node = troupe::node::start(c, std::move(brings));
  if (!node) {
    std::fprintf(stderr, "%s\n", describe(node.error()).c_str());
    return 1;
  }
  node->on_event([](const troupe::event& e) {
    if (e.kind == "leader_elected") say("leader " + e.fields.front().second);
  });
  auto& cluster = node->actors();
  const auto make = [name = c.node.name](const troupe::singleton_start& s) {
    const auto who = std::to_string(s.token) + " " + name;
    return s.system.spawn(
        [who](caf::event_based_actor*) -> caf::behavior { return {[who](ask_atom) { return who; }}; });
  };
  const auto one = cluster.singleton("one", make, {.ttl = std::chrono::milliseconds(std::stoul(argv[7]))});
  if (!one) return 1;
  const auto asker = cluster.system().spawn(asking, *one);
  if (const auto view = node->view(); view->leader_now) say("leader " + view->leader_now->name);
  while (::pause() != 0) {
  }
}
