#include "actors/toolkit/delivery_actors.hpp"

#include <algorithm>
#include <utility>

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message_view.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>

#include "actors/link/content_bytes.hpp"
#include "actors/messages/error.hpp"

namespace troupe {

namespace {

/// The same handle, not one of the same actor from a link that is lost.
bool is_same(const caf::actor& a, const caf::actor& b) {
  return caf::actor_cast<caf::abstract_actor*>(a) == caf::actor_cast<caf::abstract_actor*>(b);
}

}  // namespace

// ---- the sender ----

delivery_sender_actor::delivery_sender_actor(caf::actor_config& cfg, setup s)
    : caf::event_based_actor(cfg), with_(std::move(s)), machine_(with_.id, with_.limits, random(with_.seed)) {}

time_point delivery_sender_actor::read_clock() const {
  return time_point(std::chrono::duration_cast<duration>(clock().now().time_since_epoch()));
}

caf::behavior delivery_sender_actor::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) {
    if (!receiver_ || down.source != receiver_.address()) return;
    receiver_ = nullptr;
    machine_.on_route_lost();
    look_at_ = read_clock() + look_soon;  // perhaps only the link was lost
    arm();
  });
  set_default_handler(
      [this](caf::scheduled_actor*, caf::message_view& v) { return take(v.copy_content_to_message()); });
  return {
      [this](ack_atom, const std::string& bytes) { on_ack(bytes); },
      [this](const delivery_route& r) { choose(r.receivers); },
      [this](wake_atom) { on_wake(); },
  };
}

void delivery_sender_actor::on_exit() {
  for (auto& [number, p] : std::exchange(promises_, {}))
    p.deliver(to_caf({errc::outcome_unknown, "the sender of the delivery has ended"}));
  receiver_ = nullptr;
  with_.numbers->waiting -= static_cast<std::int64_t>(std::exchange(told_waiting_, 0));
}

caf::result<caf::message> delivery_sender_actor::take(caf::message content) {
  auto bytes = content_bytes(content, system());
  const bool asked = current_mailbox_element()->mid.is_request();
  delivery_sender::output out;
  auto number = bytes ? machine_.offer(std::move(*bytes), read_clock(), out)
                      : expected<std::uint64_t>(tl::unexpected<error>(bytes.error()));
  if (!number) {
    if (!bytes) ++with_.numbers->refused;
    note_numbers();
    if (!asked) return caf::delegated<caf::message>();  // an error would end whoever sent it
    return to_caf(number.error());
  }
  if (asked) promises_.emplace(*number, make_response_promise());
  if (!receiver_ && look_at_ == time_point::max()) look_at_ = read_clock();
  carry_out(out);
  return caf::delegated<caf::message>();
}

void delivery_sender_actor::on_ack(const std::string& bytes) {
  const auto a = decode_delivery_ack(bytes);
  if (!a) {
    ++with_.numbers->malformed;
    return;
  }
  delivery_sender::output out;
  machine_.on_ack(*a, read_clock(), out);
  carry_out(out);
}

// Stays with the one it has.
void delivery_sender_actor::choose(const std::vector<caf::actor>& receivers) {
  const auto has =
      std::any_of(receivers.begin(), receivers.end(), [&](const auto& r) { return is_same(r, receiver_); });
  if (has && receiver_) return;
  if (receiver_) {
    demonitor(receiver_);
    machine_.on_route_lost();
  }
  receiver_ = receivers.empty() ? caf::actor() : receivers.front();
  look_at_ = receiver_ || machine_.waiting() == 0 ? time_point::max() : read_clock() + look_again;
  delivery_sender::output out;
  if (receiver_) {
    monitor(receiver_);
    machine_.on_route(read_clock(), out);
  }
  carry_out(out);
}

void delivery_sender_actor::carry_out(const delivery_sender::output& out) {
  for (const auto& f : out.frames) {
    if (receiver_) send(receiver_, frame_atom::value, encode(f));
  }
  for (const auto& [number, how] : out.confirmed) {
    auto over = promises_.extract(number);
    if (over.empty()) continue;
    if (how == errc::ok)
      over.mapped().deliver(caf::atom_value{caf::ok_atom::get_value()});
    else
      over.mapped().deliver(to_caf({how, "the receiver of the delivery says so"}));
  }
  note_numbers();
  arm();
}

