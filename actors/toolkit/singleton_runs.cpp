// What the machine of a singleton wants done: its role, its instance, the state between two of them.
#include <caf/exit_reason.hpp>

#include "actors/messages/error.hpp"
#include "actors/toolkit/singleton_actor.hpp"
#include "actors/toolkit/singleton_news.hpp"

namespace troupe {

void singleton_actor::carry_out(singleton_action a) {
  switch (a) {
    case singleton_action::claim: return claim();
    case singleton_action::drop: return drop();
    case singleton_action::fetch: return fetch();
    case singleton_action::start: return start();
    case singleton_action::ask: return ask();
    case singleton_action::end: return end(false);
    case singleton_action::kill: return end(true);
  }
}

void singleton_actor::claim() {
  if (*with_.over) return;
  const auto granted = [weak = self(), number = ++claim_](expected<lock_calls::hold> h) {
    tell(weak, hold_news{number, h ? std::move(*h) : lock_calls::hold()});
  };
  ticket_ = with_.locks->lock({lock_kind::role, role_of(name_), 1, options_.ttl, lock_wait_max}, granted);
}

void singleton_actor::drop() {
  ++claim_;
  if (fetched_) kept_.keep(token_, std::exchange(fetched_, std::nullopt));  // no instance could be started with it
  if (hold_)
    hold_->release();
  else if (ticket_ && !*with_.over)
    with_.locks->cancel(ticket_);
  hold_.reset();
  ticket_.reset();
}

void singleton_actor::fetch() {
  const auto* last = holder_.token != 0 && holder_.token < token_ ? &holder_ : before_ ? &*before_ : nullptr;
  if (last != nullptr && last->who.id == with_.self) return on_fetched(token_, kept_.take(last->token));
  const auto there = last == nullptr ? std::nullopt : alive(last->who);
  if (!there) return on_fetched(token_, std::nullopt);
  const auto host = with_.directory->find({there->address, there->id}, published_as(name_));
  if (!host) return on_fetched(token_, std::nullopt);
  const auto limit = std::chrono::duration_cast<std::chrono::nanoseconds>(machine_.times().fetch_max);
  const auto answered = [this, token = token_](std::optional<std::string> state) {
    if (machine_.at() != phase::fetching || token != token_) return;
    look_at_hold(read_clock());
    on_fetched(token, std::move(state));
    step();
  };
  request(*host, limit, state_atom::value, token_)
      .then([answered](std::string state) { answered(std::move(state)); },
            [answered](const caf::error&) { answered(std::nullopt); });
}

void singleton_actor::on_fetched(std::uint64_t token, std::optional<std::string> state) {
  if (token != token_) return;
  fetched_ = std::move(state);
  machine_.on_fetched(read_clock());
}

void singleton_actor::start() {
  std::string fault = "it gave no actor";
  try {
    instance_ = (*make_)({system(), token_, fetched_});
  } catch (const std::exception& thrown) {
    fault = thrown.what();
  } catch (...) {
    fault = "it threw";
  }
  if (!instance_) {
    ++with_.numbers->failed;
    with_.log.warn("actors", "singleton_not_started", {{"name", name_}, {"token", token_}, {"reason", fault}});
    return machine_.on_ended(read_clock());
  }
  monitor(instance_);
  ++with_.numbers->started;
  ++with_.numbers->running;
  if (fetched_) ++with_.numbers->taken_over;
  with_.log.info("actors", "singleton_started",
                 {{"name", name_}, {"token", token_}, {"state", fetched_ ? "handed over" : "none"}});
  fetched_.reset();
  kept_.forget();
}

void singleton_actor::ask() {
  gate().park();
  const auto limit = std::chrono::duration_cast<std::chrono::nanoseconds>(machine_.times().hand_max);
  request(instance_, limit, hand_over_atom::value)
      .then([this, token = token_](std::string state) { on_state(token, std::move(state)); },
            [this, token = token_](const caf::error&) { on_state(token, std::nullopt); });
}

void singleton_actor::on_state(std::uint64_t token, std::optional<std::string> state) {
  if (machine_.at() != phase::handing || token != token_) return;
  if (state && state->size() > state_bytes_max) {
    with_.log.warn("actors", "singleton_state_refused", {{"name", name_}, {"bytes", state->size()}});
    state.reset();
  }
  if (state) ++with_.numbers->handed_over;
  kept_.keep(token, std::move(state));
  step(&singleton_machine::on_state);
}

void singleton_actor::end(bool kill) {
  gate().park();
  if (kill) {
    ++with_.numbers->overstayed;
    with_.log.warn("actors", "singleton_overstays", {{"name", name_}, {"token", token_}});
  }
  send_exit(instance_, kill ? caf::exit_reason::kill : caf::exit_reason::user_shutdown);
}

caf::result<std::string> singleton_actor::give_state(std::uint64_t token) {
  auto state = kept_.give(token);
  if (!state) return to_caf({errc::not_found, "no state is kept here for that token"});
  tell(self(), wake_atom::value);
  return *std::move(state);
}

}  // namespace troupe
