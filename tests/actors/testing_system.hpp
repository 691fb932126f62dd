// An actor system whose actors run when the test says so, on virtual time.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <troupe/time.hpp>

namespace troupe {

class testing_system {
 public:
  testing_system() : system_(config_) {}

  [[nodiscard]] caf::actor_system& operator*() noexcept { return system_; }
  [[nodiscard]] caf::actor_system* operator->() noexcept { return &system_; }

  void run() { coordinator().run(); }
  void advance(duration d) {
    coordinator().advance_time(d);
    run();
  }

 private:
  struct deterministic_config : caf::actor_system_config {
    deterministic_config() { set("scheduler.policy", caf::atom("testing")); }
  };
  caf::scheduler::test_coordinator& coordinator() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

  deterministic_config config_;
  caf::actor_system system_;
};

}  // namespace troupe
