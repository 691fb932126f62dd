// Actors whose mailbox has a bound: beyond it a request is answered with errc::unavailable at once, any other message
// is dropped and counted, so that one slow actor costs its clients an error instead of the process its memory.
//
//   auto sink = system.spawn<troupe::bounded_actor>(troupe::mailbox_limit{1000}, [](caf::event_based_actor* self) ->
//   caf::behavior {...});
//
// Answers to the actor's own requests, ends of others (down, exit) and urgent messages are always taken. A message
// counts from its sending until its handler has returned; one that the actor keeps for later (skip) still counts.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>

namespace troupe {

struct mailbox_limit {
  std::size_t messages_max = 10000;
};

/// Of one actor; readable from any thread, also after its end.
struct mailbox_numbers {
  std::atomic<std::size_t> queued{0};
  std::atomic<std::uint64_t> refused{0};
};

class bounded_actor : public caf::event_based_actor {
 public:
  using function = std::function<caf::behavior(caf::event_based_actor*)>;

  /// For a class that derives from this one and has a make_behavior() of its own.
  bounded_actor(caf::actor_config& cfg, mailbox_limit limit);
  bounded_actor(caf::actor_config& cfg, mailbox_limit limit, function f,
                std::shared_ptr<mailbox_numbers> numbers = nullptr);
  ~bounded_actor() override;

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  caf::behavior make_behavior() override;
  const char* name() const override { return "bounded_actor"; }

  [[nodiscard]] const mailbox_numbers& mailbox_counts() const noexcept { return *numbers_; }

 private:
  const mailbox_limit limit_;
  function function_;
  std::shared_ptr<mailbox_numbers> numbers_;
};

}  // namespace troupe
