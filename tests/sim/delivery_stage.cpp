#include "tests/sim/delivery_stage.hpp"

#include <algorithm>

namespace troupe::sim {
namespace {

delivery_limits small_limits() {
  delivery_limits l;
  l.piece_bytes = 16;
  l.window_bytes = 200;
  l.waiting_max = 50;
  return l;
}

}  // namespace

// --- a sender

sending_process::sending_process(delivery_stage& stage, node_index self, outside& out, random rng)
    : stage_(stage),
      self_(self),
      out_(out),
      rng_(rng),
      id_{rng_.next() | 1U, rng_.next()},
      machine_(id_, small_limits(), rng_.fork()) {}

void sending_process::look(time_point now) {
  look_at_ = now + look_interval;
  const void* there = stage_.receiver();
  if (rng_.chance(stage_.false_alarms)) there = nullptr;
  if (there == routed_to_ || !rng_.chance(0.3)) return;
  routed_to_ = there;
  if (there == nullptr) return machine_.on_route_lost();
  delivery_sender::output out;
  machine_.on_route(now, out);
  carry_out(out);
}

void sending_process::offer(time_point now) {
  auto& mine = stage_.truth[id_].offered;
  std::string text = std::to_string(next_index_) + ":" + std::string(rng_.below(60), 'x');
  delivery_sender::output out;
  const auto number = machine_.offer(text, now, out);
  if (number) {
    mine.push_back(std::move(text));
    offered_[*number] = next_index_++;
    ++stage_.offered;
  }
  carry_out(out);
}

void sending_process::on_packet(node_index, channel, std::string_view bytes, time_point now) {
  const auto a = decode_delivery_ack(bytes);
  if (!a) return stage_.w.fail("node " + std::to_string(self_) + ": " + describe(a.error()));
  delivery_sender::output out;
  machine_.on_ack(*a, now, out);
  carry_out(out);
}

void sending_process::on_tick(time_point now) {
  if (now >= look_at_) look(now);
  delivery_sender::output out;
  machine_.on_tick(now, out);
  carry_out(out);
  if (machine_.next_tick() <= now) stage_.w.fail("node " + std::to_string(self_) + ": a tick that leads nowhere");
}

void sending_process::carry_out(const delivery_sender::output& out) {
  if (machine_.waiting_bytes() > 0 && machine_.waiting() == 0) stage_.w.fail("bytes of no message");
  for (const auto& f : out.frames) out_.send(0, stage_.how, encode(f));
  const auto& truth = stage_.truth[id_];
  for (const auto& [number, how] : out.confirmed) {
    const auto at = offered_.find(number);
    if (at == offered_.end() || at->second != next_confirmed_)
      return stage_.w.fail("node " + std::to_string(self_) + ": confirmed out of order");
    ++next_confirmed_;
    ++stage_.confirmed;
    if (!truth.handled.contains(at->second))
      return stage_.w.fail("node " + std::to_string(self_) + ": confirmed what nobody has handled");
  }
}

// --- the receiver

receiving_process::receiving_process(delivery_stage& stage, outside& out, random rng)
    : stage_(stage), out_(out), rng_(rng), machine_({rng_.next() | 1U, rng_.next()}) {}

void receiving_process::on_packet(node_index from, channel, std::string_view bytes, time_point now) {
  const auto f = decode_delivery_frame(bytes);
  if (!f) return stage_.w.fail("the receiver: " + describe(f.error()));
  delivery_receiver::output out;
  machine_.on_frame(*f, out);
  carry_out(from, out, now);
}

void receiving_process::carry_out(node_index from, const delivery_receiver::output& out, time_point now) {
  for (const auto& a : out.acks) out_.send(from, stage_.how, encode(a));
  for (const auto& m : out.messages) {
    check(m);
    const auto begin = in_hand_.empty() ? now : std::max(now, in_hand_.back().until);
    in_hand_.push_back({begin + rng_.between({}, std::chrono::milliseconds(5)), from, m});
  }
}

void receiving_process::check(const delivery_receiver::handed& m) {
  auto& truth = stage_.truth[m.producer];
  const auto index = std::stoull(m.content);
  if (index >= truth.offered.size() || truth.offered[index] != m.content)
    return stage_.w.fail("the receiver got what was not offered: " + m.content);
  const auto known = next_.find(m.producer);
  if (known != next_.end()) {
    if (index < known->second) return stage_.w.fail("twice, or out of order: " + m.content);
    for (auto i = known->second; i < index; ++i) {
      if (!truth.handled.contains(i)) return stage_.w.fail("left out: " + truth.offered[i]);
    }
  } else {
    for (std::uint64_t i = 0; i < index; ++i) {
      if (!truth.handled.contains(i)) return stage_.w.fail("left out at the beginning: " + truth.offered[i]);
    }
  }
  next_[m.producer] = index + 1;
}

void receiving_process::on_tick(time_point now) {
  while (!in_hand_.empty() && in_hand_.front().until <= now) {
    const auto done = in_hand_.front();
    in_hand_.pop_front();
    auto& truth = stage_.truth[done.message.producer];
    ++stage_.handled;
    if (!truth.handled.insert(std::stoull(done.message.content)).second) ++stage_.again;
    delivery_receiver::output out;
    machine_.on_handled(done.message.producer, done.message.number, errc::ok, out);
    carry_out(done.from, out, now);
  }
}

// --- the stage

delivery_stage::delivery_stage(world_options options, channel by, double false_alarms_given)
    : how(by),
      false_alarms(false_alarms_given),
      w(options, [this](node_index n, std::uint32_t, outside& out, random rng) -> std::unique_ptr<process> {
        if (n == 0) return std::make_unique<receiving_process>(*this, out, rng);
        return std::make_unique<sending_process>(*this, n, out, rng);
      }) {}

void delivery_stage::run_offers(duration pause_max, duration until) {
  w.after(w.rng().between(std::chrono::milliseconds(1), pause_max), [this, pause_max, until] {
    if (w.now() > until) return;
    const auto n = static_cast<node_index>(1 + w.rng().below(w.size() - 1));
    w.with_process(n, [](process& p, time_point now) { static_cast<sending_process&>(p).offer(now); });
    run_offers(pause_max, until);
  });
}

bool delivery_stage::all_confirmed() const {
  for (node_index n = 1; n < w.size(); ++n) {
    if (sender(n) != nullptr && sender(n)->waiting() > 0) return false;
  }
  return true;
}

}  // namespace troupe::sim
