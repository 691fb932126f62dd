// What must never be in a simulated cluster, looked after at every step.
#include <string>
#include <utility>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

void cluster_checker::on_step(world& w, node_index changed) {
  const auto& p = *w.process_of<cluster_process>(changed);
  if (!p.fault().empty()) w.fail("node " + std::to_string(changed) + ": " + p.fault());
  if (p.machine() == nullptr) return;
  check_followed(w, changed, p);
  check_leader(w, changed, p);
  check_table(w, changed, p);
  check_primaries(w, changed, p);
  check_record(w, changed, p);
  check_lease(w, changed, p);
  if (p.grains() != nullptr) check_grains(w, changed, p);
  if (p.reminded() != nullptr && !p.reminded()->fault().empty()) w.fail(p.reminded()->fault());
}

void cluster_checker::check_followed(world& w, node_index n, const cluster_process& p) {
  const auto& known = p.machine()->lead().leader_now();
  if (!known) return;
  auto& followed = seen_[n].followed;
  if (!followed.empty() && known->term < followed.rbegin()->first) {
    w.fail("node " + std::to_string(n) + " follows a term that is over");
  }
  const auto first = followed.emplace(known->term, known->who.id).first;
  if (first->second != known->who.id) w.fail("node " + std::to_string(n) + " follows two leaders of a term");
}

void cluster_checker::check_leader(world& w, node_index n, const cluster_process& p) {
  const auto& lead = p.machine()->lead();
  if (!lead.may_act(w.clock_of(n))) return;
  const auto who = "node " + std::to_string(n);
  const auto& known = lead.leader_now();
  if (!known || known->who.id != p.id()) return w.fail(who + " may act, but does not know that it leads");
  const bool over = !leaders_.empty() && known->term < leaders_.rbegin()->first;
  if (over && !store_forgets) w.fail(who + " acts under a term that is over");
  if (leaders_.emplace(known->term, p.id()).first->second != p.id()) w.fail(who + " acts under another's term");
  for (node_index other = 0; other < w.size(); ++other) {
    const auto* q = w.process_of<cluster_process>(other);
    if (other == n || q == nullptr || q->machine() == nullptr) continue;
    if (q->machine()->lead().may_act(w.clock_of(other))) w.fail(who + " and " + std::to_string(other) + " both lead");
  }
}

// A paused process counts: when it goes on, its first command may come before any packet does.
void cluster_checker::check_primaries(world& w, node_index n, const cluster_process& p) {
  const auto mine = p.serves(w.clock_of(n));
  if (mine == 0) return;
  for (node_index other = 0; other < w.size(); ++other) {
    const auto* q = w.process_of<cluster_process>(other);
    if (other == n || q == nullptr || (q->serves(w.clock_of(other)) & mine) == 0) continue;
    w.fail("nodes " + std::to_string(n) + " and " + std::to_string(other) + " both serve a shard");
  }
}

void cluster_checker::check_table(world& w, node_index n, const cluster_process& p) {
  auto& before = seen_[n].table;
  const auto& now = p.adopted();
  if (now.stamp == before) return;
  if (now.stamp < before) w.fail("node " + std::to_string(n) + ": the stamp of its table fell");
  before = now.stamp;
  if (tables_.emplace(now.stamp, now).first->second != now) w.fail("two tables share a stamp");
}

void cluster_checker::check_record(world& w, node_index n, const cluster_process& p) {
  const auto& record = p.machine()->lead().record();
  auto& before = seen_[n].record;
  if (record == before) return;
  before = record;
  for (const auto& [who, pid] : record->pids) {
    if (pids_.emplace(pid, who).first->second != who) w.fail("PID " + std::to_string(pid) + " was given twice");
  }
}

// Only beside the table of the record is a lease longer than before. A lone node that keeps its PID needs none.
void cluster_checker::check_lease(world& w, node_index n, const cluster_process& p) {
  const auto until = p.machine()->serve_until();
  const auto before = std::exchange(seen_[n].served_until, until);
  const auto& record = p.machine()->lead().record();
  if (until <= before || until == time_point::max() || !record || record->shard_table.empty()) return;
  if (p.adopted().stamp < record->at) w.fail("node " + std::to_string(n) + " serves longer beside an old table");
}

// A paused process counts here too.
void cluster_checker::check_grains(world& w, node_index n, const cluster_process& p) {
  if (!p.truth()->fault().empty()) w.fail(p.truth()->fault());
  const auto mine = p.grains()->serves(w.clock_of(n));
  if (mine == 0) return;
  for (node_index other = 0; other < w.size(); ++other) {
    const auto* q = w.process_of<cluster_process>(other);
    if (other == n || q == nullptr || q->grains() == nullptr) continue;
    if ((q->grains()->serves(w.clock_of(other)) & mine) == 0) continue;
    w.fail("nodes " + std::to_string(n) + " and " + std::to_string(other) + " both have a grain awake");
  }
}

}  // namespace troupe::sim
