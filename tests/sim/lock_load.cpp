#include "tests/sim/lock_load.hpp"

#include <optional>

namespace troupe::sim {

namespace {

using namespace std::chrono_literals;

const std::vector<lock_key> keys = {{lock_kind::lock, "a"},
                                    {lock_kind::lock, "b"},
                                    {lock_kind::semaphore, "two"},
                                    {lock_kind::semaphore, "three"},
                                    {lock_kind::role, "r"}};

void act(world& w, node_index n, const std::function<void(cluster_machine&, time_point, cluster_output&)>& what) {
  w.with_process(n, [&](process& p, time_point now) {
    static_cast<cluster_process&>(p).with(now, [&](cluster_machine& m, cluster_output& out) { what(m, now, out); });
  });
}

void claim_or_drop(world& w) {
  const auto n = static_cast<node_index>(w.rng().below(w.size()));
  if (!w.running(n) || w.paused(n)) return;
  const auto& key = keys[w.rng().below(keys.size())];
  const bool drops = w.rng().chance(0.4);
  const auto ttl = w.rng().between(1s, 4s);
  const auto wait = w.rng().chance(0.5) ? duration::zero() : w.rng().between(100ms, 3s);
  act(w, n, [&](cluster_machine& m, time_point now, cluster_output& out) {
    const auto held = m.claims().holdings();
    if (drops && !held.empty()) return m.drop_claim(held[w.rng().below(held.size())].claim, now, out);
    (void)m.claim({key.kind, key.name, permits_of(key), ttl, wait}, key.kind == lock_kind::role, now, out);
  });
}

}  // namespace

std::uint32_t permits_of(const lock_key& key) { return key.name == "two" ? 2 : key.name == "three" ? 3 : 1; }

void lock_checker::on_step(world& w, node_index changed) {
  const auto* p = w.process_of<cluster_process>(changed);
  if (p == nullptr || p->machine() == nullptr) return;
  for (const auto& h : p->machine()->claims().holdings()) {
    if (h.until <= w.clock_of(changed)) continue;
    const auto [known, first] = tokens_.emplace(h.token, std::pair(p->id(), h.claim));
    if (known->second != std::pair(p->id(), h.claim)) w.fail("token " + std::to_string(h.token) + " is held twice");
    if (!first) continue;
    ++grants;
    auto& highest = highest_[h.key];
    if (permits_of(h.key) == 1 && h.token <= highest) w.fail("the token of " + h.key.name + " went back");
    highest = std::max(highest, h.token);
  }
  std::map<lock_key, std::uint32_t> held;
  for (node_index n = 0; n < w.size(); ++n) {
    const auto* q = w.process_of<cluster_process>(n);
    if (q == nullptr || q->machine() == nullptr) continue;
    for (const auto& h : q->machine()->claims().holdings()) {
      if (h.until > w.clock_of(n) && ++held[h.key] > permits_of(h.key)) w.fail(h.key.name + " is held too often");
    }
  }
}

void plan_locks(world& w, duration length) {
  const auto end = w.now() + length;
  w.after(w.rng().between(5ms, 300ms), [&w, end] {
    if (w.now() >= end) return;
    claim_or_drop(w);
    plan_locks(w, end - w.now());
  });
}

void drop_all_locks(world& w) {
  for (node_index n = 0; n < w.size(); ++n) {
    if (!w.running(n)) continue;
    act(w, n, [](cluster_machine& m, time_point now, cluster_output& out) {
      for (const auto& h : m.claims().holdings()) m.drop_claim(h.claim, now, out);
    });
  }
}

}  // namespace troupe::sim
