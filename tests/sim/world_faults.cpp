// What is done to nodes and wires: starts and ends of processes, pauses, cuts, healing.
#include <algorithm>
#include <utility>

#include "tests/sim/world.hpp"
#include "tests/sim/world_door.hpp"

namespace troupe::sim {

void world::start(node_index n) {
  node& of = nodes_[n];
  if (running(n)) return;
  random own = rng_.fork();
  const auto skew = rng_.between(duration::zero(), options_.clock_skew_max);
  const auto drift_max = options_.clock_drift_ppm_max;
  const auto drift = static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(2 * drift_max + 1))) - drift_max;
  of.clock_base = time_point{} + std::chrono::hours(1) + (of.clock_given ? of.skew : skew);
  if (!of.clock_given) of.drift_ppm = drift;
  of.clock_from = now_;
  of.tick_at = time_point::max();
  of.busy_until = now_;
  of.inbox.clear();
  of.outbox.clear();
  of.unreachable = false;
  trace("node " + std::to_string(n) + " starts");
  of.outside = std::make_unique<door>(*this, n);
  of.program = factory_(n, of.starts++, *of.outside, own);
  of.program->on_start(clock_of(n));
  after_call(n);
}

void world::start_all() {
  for (node_index n = 0; n < size(); ++n) start(n);
}

void world::crash(node_index n, crash_kind how, bool keep_disk) {
  if (!running(n)) return;
  const bool killed = how == crash_kind::killed;
  trace("node " + std::to_string(n) + (killed ? " is killed" : " loses power") + (keep_disk ? "" : " and its disk"));
  node& of = nodes_[n];
  for (auto& w : of.writes) {
    if (rng_.chance(0.5)) of.files[w.file] = std::move(w.bytes);  // it had reached the disk
  }
  if (!keep_disk) of.files.clear();
  of.unreachable = !killed;
  end_process(n, how);
}

void world::end_process(node_index n, crash_kind how) {
  node& of = nodes_[n];
  of.program.reset();
  of.outside.reset();
  of.inbox.clear();
  of.outbox.clear();
  of.writes.clear();
  of.pauses = of.io_blocks = 0;
  for (node_index peer = 0; peer < size(); ++peer) {
    if (peer == n) continue;
    close_link(n, peer, how == crash_kind::killed);
    net_.at(n, peer).loss_pending = false;
  }
  for (auto* c : checkers_) c->on_gone(*this, n);
}

void world::leave(node_index n) {
  trace("node " + std::to_string(n) + " is asked to leave");
  with_process(n, [](process& p, time_point now) { p.leave(now); });
}

bool world::healthy(node_index n) const {
  return running(n) && nodes_[n].pauses == 0 && nodes_[n].io_blocks == 0 && nodes_[n].slow == duration::zero();
}

void world::pause(node_index n) {
  if (!running(n)) return;
  trace("node " + std::to_string(n) + " is paused");
  ++nodes_[n].pauses;
  nodes_[n].tick_at = time_point::max();
}

void world::resume(node_index n) {
  if (!running(n) || nodes_[n].pauses == 0) return;
  trace("node " + std::to_string(n) + " goes on");
  if (--nodes_[n].pauses == 0) empty_inbox(n);
}

void world::block_io(node_index n) {
  if (!running(n)) return;
  trace("node " + std::to_string(n) + " neither sends nor receives");
  ++nodes_[n].io_blocks;
}

void world::unblock_io(node_index n) {
  if (!running(n) || nodes_[n].io_blocks == 0) return;
  trace("node " + std::to_string(n) + " sends and receives again");
  if (--nodes_[n].io_blocks == 0) flush(n);
}

/// What a blocked process sent leaves it, what came for it arrives.
void world::flush(node_index n) {
  std::deque<unsent> waiting;
  std::swap(waiting, nodes_[n].outbox);
  for (auto& u : waiting) send(n, u.to, u.how, std::move(u.bytes));
  if (nodes_[n].pauses == 0) empty_inbox(n);
}

void world::set_slow(node_index n, duration per_packet) {
  nodes_[n].slow = per_packet;
  if (per_packet == duration::zero() && healthy(n)) empty_inbox(n);
}

void world::set_clock(node_index n, duration skew, std::int64_t drift_ppm) {
  nodes_[n].clock_given = true;
  nodes_[n].skew = skew;
  nodes_[n].drift_ppm = drift_ppm;
}

void world::cut_one_way(const std::vector<node_index>& from, const std::vector<node_index>& to) {
  for (const auto a : from) {
    for (const auto b : to) {
      if (a == b) continue;
      ++net_.at(a, b).cuts;
      close_link(a, b, false);
    }
  }
}

void world::cut(const std::vector<node_index>& from, const std::vector<node_index>& to, bool both_ways) {
  std::string line = both_ways ? "cut, both ways:" : "cut, one way:";
  for (const auto n : from) line += " " + std::to_string(n);
  line += " |";
  for (const auto n : to) line += " " + std::to_string(n);
  trace(std::move(line));
  cut_one_way(from, to);
  if (both_ways) cut_one_way(to, from);
}

void world::uncut(const std::vector<node_index>& from, const std::vector<node_index>& to, bool both_ways) {
  trace("a cut ends");
  auto lift = [this](node_index a, node_index b) {
    auto& cuts = net_.at(a, b).cuts;
    if (a != b && cuts > 0) --cuts;
  };
  for (const auto a : from) {
    for (const auto b : to) {
      lift(a, b);
      if (both_ways) lift(b, a);
    }
  }
}

std::vector<node_index> world::all_but(const std::vector<node_index>& group) const {
  std::vector<node_index> others;
  for (node_index n = 0; n < size(); ++n) {
    if (std::find(group.begin(), group.end(), n) == group.end()) others.push_back(n);
  }
  return others;
}

void world::partition(const std::vector<node_index>& group) { cut(group, all_but(group)); }
void world::unpartition(const std::vector<node_index>& group) { uncut(group, all_but(group)); }

void world::heal(bool restart) {
  trace("everything heals");
  net_.heal(initial_link_);
  for (node_index n = 0; n < size(); ++n) {
    nodes_[n].slow = duration::zero();
    nodes_[n].unreachable = false;
    if (running(n)) {
      nodes_[n].pauses = nodes_[n].io_blocks = 0;
      flush(n);
    } else if (restart && nodes_[n].starts > 0) {
      start(n);
    }
  }
}

}  // namespace troupe::sim
