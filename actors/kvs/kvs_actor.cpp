#include "actors/kvs/kvs_actor.hpp"

#include <algorithm>
#include <utility>

#include <caf/error.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>

#include "runtime/base/overloaded.hpp"

namespace troupe {

namespace {

time_point read_clock() { return std::chrono::steady_clock::now(); }

bool is_there(const member& m) {
  return m.state == member_state::alive || m.state == member_state::suspect || m.state == member_state::departing;
}

}  // namespace

kvs_actor::kvs_actor(caf::actor_config& cfg, std::unique_ptr<kvs_machine> machine, kvs_ports ports)
    : caf::event_based_actor(cfg), machine_(std::move(machine)), ports_(std::move(ports)) {}

caf::behavior kvs_actor::make_behavior() {
  if (!machine_) {  // its file could not be read: the supervisor tries again
    quit(caf::make_error(caf::sec::runtime_error));
    return {};
  }
  look_at_members();
  machine_->on_tick(read_clock(), out_);
  carry_out();
  show();
  send(this, wake_atom::value);  // what came while no actor listened
  return {[this](wake_atom) { on_wake(); }};
}

void kvs_actor::on_wake() {
  look_at_members();
  for (auto& item : ports_.in.take()) {
    std::visit(overloaded{
                   [&](kvs_message_arrived& m) { machine_->on_message(m.from, m.bytes, read_clock(), out_); },
                   [&](kvs_asked& a) { machine_->on_request(std::move(a.request), read_clock(), out_); },
                   [&](kvs_written& w) {
                     if (w.generation == ports_.generation)
                       machine_->on_persisted(w.token, w.durable, read_clock(), out_);
                   },
                   [&](kvs_members_changed&) {},
                   [&](kvs_alarm_rang&) { machine_->on_tick(read_clock(), out_); },
               },
               item);
    carry_out();
  }
  show();
}

void kvs_actor::look_at_members() {
  auto view = ports_.board.read();
  if (view == view_) return;
  view_ = std::move(view);
  std::vector<kvs_peer> peers;
  for (const auto& m : view_->members) {
    if (!is_there(m) || m.name == ports_.self) continue;
    peers.push_back({m.name, std::find(m.services.begin(), m.services.end(), "kvs") != m.services.end()});
  }
  if (peers == peers_) return;
  peers_ = peers;
  machine_->on_peers(std::move(peers), read_clock(), out_);
  carry_out();
}

void kvs_actor::carry_out() {
  if (out_.write && ports_.file != nullptr) {
    const auto token = out_.write->token;
    ports_.file->write(std::move(*out_.write), [&in = ports_.in, told = ports_.on_write_failed,
                                                generation = ports_.generation, token](const expected<void>& written) {
      if (!written) told(written.error());
      (void)in.push(kvs_written{generation, token, written.has_value()});
    });
  }
  for (const auto& p : out_.packets) {
    const auto to = std::find_if(view_->members.begin(), view_->members.end(),
                                 [&](const member& m) { return m.name == p.to && is_there(m); });
    if (to != view_->members.end()) ports_.send(*to, p.bytes);
  }
  for (const auto& line : out_.news) ports_.tell(line);
  auto results = std::move(out_.results);
  out_ = {};
  if (!results.empty()) ports_.answer(std::move(results));
}

void kvs_actor::show() {
  ports_.show(machine_->status());
  set_alarm();
}

void kvs_actor::set_alarm() {
  const time_point wanted = machine_->next_tick();
  if (wanted == alarm_at_ && wanted > read_clock()) return;
  alarm_at_ = wanted;
  ports_.clock.set(wanted);
}

}  // namespace troupe
