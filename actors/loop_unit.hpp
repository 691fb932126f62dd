// Runs an actor on an I/O thread: whoever is woken by that thread's packets and timers takes them where they came, and
// no second thread wakes for each (on a virtual machine a wake costs 0.1 ms of processor time, more than what is then
// done; an idle node does nothing else). As CAF's own multiplexer does for its brokers.
//
// Other messages to the same actor still wake CAF's workers; an actor never runs twice at once. What such an
// actor does delays the clients of that thread: nothing that blocks.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>
#include <caf/message.hpp>
#include <caf/resumable.hpp>

namespace troupe {

class loop_unit {
 public:
  explicit loop_unit(boost::asio::io_context& loop) noexcept : loop_(loop) {}

  loop_unit(const loop_unit&) = delete;
  loop_unit& operator=(const loop_unit&) = delete;

  /// Sends it without a sender; if the actor was at rest, it runs on the I/O thread. From any thread. This object and
  /// the loop outlive the actor, and the loop's thread ends before the actor system does (an actor that ends there
  /// still uses it). A loop that is destroyed leaves the actor to CAF's workers.
  void send(const caf::actor& to, caf::message content);

 private:
  /// The actor that a message woke.
  class woken final : public caf::execution_unit {
   public:
    explicit woken(caf::actor_system& system) : execution_unit(&system) {}
    void exec_later(caf::resumable* job) override { job_ = job; }
    [[nodiscard]] caf::resumable* job() const noexcept { return job_; }

   private:
    caf::resumable* job_ = nullptr;
  };
  class turn;

  void run(caf::resumable* job, caf::actor_system& system);
  void run_later(caf::resumable* job, caf::actor_system& system);

  boost::asio::io_context& loop_;
};

}  // namespace troupe
