// A projection: reads the events of a journal behind its cursor, page by page, and has each page applied.
//
//   in   woken_atom        there may be more: a notification of the journal, or a rest that is over
//   in   hand_over_atom    as a singleton: it has nothing to hand over
//   in   answers of the journal, as messages to itself that say in which place they are
//   out  what the projection writes, by the journal; nothing to other actors
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <caf/event_based_actor.hpp>

#include <troupe/caf_persistence.hpp>

#include "actors/persistence/journal_core.hpp"
#include "runtime/journal/projection_cursor.hpp"

namespace troupe {

class projection_actor final : public caf::event_based_actor {
 public:
  projection_actor(caf::actor_config& cfg, journal j, projection_options o);

  const char* name() const override { return "projection"; }
  void on_exit() override;

 protected:
  caf::behavior make_behavior() override;

 private:
  template <class T>
  using answer = std::function<void(expected<T>)>;
  /// `then` runs in the actor.
  template <class T>
  [[nodiscard]] answer<T> answered(void (projection_actor::*then)(const expected<T>&));

  void step();
  void listen();
  void rest();
  void apply();
  void on_cursor(const expected<std::uint64_t>& position);
  void on_page(const expected<std::vector<stored_event>>& page);
  void on_handled(const expected<void>& outcome);
  void on_applied(const expected<void>& outcome);
  void note(const char* event, const error& why);

  const journal journal_;
  const projection_options options_;
  projection_numbers numbers_;
  projection_cursor machine_;
  subscription listening_;
  std::uint64_t rests_ = 0;  // number of the last one: an older one that ends is not it
};

}  // namespace troupe
