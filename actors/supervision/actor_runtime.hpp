// CAF's actor system of one node with its supervisor: made with our settings, stopped within a limit.
//
// CAF's destructor waits for ever for an actor that was never told to end; here the children are
// stopped in order first, and what does not end in time is killed (see supervisor_actor).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <troupe/config.hpp>

#include "actors/event_hub.hpp"
#include "actors/log.hpp"
#include "actors/supervision/supervisor_actor.hpp"

namespace troupe {

class actor_runtime {
 public:
  /// For the supervisor to stop all children; more than one of them may need stop_max.
  static constexpr duration stop_max = std::chrono::seconds(4);

  explicit actor_runtime(const node_config& c);
  /// A system of an application's own, without a supervisor; `configure`, if any, may register types and throw.
  actor_runtime(std::size_t workers, const std::function<void(caf::actor_system_config&)>& configure);
  /// One whose actors run when they are stepped (actors/simulation), on the caller's thread and its clock.
  [[nodiscard]] static std::unique_ptr<actor_runtime> stepped(
      const std::function<void(caf::actor_system_config&)>& configure);
  ~actor_runtime();

  actor_runtime(const actor_runtime&) = delete;
  actor_runtime& operator=(const actor_runtime&) = delete;

  [[nodiscard]] caf::actor_system& system() noexcept { return *system_; }

  /// Starts the children in order under a supervisor; `log` and `events` outlive this object. Once.
  void start(std::vector<child_spec> children, event_log& log, event_hub& events, std::uint64_t seed);

  [[nodiscard]] std::size_t workers() const noexcept { return workers_; }
  /// Runs `f` once for each worker; when it blocks, on each of them. Tests hold the actors so.
  void run_on_each_worker(const std::function<void()>& f);

  /// Stops the children in reverse order; false when they did not end within stop_max. Idempotent.
  bool stop();

 private:
  struct system_config;

  actor_runtime(std::size_t workers, std::unique_ptr<system_config> settings,
                const std::function<void(caf::actor_system_config&)>& configure);

  const std::size_t workers_;
  std::unique_ptr<system_config> config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::actor supervisor_;
};

}  // namespace troupe
