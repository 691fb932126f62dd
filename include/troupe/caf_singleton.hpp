// Singletons: one actor of a name in the whole cluster, or among the members of a role.
//
//   auto counter = cluster.singleton("counter", [](const troupe::singleton_start& s) {
//     return s.system.spawn(counting, s.state ? std::stoi(*s.state) : 0);
//   });
//   caf::anon_send(*counter, 1);                        // from any node
//
// Every node that may run it says so with the same name; one of them does. All get a handle that stays the same
// wherever it runs: messages wait in it, bounded, while nobody does. It runs where a role of the cluster is held
// (`singleton:counter` in node::view()->locks and `troupe locks`), so two are never served at a time; what it writes to
// should still refuse lower tokens (<troupe/fenced.hpp> says why).
//
// Before an instance is ended, because its node leaves, stops or loses the role, it is asked for its state: the atom
// `hand_over`, answered with a std::string, which the next instance begins with. When its node dies, the next one
// begins without. docs/ACTORS.md has the whole picture.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/atom.hpp>

#include <troupe/time.hpp>
#include <troupe/where.hpp>

namespace troupe {

/// Asks an instance for its state: it answers with a std::string of at most a mebibyte, or not at all.
using hand_over_atom = caf::atom_constant<caf::atom("hand_over")>;

/// What a new instance begins with.
struct singleton_start {
  caf::actor_system& system;
  std::uint64_t token = 0;             // of its hold: never lower than that of an instance before
  std::optional<std::string> state{};  // of the one before it, if that handed it over
};

/// Makes the instance, on a thread of the actor system: it must not block. An exception, or no actor, is logged like an
/// end of the instance, and it is called again.
using singleton_factory = std::function<caf::actor(const singleton_start&)>;

struct singleton_options {
  /// Who may run it, by role, tags or name; this node does from when it is such a member on.
  where at = where::any();
  /// 1 s to 10 min: another takes over so long after a node has died. A shorter one ends when a leader is replaced.
  duration ttl = std::chrono::seconds(2);
  std::size_t waiting_max = 10'000;              // messages in one handle, while nobody runs it
  duration wait_max = std::chrono::seconds(10);  // of one message; beyond either: errc::unavailable
};

}  // namespace troupe
