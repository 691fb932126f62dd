#include "tests/sim/world.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "tests/sim/world_door.hpp"

namespace troupe::sim {

namespace {

std::string label(node_index n) { return "node " + std::to_string(n); }

std::size_t lines_from_environment(std::size_t otherwise) {
  const char* text = std::getenv("TROUPE_SIM_TRACE_LINES");
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

world::world(world_options options, process_factory factory)
    : options_(options),
      initial_link_(options.link),
      factory_(std::move(factory)),
      rng_(options.seed),
      net_(options.nodes, options.link),
      nodes_(options.nodes),
      trace_(lines_from_environment(options.trace_lines_max)) {
  if (std::getenv("TROUPE_SIM_PACKETS") != nullptr) options_.trace_packets = true;
}

world::~world() = default;

bool world::step() {
  if (failed() || queue_.empty()) return false;
  now_ = queue_.next();
  happening h = queue_.pop();
  ++counts_.steps;
  handle(h);
  return !failed();
}

void world::run_for(duration d) {
  const time_point end = now_ + d;
  while (!queue_.empty() && queue_.next() <= end && step()) {
  }
  if (!failed()) now_ = end;
}

bool world::run_until(const std::function<bool()>& done, duration limit, duration every) {
  const time_point end = now_ + limit;
  while (!failed()) {
    if (done()) return true;
    if (now_ >= end) return false;
    run_for(std::min(every, end - now_));
  }
  return false;
}

void world::after(duration after, std::function<void()> act) {
  happening h;
  h.act = std::move(act);
  queue_.push(now_ + after, std::move(h));
}

void world::fail(const std::string& what) {
  if (!failed()) failure_ = "at " + std::to_string(std::chrono::duration<double>(now()).count()) + " s: " + what;
}

std::string world::failure_text() const { return trace_.text() + failure_; }

void world::with_process(node_index n, const std::function<void(process&, time_point)>& act) {
  if (!running(n)) return;
  act(*nodes_[n].program, clock_of(n));
  after_call(n);
}

void world::handle(happening& h) {
  using kind = happening::kind;
  if (h.what == kind::script) {
    h.act();
    return;
  }
  node& to = nodes_[h.node];
  if (!running(h.node) || (h.what != kind::packet && h.start != to.starts)) return;
  switch (h.what) {
    case kind::tick:
      if (to.tick_at != now_) return;  // another tick took its place
      to.tick_at = time_point::max();
      break;
    case kind::packet:
      if (h.how == channel::stream && !arrives(h)) return;
      break;
    case kind::link_lost: {
      auto& wire = net_.at(h.node, h.from);
      if (!wire.loss_pending || wire.loss_number != h.generation) return;
      wire.loss_pending = false;
      break;
    }
    case kind::written: finish_write(to, h.generation); break;
    case kind::drain: drain_one(h.node); return;
    case kind::script: return;
  }
  if (!hold_back(h.node, h)) deliver(h.node, h);
}

/// False when the link of a stream packet broke under way. A receiver that has yet to learn that the
/// link before this one broke learns it now, as the handshake of the new link would tell it.
bool world::arrives(const happening& h) {
  if (h.generation != net_.link(h.from, h.node).generation) return false;
  auto& back = net_.at(h.node, h.from);
  if (!back.loss_pending) return true;
  happening loss;
  loss.what = happening::kind::link_lost;
  loss.node = h.node;
  loss.from = h.from;
  loss.closed = true;
  back.loss_pending = false;
  if (!hold_back(h.node, loss)) deliver(h.node, loss);
  return running(h.node) && !failed();
}

/// Keeps what a paused or slow process cannot take now; true when it was kept (or dropped: full).
bool world::hold_back(node_index n, happening& h) {
  node& to = nodes_[n];
  if (to.pauses == 0 && to.io_blocks == 0 && to.slow == duration::zero()) return false;
  if (h.what == happening::kind::tick) {
    if (to.pauses > 0) return true;  // resume() plans it anew
    if (to.io_blocks > 0) return false;
    if (to.inbox.empty()) return false;
    to.tick_at = to.busy_until;
    queue_.push(to.busy_until, std::move(h));
    return true;
  }
  const bool datagram = h.what == happening::kind::packet && h.how == channel::datagram;
  if (datagram && to.inbox.size() >= options_.inbox_max) return true;
  to.inbox.push_back(std::move(h));
  if (to.pauses == 0 && to.io_blocks == 0) plan_drain(n);
  return true;
}

void world::plan_drain(node_index n) {
  node& to = nodes_[n];
  to.busy_until = std::max(to.busy_until, now_) + to.slow;
  happening h;
  h.what = happening::kind::drain;
  h.node = n;
  h.start = to.starts;
  queue_.push(to.busy_until, std::move(h));
}

void world::drain_one(node_index n) {
  node& to = nodes_[n];
  if (to.pauses > 0 || to.io_blocks > 0 || to.inbox.empty()) return;
  happening h = std::move(to.inbox.front());
  to.inbox.pop_front();
  deliver(n, h);
}

/// Hands over all that waited, or plans it when the process is slow.
void world::empty_inbox(node_index n) {
  node& to = nodes_[n];
  to.busy_until = now_;
  if (to.io_blocks > 0) return plan_tick(n);
  if (to.slow > duration::zero()) {
    for (std::size_t i = 0; i < to.inbox.size(); ++i) plan_drain(n);
  } else {
    while (running(n) && !to.inbox.empty() && !failed()) drain_one(n);
  }
  if (running(n)) plan_tick(n);
}

void world::deliver(node_index n, happening& h) {
  using kind = happening::kind;
  process& p = *nodes_[n].program;
  const time_point local = clock_of(n);
  switch (h.what) {
    case kind::tick: p.on_tick(local); break;
    case kind::packet:
      if (options_.trace_packets) {
        trace(label(h.from) + " -> " + std::to_string(n) + (h.how == channel::stream ? " stream " : " datagram ") +
              std::to_string(h.bytes.size()) + " bytes");
      }
      p.on_packet(h.from, h.how, h.bytes, local);
      break;
    case kind::link_lost: p.on_link_ended(h.from, h.closed, local); break;
    case kind::written:
      if (h.act) h.act();
      break;
    case kind::drain:
    case kind::script: break;
  }
  after_call(n);
}

void world::after_call(node_index n) {
  for (auto* c : checkers_) c->on_step(*this, n);
  if (nodes_[n].program->finished()) {
    trace(label(n) + " exits");
    end_process(n, crash_kind::killed);
  } else {
    plan_tick(n);
  }
}

void world::plan_tick(node_index n) {
  node& of = nodes_[n];
  const time_point wanted = of.program->next_tick();
  if (of.pauses > 0 || wanted == time_point::max()) return;
  // A process that wants its tick at once, for ever, would stop the world's time.
  const time_point when = std::max(to_global(of, wanted), now_ + std::chrono::microseconds(1));
  if (of.tick_at <= when) return;  // an early tick does no harm: it is asked again
  of.tick_at = when;
  happening h;
  h.what = happening::kind::tick;
  h.node = n;
  h.start = of.starts;
  queue_.push(when, std::move(h));
}

time_point world::to_local(const node& n, time_point global) {
  const auto passed = (global - n.clock_from).count();
  const auto drift = passed / 1'000'000 * n.drift_ppm + passed % 1'000'000 * n.drift_ppm / 1'000'000;
  return n.clock_base + duration(passed + drift);
}

/// The earliest world time at which the node's clock shows `local` or more.
time_point world::to_global(const node& n, time_point local) {
  if (local <= n.clock_base) return n.clock_from;
  const auto passed = (local - n.clock_base).count();
  const auto rate = 1.0 + static_cast<double>(n.drift_ppm) / 1e6;
  time_point global = n.clock_from + duration(static_cast<duration::rep>(static_cast<double>(passed) / rate));
  for (auto behind = local - to_local(n, global); behind > duration::zero(); behind = local - to_local(n, global)) {
    global += behind;
  }
  return global;
}

}  // namespace troupe::sim
