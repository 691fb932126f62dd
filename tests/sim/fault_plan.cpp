#include "tests/sim/fault_plan.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace troupe::sim {

namespace {

std::vector<node_index> random_group(world& w) {
  std::vector<node_index> all(w.size());
  for (node_index n = 0; n < w.size(); ++n) all[n] = n;
  w.rng().shuffle(all);
  all.resize(1 + w.rng().below(std::max<std::uint64_t>(1, w.size() - 1)));
  return all;
}

node_index random_node(world& w) { return static_cast<node_index>(w.rng().below(w.size())); }

/// The next such fault, or the end of any, replaces it: they do not add up.
void change_conditions(world& w, duration length, const link_conditions& worse) {
  w.trace("the network gets worse");
  w.conditions() = worse;
  w.after(length, [&w] {
    w.trace("the network is as before");
    w.conditions() = w.initial_conditions();
  });
}

void lose_packets(world& w, const fault_mix& mix, duration length) {
  auto worse = w.initial_conditions();
  worse.loss = w.rng().unit() * mix.loss_max;
  change_conditions(w, length, worse);
}

void delay_packets(world& w, const fault_mix&, duration length) {
  auto worse = w.initial_conditions();
  worse.latency_max += w.rng().between(std::chrono::milliseconds(1), std::chrono::milliseconds(300));
  change_conditions(w, length, worse);
}

void reorder_packets(world& w, const fault_mix&, duration length) {
  auto worse = w.initial_conditions();
  worse.reorder = worse.duplicate = 0.2;
  change_conditions(w, length, worse);
}

void split(world& w, const fault_mix&, duration length) {
  const auto group = random_group(w);
  w.partition(group);
  w.after(length, [&w, group] { w.unpartition(group); });
}

void cut_some(world& w, duration length, bool both_ways) {
  const auto from = random_group(w);
  const auto to = random_group(w);
  w.cut(from, to, both_ways);
  w.after(length, [&w, from, to, both_ways] { w.uncut(from, to, both_ways); });
}

void cut_both_ways(world& w, const fault_mix&, duration length) { cut_some(w, length, true); }
void cut_one_way(world& w, const fault_mix&, duration length) { cut_some(w, length, false); }

void pause_one(world& w, const fault_mix&, duration length) {
  const auto n = random_node(w);
  w.pause(n);
  w.after(length, [&w, n] { w.resume(n); });
}

void block_one(world& w, const fault_mix&, duration length) {
  const auto n = random_node(w);
  w.block_io(n);
  w.after(length, [&w, n] { w.unblock_io(n); });
}

void slow_one(world& w, const fault_mix&, duration length) {
  const auto n = random_node(w);
  w.trace("node " + std::to_string(n) + " is slow");
  w.set_slow(n, w.rng().between(std::chrono::milliseconds(1), std::chrono::milliseconds(100)));
  w.after(length, [&w, n] { w.set_slow(n, duration::zero()); });
}

void crash_one(world& w, const fault_mix& mix, duration length, crash_kind how, bool keep_disk) {
  std::uint32_t down = 0;
  for (node_index n = 0; n < w.size(); ++n) down += w.running(n) ? 0 : 1;
  if (down >= mix.down_max) return;
  const auto n = random_node(w);
  w.crash(n, how, keep_disk);
  w.after(length, [&w, n] { w.start(n); });
}

void kill_one(world& w, const fault_mix& mix, duration length) { crash_one(w, mix, length, crash_kind::killed, true); }
void unplug_one(world& w, const fault_mix& mix, duration length) {
  crash_one(w, mix, length, crash_kind::powered_off, true);
}
void wipe_one(world& w, const fault_mix& mix, duration length) { crash_one(w, mix, length, crash_kind::killed, false); }

void break_one_link(world& w, const fault_mix&, duration) {
  const auto a = random_node(w), b = random_node(w);
  if (a != b) w.break_link(a, b);
}

using fault = void (*)(world&, const fault_mix&, duration);

fault pick(world& w, const fault_mix& m) {
  const std::array<std::pair<std::uint32_t, fault>, 13> kinds = {{{m.loss_storm, lose_packets},
                                                                  {m.slow_network, delay_packets},
                                                                  {m.reordering, reorder_packets},
                                                                  {m.partition, split},
                                                                  {m.partial_cut, cut_both_ways},
                                                                  {m.one_way_cut, cut_one_way},
                                                                  {m.pause, pause_one},
                                                                  {m.slow_node, slow_one},
                                                                  {m.kill, kill_one},
                                                                  {m.power_loss, unplug_one},
                                                                  {m.disk_loss, wipe_one},
                                                                  {m.link_break, break_one_link},
                                                                  {m.blocked_io, block_one}}};
  std::uint64_t total = 0;
  for (const auto& k : kinds) total += k.first;
  if (total == 0) return nullptr;
  auto drawn = w.rng().below(total);
  for (const auto& k : kinds) {
    if (drawn < k.first) return k.second;
    drawn -= k.first;
  }
  return nullptr;
}

}  // namespace

void plan_random_faults(world& w, const fault_mix& mix, duration length) {
  duration at{};
  for (;;) {
    at += w.rng().between(std::chrono::milliseconds(10), mix.gap_max);
    if (at >= length) return;
    const fault what = pick(w, mix);
    if (what == nullptr) return;
    // Most faults are short: the square of a uniform draw.
    const double share = w.rng().unit();
    const auto lasts =
        duration(static_cast<duration::rep>(share * share * static_cast<double>(mix.length_max.count())));
    w.after(at, [&w, mix, what, lasts] { what(w, mix, lasts + std::chrono::milliseconds(10)); });
  }
}

}  // namespace troupe::sim
