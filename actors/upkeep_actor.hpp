// The clock of the cache: lets the shard stores drop what has expired, a slice at a time, and lets
// parked commands try again, only while there are any.
//
//   in           out
//   timer_atom   shard_host::sweep; timer_atom to itself after sweep_interval, or idle_interval while nothing expires
//   wake_atom    (the router parked its first command) retry_atom to itself after retry_interval
//   retry_atom   cache_router::retry_parked; retry_atom to itself while something is parked
//   stream_atom  shard_host::tick_streams; stream_atom to itself while copies are awaited
#pragma once

#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include "actors/atoms.hpp"
#include "actors/cache/cache_router.hpp"
#include "actors/cache/shard_host.hpp"
#include "actors/clock.hpp"

namespace troupe {

class upkeep_actor : public caf::event_based_actor {
 public:
  static constexpr duration sweep_interval = std::chrono::milliseconds(100);
  /// While nothing has a time to live: each wake of an idle node costs.
  static constexpr duration idle_interval = std::chrono::seconds(5);

  /// `shards` and `router` outlive the actor. Without a router nothing is retried.
  explicit upkeep_actor(caf::actor_config& cfg, shard_host& shards, cache_router* router = nullptr)
      : caf::event_based_actor(cfg), shards_(shards), router_(router) {}

  caf::behavior make_behavior() override {
    delayed_send(this, sweep_interval, timer_atom::value);
    if (router_ != nullptr) {
      router_->on_first_parked([self = caf::actor_cast<caf::actor>(this)] { caf::anon_send(self, wake_atom::value); });
    }
    shards_.on_restless(
        [self = caf::actor_cast<caf::actor>(this)] { caf::anon_send(self, stream_atom::value, false); });
    return {[this](timer_atom) {
              const bool busy = shards_.sweep(clock_now()).may_expire;
              delayed_send(this, busy ? sweep_interval : idle_interval, timer_atom::value);
            },
            [this](wake_atom) { retry_later(); },
            [this](stream_atom, bool again) {
              if (!again && streaming_) return;
              streaming_ = shards_.tick_streams(clock_now());
              if (streaming_) delayed_send(this, shard_host::stream_tick, stream_atom::value, true);
            },
            [this](retry_atom) {
              retrying_ = false;
              if (router_->retry_parked(clock_now())) retry_later();
            }};
  }

  void on_exit() override {
    shards_.on_restless(nullptr);
    if (router_ != nullptr) router_->on_first_parked(nullptr);
  }

  const char* name() const override { return "upkeep"; }

 private:
  void retry_later() {
    if (std::exchange(retrying_, true)) return;
    delayed_send(this, parked_commands::retry_interval, retry_atom::value);
  }

  shard_host& shards_;
  cache_router* const router_;
  bool retrying_ = false;
  bool streaming_ = false;
};

}  // namespace troupe
