#include "actors/supervision/supervisor_actor.hpp"

#include <algorithm>

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/system_messages.hpp>

namespace troupe {

supervisor_actor::supervisor_actor(caf::actor_config& cfg, std::vector<child_spec> specs, event_log& log,
                                   event_hub& events, std::uint64_t seed)
    : caf::event_based_actor(cfg), log_(log), events_(events), rng_(seed) {
  for (auto& spec : specs) {
    children_.emplace_back();
    children_.back().spec = std::move(spec);
  }
}

caf::behavior supervisor_actor::make_behavior() {
  set_down_handler([this](caf::down_msg& down) { on_child_down(down); });
  return {
      [this](start_atom) {
        for (std::size_t i = 0; i < children_.size(); ++i) start_child(i);
        return caf::atom_value{caf::ok_atom::get_value()};
      },
      [this](stop_atom) {
        stopped_ = make_response_promise();
        stopping_ = true;
        stop_next();
        return stopped_;
      },
      [this](restart_atom, std::uint64_t index) {
        if (!stopping_ && !children_.at(index).actor) start_child(index);
      },
      [this](stable_atom, std::uint64_t index, std::uint64_t starts) {
        auto& c = children_.at(index);
        if (c.actor && c.starts == starts) c.wait.reset();
      },
      [this](expire_atom, std::uint64_t index) {
        auto& c = children_.at(index);
        if (!c.actor) return;
        log_.error("supervisor", "actor_killed", {{"actor", c.spec.name}, {"reason", "did not stop in time"}});
        send_exit(c.actor, caf::exit_reason::kill);
      },
  };
}

void supervisor_actor::start_child(std::size_t index) {
  auto& c = children_[index];
  c.actor = c.spec.spawn(system());
  ++c.starts;
  monitor(c.actor);
  if (c.spec.slot) c.spec.slot->set(c.actor);
  delayed_send(this, stable_after, stable_atom::value, std::uint64_t{index}, c.starts);
}

void supervisor_actor::on_child_down(const caf::down_msg& down) {
  const auto it = std::find_if(children_.begin(), children_.end(),
                               [&](const child& c) { return c.actor && c.actor.address() == down.source; });
  if (it == children_.end()) return;
  it->actor = nullptr;
  if (it->spec.slot) it->spec.slot->set(nullptr);
  if (stopping_) {
    stop_next();
    return;
  }
  if (!down.reason || down.reason == caf::exit_reason::user_shutdown) return;
  const duration wait = it->wait.next(rng_);
  const auto wait_ms = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
  const std::string reason = system().render(down.reason);
  log_.error("supervisor", "actor_failed", {{"actor", it->spec.name}, {"reason", reason}, {"restart_in_ms", wait_ms}});
  events_.publish("actor_failed", {{"actor", it->spec.name}, {"reason", reason}});
  delayed_send(this, wait, restart_atom::value, static_cast<std::uint64_t>(it - children_.begin()));
}

// Stops the last running child; its down message leads here again.
void supervisor_actor::stop_next() {
  for (std::size_t i = children_.size(); i-- > 0;) {
    if (!children_[i].actor) continue;
    send_exit(children_[i].actor, caf::exit_reason::user_shutdown);
    delayed_send(this, child_stop_max, expire_atom::value, std::uint64_t{i});
    return;
  }
  if (stopped_.pending()) stopped_.deliver(caf::atom_value{caf::ok_atom::get_value()});
  quit(caf::exit_reason::user_shutdown);
}

void supervisor_actor::on_exit() {
  stopped_ = {};  // a promise holds its own actor alive
  for (auto& c : children_) {
    if (c.spec.slot) c.spec.slot->set(nullptr);
    c.actor = nullptr;
  }
}

}  // namespace troupe