void delivery_sender_actor::on_wake() {
  const auto now = read_clock();
  if (now >= armed_) armed_ = time_point::max();
  if (now >= look_at_) {
    look_at_ = time_point::max();
    choose(with_.receivers());
  }
  delivery_sender::output out;
  machine_.on_tick(now, out);
  carry_out(out);
}

void delivery_sender_actor::arm() {
  const auto next = std::min(machine_.next_tick(), look_at_);
  if (next >= armed_) return;
  armed_ = next;
  delayed_send(this, std::max(next - read_clock(), duration(1)), wake_atom::value);
}

void delivery_sender_actor::note_numbers() {
  const auto now = machine_.counts();
  auto& n = *with_.numbers;
  n.taken += now.taken - told_.taken;
  n.refused += now.refused - told_.refused;
  n.handled += now.confirmed - told_.confirmed;
  n.again += now.again - told_.again;
  n.sessions += now.sessions - told_.sessions;
  n.waiting += static_cast<std::int64_t>(machine_.waiting()) - static_cast<std::int64_t>(told_waiting_);
  told_ = now;
  told_waiting_ = machine_.waiting();
}

// ---- the receiver ----

delivery_receiver_actor::delivery_receiver_actor(caf::actor_config& cfg, setup s)
    : caf::event_based_actor(cfg), with_(std::move(s)), machine_(with_.id) {}

caf::behavior delivery_receiver_actor::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) {
    if (with_.target && down.source == with_.target.address()) return quit(caf::error(down.reason));
    std::erase_if(senders_, [&](const auto& row) { return row.second.address() == down.source; });
  });
  monitor(with_.target);
  return {[this](frame_atom, const std::string& bytes) { on_frame(bytes); }};
}

void delivery_receiver_actor::on_exit() {
  with_.target = nullptr;
  senders_.clear();
}

void delivery_receiver_actor::on_frame(const std::string& bytes) {
  const auto f = decode_delivery_frame(bytes);
  const auto from = caf::actor_cast<caf::actor>(current_sender());
  if (!f || !from) {
    ++with_.numbers->malformed;
    return;
  }
  auto& known = senders_[f->producer];
  if (!is_same(known, from)) {
    if (known) demonitor(known);
    known = from;
    monitor(from);
  }
  const auto repeated = machine_.counts().repeated;
  delivery_receiver::output out;
  machine_.on_frame(*f, out);
  with_.numbers->repeated += machine_.counts().repeated - repeated;
  acknowledge(out);
  for (const auto& m : out.messages) hand_over(m);
}

void delivery_receiver_actor::hand_over(const delivery_receiver::handed& m) {
  ++with_.numbers->received;
  auto content = content_of(m.content, system());
  if (!content) {
    ++with_.numbers->unreadable;
    return on_handled(m.producer, m.number, content.error().code);
  }
  const auto settle = [this, producer = m.producer, number = m.number](errc how) { on_handled(producer, number, how); };
  request(with_.target, caf::infinite, std::move(*content))
      .then([settle] { settle(errc::ok); },
            [this, settle](const caf::error& e) {
              if (e == caf::sec::unexpected_response) return settle(errc::ok);  // an answer that holds something
              if (e == caf::sec::request_receiver_down || e.category() == caf::atom("exit"))
                return quit(caf::error(e));  // it has not handled this one
              ++with_.numbers->failed;
              settle(e == caf::sec::unexpected_message ? errc::not_implemented : from_caf(e).code);
            });
}

void delivery_receiver_actor::on_handled(const incarnation_id& producer, std::uint64_t number, errc how) {
  delivery_receiver::output out;
  machine_.on_handled(producer, number, how, out);
  acknowledge(out);
}

void delivery_receiver_actor::acknowledge(const delivery_receiver::output& out) {
  for (const auto& a : out.acks) {
    const auto to = senders_.find(a.producer);
    if (to != senders_.end() && to->second) send(to->second, ack_atom::value, encode(a));
  }
}

}  // namespace troupe
