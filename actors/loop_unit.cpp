#include "actors/loop_unit.hpp"

#include <boost/asio/post.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include "actors/actor_turn.hpp"

namespace troupe {

/// Runs the actor once, or hands it to the workers when the loop drops what it did not run.
class loop_unit::turn {
 public:
  turn(loop_unit& unit, caf::resumable* job, caf::actor_system& system) : unit_(unit), job_(job), system_(system) {}
  turn(turn&& other) noexcept : unit_(other.unit_), job_(std::exchange(other.job_, nullptr)), system_(other.system_) {}
  turn& operator=(turn&&) = delete;
  ~turn() {
    if (job_ != nullptr) system_.scheduler().enqueue(job_);
  }

  void operator()() { unit_.run(std::exchange(job_, nullptr), system_); }

 private:
  loop_unit& unit_;
  caf::resumable* job_;  // holds a reference
  caf::actor_system& system_;
};

void loop_unit::send(const caf::actor& to, caf::message content) {
  woken unit(to.home_system());
  to->enqueue(nullptr, caf::make_message_id(), std::move(content), &unit);
  if (unit.job() != nullptr) run_later(unit.job(), to.home_system());
}

void loop_unit::run(caf::resumable* job, caf::actor_system& system) {
  if (take_turn(job, system)) run_later(job, system);
}

void loop_unit::run_later(caf::resumable* job, caf::actor_system& system) {
  boost::asio::post(loop_, turn(*this, job, system));
}

}  // namespace troupe
