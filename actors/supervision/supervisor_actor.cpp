#include "actors/supervision/supervisor_actor.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/system_messages.hpp>

namespace troupe {
namespace {

std::vector<child_restart> restarts_of(const std::vector<supervised_child>& children) {
  std::vector<child_restart> all;
  for (const auto& c : children) all.push_back(c.restart);
  return all;
}

}  // namespace

supervised_child supervised(child_spec spec) {
  supervised_child c{std::move(spec.name), std::move(spec.spawn)};
  if (spec.slot) c.on_handle = [slot = std::move(spec.slot)](const caf::actor& a) { slot->set(a); };
  return c;
}

supervisor_actor::supervisor_actor(caf::actor_config& cfg, const supervisor_options& options,
                                   std::vector<supervised_child> children, supervision_callback report,
                                   std::uint64_t seed)
    : caf::event_based_actor(cfg), report_(std::move(report)), rules_(options, restarts_of(children), seed) {
  for (auto& c : children) children_.push_back({std::move(c), nullptr});
}

caf::behavior supervisor_actor::make_behavior() {
  set_down_handler([this](caf::down_msg& down) { on_child_down(down); });
  set_exit_handler([this](caf::exit_msg& exit) {
    if (exit.reason == caf::exit_reason::kill) return quit(exit.reason);
    begin_stop();
  });
  return {
      [this](start_atom) {
        supervision::output out;
        rules_.on_start(read_clock(), out);
        carry_out(std::move(out));
        return caf::atom_value{caf::ok_atom::get_value()};
      },
      [this](stop_atom) {
        stopped_ = make_response_promise();
        begin_stop();
        return stopped_;
      },
      [this](wake_atom) {
        armed_ = time_point::max();
        supervision::output out;
        rules_.on_tick(read_clock(), out);
        carry_out(std::move(out));
      },
  };
}

time_point supervisor_actor::read_clock() const {
  return time_point(std::chrono::duration_cast<duration>(clock().now().time_since_epoch()));
}

void supervisor_actor::begin_stop() {
  supervision::output out;
  rules_.stop(read_clock(), out);
  carry_out(std::move(out));
}

/// Why it does not run; empty: it does.
std::string supervisor_actor::spawn_child(child& c) {
  try {
    c.actor = c.spec.spawn(system());
  } catch (const std::exception& e) {
    return std::string("exception: ") + e.what();
  } catch (...) {
    return "an unknown exception";
  }
  if (!c.actor) return "it was not spawned";
  monitor(c.actor);
  if (c.spec.on_handle) c.spec.on_handle(c.actor);
  return {};
}

void supervisor_actor::on_child_down(const caf::down_msg& down) {
  const auto it = std::find_if(children_.begin(), children_.end(),
                               [&](const child& c) { return c.actor && c.actor.address() == down.source; });
  if (it == children_.end()) return;
  it->actor = nullptr;
  if (it->spec.on_handle) it->spec.on_handle(nullptr);
  const bool failed = down.reason && down.reason != caf::exit_reason::user_shutdown;
  note_down(static_cast<supervision::child>(it - children_.begin()), failed ? system().render(down.reason) : "");
}

void supervisor_actor::note_down(supervision::child index, const std::string& reason) {
  const auto at = read_clock();
  const bool unasked = rules_.running(index);
  const bool had_given_up = rules_.gave_up();
  supervision::output out;
  rules_.on_down(index, !reason.empty(), at, out);
  if (report_ && unasked && !reason.empty()) {
    const auto again = rules_.restart_at(index);
    report_({supervision_report::kind::failed, children_[index].spec.name, reason, again ? *again - at : duration{}});
  }
  if (report_ && rules_.gave_up() && !had_given_up)
    report_({supervision_report::kind::gave_up, children_[index].spec.name, reason, {}});
  carry_out(std::move(out));
}

void supervisor_actor::carry_out(supervision::output out) {
  std::vector<std::pair<supervision::child, std::string>> not_there;  // with the reason; empty: as if it had ended
  for (const auto index : out.start) {
    if (auto fault = spawn_child(children_[index]); !fault.empty()) not_there.emplace_back(index, std::move(fault));
  }
  for (const auto index : out.end) {
    if (children_[index].actor)
      send_exit(children_[index].actor, caf::exit_reason::user_shutdown);
    else
      not_there.emplace_back(index, std::string());
  }
  for (const auto index : out.kill) {
    if (report_) report_({supervision_report::kind::killed, children_[index].spec.name, "it did not end in time", {}});
    send_exit(children_[index].actor, caf::exit_reason::kill);
  }
  for (const auto& [index, fault] : not_there) note_down(index, fault);
  if (!out.ended) return arm();
  if (stopped_.pending()) stopped_.deliver(caf::atom_value{caf::ok_atom::get_value()});
  quit(rules_.gave_up() ? caf::exit_reason::unhandled_exception : caf::exit_reason::user_shutdown);
}

void supervisor_actor::arm() {
  const auto next = rules_.next_tick();
  if (next >= armed_) return;
  armed_ = next;
  delayed_send(this, std::max(duration::zero(), next - read_clock()), wake_atom::value);
}

void supervisor_actor::on_exit() {
  stopped_ = {};  // a promise holds its own actor alive
  for (auto& c : children_) {
    if (!c.actor) continue;
    send_exit(c.actor, caf::exit_reason::user_shutdown);  // the supervisor was killed: nobody is left without one
    if (c.spec.on_handle) c.spec.on_handle(nullptr);
    c.actor = nullptr;
  }
}

}  // namespace troupe
