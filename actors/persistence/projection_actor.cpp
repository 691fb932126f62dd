#include "actors/persistence/projection_actor.hpp"

#include <utility>

#include <caf/actor_cast.hpp>
#include <caf/atom.hpp>
#include <caf/send.hpp>

#include <troupe/caf_singleton.hpp>

namespace troupe {

namespace {

using woken_atom = caf::atom_constant<caf::atom("woken")>;
using rested_atom = caf::atom_constant<caf::atom("rested")>;

/// An answer that came on a thread of the node. From this node only: its type is not registered.
struct projection_answer {
  std::function<void()> take;
};

}  // namespace
}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::projection_answer)

namespace troupe {

projection_actor::projection_actor(caf::actor_config& cfg, journal j, projection_options o)
    : caf::event_based_actor(cfg),
      journal_(std::move(j)),
      options_(std::move(o)),
      numbers_(journal_.core()->numbers_of(options_.name)),
      machine_({.page_events = options_.page_events, .poll_every = options_.poll_every}) {}

caf::behavior projection_actor::make_behavior() {
  listen();
  step();
  return {
      [](const projection_answer& a) { a.take(); },
      [](hand_over_atom) { return std::string(); },  // its state is its cursor
      [this](woken_atom) {
        if (machine_.wake()) step();
      },
      [this](rested_atom, std::uint64_t number) {
        if (number != rests_ || machine_.next() != projection_cursor::doing::rest) return;
        machine_.on_rested();
        step();
      },
  };
}

void projection_actor::on_exit() { listening_ = nullptr; }

// The actor may be gone when it is told.
void projection_actor::listen() {
  auto listening = journal_.core()->on_append([weak = caf::actor_cast<caf::actor_addr>(this)] {
    if (const auto self = caf::actor_cast<caf::strong_actor_ptr>(weak))
      caf::anon_send(caf::actor_cast<caf::actor>(self), woken_atom::value);
  });
  if (listening)
    listening_ = std::move(*listening);
  else
    note("projection_not_woken", listening.error());  // it polls
}

template <class T>
projection_actor::answer<T> projection_actor::answered(void (projection_actor::*then)(const expected<T>&)) {
  return [this, then, to = caf::actor(this)](expected<T> r) {
    const auto place = std::make_shared<const expected<T>>(std::move(r));
    caf::anon_send(to, projection_answer{[this, then, place] { (this->*then)(*place); }});
  };
}

void projection_actor::step() {
  const auto core = journal_.core();
  switch (machine_.next()) {
    case projection_cursor::doing::ask:
      return core->cursor_of(options_.name, answered<std::uint64_t>(&projection_actor::on_cursor));
    case projection_cursor::doing::read:
      return core->read_all(machine_.position(), machine_.page_events(),
                            answered<std::vector<stored_event>>(&projection_actor::on_page));
    case projection_cursor::doing::apply: return apply();
    case projection_cursor::doing::rest: return rest();
  }
}

void projection_actor::rest() { delayed_send(this, machine_.rest(), rested_atom::value, ++rests_); }

// What the application gives may throw; its errors are tried again as any other.
void projection_actor::apply() {
  const auto move = [this](std::vector<sql_call> calls) {
    journal_.core()->move_cursor(options_.name, machine_.position(), machine_.upto(), std::move(calls),
                                 answered<void>(&projection_actor::on_applied));
  };
  try {
    if (options_.handle) return options_.handle(machine_.page(), answered<void>(&projection_actor::on_handled));
    auto calls = options_.writes(machine_.page());
    if (calls) return move(std::move(*calls));
    on_applied(tl::unexpected<error>(calls.error()));
  } catch (const std::exception& fault) {
    on_applied(fail(errc::corrupt, std::string("the projection threw: ") + fault.what()));
  }
}

void projection_actor::on_cursor(const expected<std::uint64_t>& position) {
  if (!position) note("projection_failed", position.error());
  machine_.on_cursor(position);
  step();
}

void projection_actor::on_page(const expected<std::vector<stored_event>>& page) {
  if (!page) note("projection_failed", page.error());
  machine_.on_page(page);
  step();
}

void projection_actor::on_handled(const expected<void>& outcome) {
  if (!outcome) return on_applied(outcome);
  journal_.core()->move_cursor(options_.name, machine_.position(), machine_.upto(), {},
                               answered<void>(&projection_actor::on_applied));
}

void projection_actor::on_applied(const expected<void>& outcome) {
  if (outcome) {
    numbers_.events.Increment(static_cast<double>(machine_.page().size()));
    numbers_.position.Set(static_cast<double>(machine_.upto()));
  } else {
    note(outcome.error().code == errc::condition_failed ? "projection_runs_elsewhere" : "projection_failed",
         outcome.error());
  }
  machine_.on_applied(outcome);
  step();
}

void projection_actor::note(const char* event, const error& why) {
  numbers_.failures.Increment();
  journal_.core()->log().warn("journal", event,
                              {{"namespace", journal_.core()->where().name()},
                               {"projection", options_.name},
                               {"position", machine_.position()},
                               {"failures", machine_.failures() + 1},
                               {"reason", describe(why)}});
}

expected<caf::actor> run_projection(caf::actor_system& system, const journal& j, projection_options o) {
  if (auto sound = check_journal_name("a projection's name", o.name); !sound)
    return tl::unexpected<error>(std::move(sound.error()));
  if ((o.writes != nullptr) == (o.handle != nullptr))
    return fail(errc::invalid_argument, "a projection writes or handles, one of both");
  if (o.page_events == 0 || o.poll_every <= duration::zero())
    return fail(errc::invalid_argument, "a projection's page and interval are above zero");
  return caf::actor(system.spawn<projection_actor>(j, std::move(o)));
}

}  // namespace troupe
