// Actors whose mailbox has a bound: beyond it a request is answered with errc::unavailable at once, any other message
// is dropped and counted, so that one slow actor costs its clients an error instead of the process its memory.
//
//   auto sink = system.spawn<troupe::bounded_actor>(troupe::mailbox_limit{1000}, [](caf::event_based_actor* self) ->
//   caf::behavior {...});
//
// Answers to the actor's own requests, ends of others (down, exit) and urgent messages are always taken. A message
// counts from its sending until its handler has returned; one that the actor keeps for later (skip) still counts.
//
// No log is known here: `on_refused` is for the line that the embedder writes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>

#include <troupe/time.hpp>

namespace troupe {

/// Told how many messages were refused since it was told before. Runs on the thread of whoever sent the last of them:
/// it must neither block nor throw, and what it uses must live as long as the actor.
using mailbox_callback = std::function<void(std::uint64_t refused)>;

struct mailbox_limit {
  std::size_t messages_max = 10000;
  /// Called at the first refusal, and then with one that comes at least tell_every after the last call. What is refused
  /// after that is in mailbox_numbers alone until another one is.
  mailbox_callback on_refused{};
  duration tell_every = std::chrono::seconds(1);
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
  void note_refused();

  const mailbox_limit limit_;
  function function_;
  std::shared_ptr<mailbox_numbers> numbers_;
  std::atomic<std::int64_t> told_at_{0};  // ticks of the clock; 0: never
  std::atomic<std::uint64_t> told_;       // of those refused; an actor before this one may have the same numbers
};

}  // namespace troupe
