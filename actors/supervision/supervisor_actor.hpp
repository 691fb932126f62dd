// Starts a node's actors in order, restarts the one that fails, stops them in reverse order.
//
// One-for-one supervision (Erlang/OTP's word): a failed child is started again after a backoff of
// 50 ms to 10 s; a child that then lives for `stable_after` has its backoff reset. A child that ends with
// reason `none` or `user_shutdown` is done and stays away. It does NOT watch threads or sockets.
//
//   in                    out
//   start_atom            ok, when every child was spawned
//   stop_atom             ok, when every child is down (or was killed after child_stop_max)
//   down_msg              restart_atom to itself, after the backoff
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>

#include <troupe/time.hpp>

#include "actors/atoms.hpp"
#include "actors/event_hub.hpp"
#include "actors/log.hpp"
#include "runtime/base/backoff.hpp"

namespace troupe {

/// The present handle of a supervised actor, for threads that send to it: a restart replaces it.
class child_slot {
 public:
  void set(caf::actor a) {
    const std::lock_guard lock(mutex_);
    actor_ = std::move(a);
  }
  [[nodiscard]] caf::actor get() const {
    const std::lock_guard lock(mutex_);
    return actor_;
  }

 private:
  mutable std::mutex mutex_;
  caf::actor actor_;
};

struct child_spec {
  std::string name;
  std::function<caf::actor(caf::actor_system&)> spawn;
  std::shared_ptr<child_slot> slot;
};

class supervisor_actor : public caf::event_based_actor {
 public:
  static constexpr duration restart_first = std::chrono::milliseconds(50);
  static constexpr duration restart_most = std::chrono::seconds(10);
  static constexpr duration stable_after = std::chrono::seconds(30);
  static constexpr duration child_stop_max = std::chrono::seconds(2);

  /// `log` and `events` outlive the actor.
  supervisor_actor(caf::actor_config& cfg, std::vector<child_spec> specs, event_log& log, event_hub& events,
                   std::uint64_t seed);

  caf::behavior make_behavior() override;
  const char* name() const override { return "supervisor"; }
  void on_exit() override;

 private:
  struct child {
    child_spec spec;
    caf::actor actor;  // empty: not running
    backoff wait{restart_first, restart_most};
    std::uint64_t starts = 0;
  };

  void start_child(std::size_t index);
  void on_child_down(const caf::down_msg& down);
  void stop_next();

  std::vector<child> children_;
  event_log& log_;
  event_hub& events_;
  random rng_;
  bool stopping_ = false;
  caf::response_promise stopped_;
};

}  // namespace troupe
