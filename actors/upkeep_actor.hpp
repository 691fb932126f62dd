// The clock of the cache: lets the shard stores drop what has expired, a slice at a time.
//
//   in           out
//   timer_atom   shard_host::sweep; timer_atom to itself after sweep_interval
#pragma once

#include <caf/event_based_actor.hpp>

#include "actors/atoms.hpp"
#include "actors/cache/shard_host.hpp"

namespace troupe {

class upkeep_actor : public caf::event_based_actor {
 public:
  static constexpr duration sweep_interval = std::chrono::milliseconds(100);

  /// `shards` outlives the actor.
  upkeep_actor(caf::actor_config& cfg, shard_host& shards) : caf::event_based_actor(cfg), shards_(shards) {}

  caf::behavior make_behavior() override {
    delayed_send(this, sweep_interval, timer_atom::value);
    return {[this](timer_atom) {
      shards_.sweep(std::chrono::steady_clock::now());
      delayed_send(this, sweep_interval, timer_atom::value);
    }};
  }

  const char* name() const override { return "upkeep"; }

 private:
  shard_host& shards_;
};

}  // namespace troupe
