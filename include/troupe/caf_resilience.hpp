// Requests of an actor to something that may be slow, full or gone, with the pieces of resilience.hpp around them:
//
//   class shop : public caf::event_based_actor {
//     troupe::dependency stock_{this, "stock", {}};
//     ... stock_.request(stock_actor, 500ms, [this](int left) {...}, [this](const troupe::error& e) {...},
//     get_atom::value, id);
//
// One request goes: the bulkhead (waits or is refused), the circuit breaker, the actor; after an error that says "not
// done" it waits and goes again, until it is done, final, or its deadline has come. What is idempotent goes again also
// when its outcome is open, and after attempt_max without an answer. Exactly one of the two functions is called, on the
// actor, unless the actor ends first.
//
// Not promised: that an attempt that was given up is not carried out later, beside the one that repeats it; the
// bulkhead does not count it any more, and its answer reaches nobody.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <caf/actor.hpp>
#include <caf/error.hpp>
#include <caf/event_based_actor.hpp>

#include <troupe/error.hpp>
#include <troupe/resilience.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct dependency_options {
  retry_options retrying{};
  circuit_options circuit{};
  bulkhead_options bulkhead{};
};

/// Belongs to the actor that makes the requests; all calls from its handlers.
class dependency {
 public:
  using failed = std::function<void(const error&)>;

  struct numbers {
    std::uint64_t requests = 0, attempts = 0, repeated = 0, failed = 0, refused_full = 0, refused_open = 0;
    std::size_t running = 0, waiting = 0;
    circuit_state circuit = circuit_state::closed;
  };

  /// `name` is for people: errors say it.
  dependency(caf::event_based_actor* self, std::string name, const dependency_options& o = {});
  ~dependency();

  dependency(const dependency&) = delete;
  dependency& operator=(const dependency&) = delete;

  /// `done` takes what the actor answers (no generic lambda, as with request().then()). An answer of caf::error is
  /// translated to ours; one that takes too long is errc::deadline_exceeded when the request was not sent, otherwise
  /// errc::outcome_unknown.
  template <class Done, class... Ts>
  void request(const caf::actor& target, duration patience, Done done, failed on_failed, const Ts&... xs) {
    std::function answer{std::move(done)};
    const auto attempt = [this, target, answer = std::move(answer), xs...](std::uint64_t ticket, duration left) {
      auto then = self_->request(target, left, xs...);
      then.then(guarded(std::move(answer), ticket), [this, ticket](const caf::error& e) { on_error(ticket, e); });
    };
    begin(patience, attempt, std::move(on_failed));
  }

  [[nodiscard]] numbers counts() const;

 private:
  struct core;
  using attempt_function = std::function<void(std::uint64_t ticket, duration left)>;

  template <class R, class... As>
  std::function<void(As...)> guarded(std::function<R(As...)> f, std::uint64_t ticket) {
    return [this, f = std::move(f), ticket](As... as) {
      on_answer(ticket);
      f(std::forward<As>(as)...);
    };
  }

  void begin(duration patience, attempt_function attempt, failed on_failed);
  void on_answer(std::uint64_t ticket);
  void on_error(std::uint64_t ticket, const caf::error& e);

  caf::event_based_actor* self_;
  std::unique_ptr<core> core_;
};

}  // namespace troupe
