// Supervisors for actors of the embedder: supervision.hpp says what they do, this starts them.
//
//   auto workers = troupe::supervise(system, {.strategy = troupe::restart_strategy::rest_for_one},
//                                    {{"source", spawn_source}, {"sink", spawn_sink}});
//
// A supervisor is an actor and so may be the child of another: its spawn function calls supervise(). It ends with
// exit_reason::user_shutdown after stop_supervised(), and fails when its budget is used up, which its own supervisor
// takes for the failure of a child.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <troupe/error.hpp>
#include <troupe/supervision.hpp>

namespace troupe {

struct supervised_child {
  std::string name;
  /// Called at the start and for each restart, on an actor's thread: it must not block. An exception, or no actor, is a
  /// failure of the child.
  std::function<caf::actor(caf::actor_system&)> spawn;
  child_restart restart = child_restart::transient;
  /// Told the handle after each start, and none after each end: a restart is another actor. What it uses must live
  /// until the supervisor has ended, which is after stop_supervised() or with the actor system.
  std::function<void(const caf::actor&)> on_handle{};
};

struct supervision_report {
  enum class kind : std::uint8_t {
    failed,   // and is started again after `wait`, if there is one
    killed,   // it did not end in stop_max
    gave_up,  // the supervisor: its budget is used up
  };
  kind what = kind::failed;
  std::string child;   // the name; with gave_up of the one whose failure was too many
  std::string reason;  // as CAF words it
  duration wait{};
};

/// Runs on an actor's thread and must not block.
using supervision_callback = std::function<void(const supervision_report&)>;

/// Starts a supervisor that starts the children in order. errc::invalid_argument when two children have one name, when
/// one has no spawn function, and for options out of bounds (waits above zero, wait_most at least wait_first).
[[nodiscard]] expected<caf::actor> supervise(caf::actor_system& system, const supervisor_options& options,
                                             std::vector<supervised_child> children, supervision_callback report = {});

/// Ends the children, the last one first, then the supervisor; returns at once. Monitors of it see the end.
void stop_supervised(const caf::actor& supervisor);

}  // namespace troupe
