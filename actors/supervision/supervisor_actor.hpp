// The actor around `supervision`: spawns and monitors children, carries out what the rules say.
//
//   in                    out
//   start_atom            ok, when every child was spawned
//   stop_atom             ok, when every child is down (or was killed after stop_max); then it quits
//   down_msg              what the rules say
//   exit_msg              as stop_atom: a supervisor above ends it so
//
// It does NOT watch threads or sockets.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>

#include <troupe/caf_supervision.hpp>
#include <troupe/time.hpp>

#include "actors/atoms.hpp"
#include "runtime/supervision/supervision.hpp"

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

/// One of a node's own actors.
struct child_spec {
  std::string name;
  std::function<caf::actor(caf::actor_system&)> spawn;
  std::shared_ptr<child_slot> slot;
};

[[nodiscard]] supervised_child supervised(child_spec spec);

class supervisor_actor : public caf::event_based_actor {
 public:
  supervisor_actor(caf::actor_config& cfg, const supervisor_options& options, std::vector<supervised_child> children,
                   supervision_callback report, std::uint64_t seed);

  caf::behavior make_behavior() override;
  const char* name() const override { return "supervisor"; }
  void on_exit() override;

 private:
  struct child {
    supervised_child spec;
    caf::actor actor;  // empty: not running
  };

  [[nodiscard]] time_point read_clock() const;
  [[nodiscard]] std::string spawn_child(child& c);
  void on_child_down(const caf::down_msg& down);
  /// `reason` as CAF words it; a failure when there is one.
  void note_down(supervision::child index, const std::string& reason);
  void begin_stop();
  void carry_out(supervision::output out);
  void arm();

  std::vector<child> children_;
  supervision_callback report_;
  supervision rules_;
  time_point armed_ = time_point::max();
  caf::response_promise stopped_;
};

}  // namespace troupe
