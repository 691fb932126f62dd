#include "tests/sim/registry_stage.hpp"

#include <algorithm>

namespace troupe::sim {
namespace {

constexpr char asks = 'q';
constexpr char answers = 'a';
constexpr std::uint64_t keys = 6;
constexpr std::size_t entries_of_a_node = 12;

registry_stage::entries entries_of(const registry_ledger& l) {
  registry_stage::entries all;
  for (const auto& [e, version] : l.entries()) all.insert(e);
  return all;
}

}  // namespace

// --- a process

registry_process::registry_process(registry_stage& stage, node_index self, outside& out, random rng)
    : stage_(stage),
      self_(self),
      out_(out),
      rng_(rng),
      id_{rng_.next() | 1U, rng_.next()},
      machine_(id_, rng_.fork()) {}

void registry_process::on_start(time_point now) {
  note_truth();
  look(now);
}

void registry_process::look(time_point now) {
  look_at_ = now + look_interval;
  for (node_index n = 0; n < stage_.w.size(); ++n) {
    if (n == self_) continue;
    const auto* there = stage_.at(n);
    const auto seen = members_.find(n);
    const auto is = there == nullptr ? incarnation_id{} : there->id();
    const auto believed = seen == members_.end() ? incarnation_id{} : seen->second;
    if (is != believed && rng_.chance(stage_.setup.noticed)) {
      if (is.empty())
        members_.erase(n);
      else
        members_[n] = is;
    } else if (rng_.chance(stage_.setup.false_alarms)) {
      members_.erase(n);
    }
  }
  std::set<incarnation_id> others;
  for (const auto& [n, id] : members_) others.insert(id);
  machine_.set_members(others, now);
}

void registry_process::on_tick(time_point now) {
  if (now >= look_at_) look(now);
  if (machine_.next_tick() > now) return;
  for (const auto& [to, m] : machine_.on_tick(now)) send(to, asks, m);
  if (machine_.next_tick() <= now) stage_.w.fail("node " + std::to_string(self_) + ": a tick that leads nowhere");
}

void registry_process::send(const incarnation_id& to, char kind, const registry_message& m) {
  for (const auto& [n, id] : members_) {
    if (id == to) return out_.send(n, stage_.setup.how, kind + encode(m));
  }
}

// As the link's requests: an answer, empty perhaps, to whatever was asked; what an answer leads to is asked again.
void registry_process::on_packet(node_index from, channel, std::string_view bytes, time_point now) {
  const auto* sender = stage_.at(from);
  if (sender == nullptr || bytes.empty()) return;
  const auto m = decode_registry_message(bytes.substr(1));
  if (!m) return stage_.w.fail("node " + std::to_string(self_) + ": " + describe(m.error()));
  const auto reply = machine_.on_message(sender->id(), *m, now);
  const auto back = reply.value_or(registry_message{});
  if (bytes.front() == asks)
    out_.send(from, stage_.setup.how, answers + encode(back));
  else if (reply)
    out_.send(from, stage_.setup.how, asks + encode(back));
}

void registry_process::change(time_point now) {
  const auto all = entries_of(machine_.mine());
  if (!all.empty() && (all.size() >= entries_of_a_node || rng_.chance(0.4))) {
    machine_.remove(*std::next(all.begin(), static_cast<std::ptrdiff_t>(rng_.below(all.size()))), now);
  } else {
    (void)machine_.add({"k" + std::to_string(rng_.below(keys)), next_actor_++}, now);
  }
  note_truth();
}

void registry_process::note_truth() { stage_.truth[id_][machine_.mine().version()] = entries_of(machine_.mine()); }

// --- the stage

registry_stage::registry_stage(world_options options, registry_setup given)
    : setup(given), w(options, [this](node_index n, std::uint32_t, outside& out, random rng) {
        return std::make_unique<registry_process>(*this, n, out, rng);
      }) {
  w.add(*this);
}

void registry_stage::run_changes(duration pause_max, duration until) {
  w.after(w.rng().between(std::chrono::milliseconds(1), pause_max), [this, pause_max, until] {
    if (w.now() > until) return;
    const auto n = static_cast<node_index>(w.rng().below(w.size()));
    w.with_process(n, [&](process& p, time_point now) {
      static_cast<registry_process&>(p).change(now);
      ++changes;
    });
    run_changes(pause_max, until);
  });
}

void registry_stage::on_step(world& world_now, node_index changed) {
  const auto* p = at(changed);
  if (p == nullptr) return;
  auto& known = checked_[changed];
  std::erase_if(known, [&](const auto& row) { return p->machine().of(row.first) == nullptr; });
  for (const auto& [n, id] : p->members()) {
    const auto* l = p->machine().of(id);
    if (l == nullptr) return world_now.fail("node " + std::to_string(changed) + " has no ledger of a member");
    auto& version = known[id];
    if (l->version() == version) continue;
    if (l->version() < version) return world_now.fail("node " + std::to_string(changed) + ": a version went back");
    version = l->version();
    const auto& states = truth[id];
    const auto was = states.find(version);
    ++looked_at;
    if (was == states.end() || was->second != entries_of(*l))
      return world_now.fail("node " + std::to_string(changed) + " holds what node " + std::to_string(n) +
                            " never had at version " + std::to_string(version));
  }
}

bool registry_stage::converged() const {
  for (node_index a = 0; a < w.size(); ++a) {
    if (at(a) == nullptr) continue;
    std::size_t wanted = 0;
    for (node_index b = 0; b < w.size(); ++b) {
      const auto* there = at(b);
      if (there == nullptr) continue;
      wanted += there->machine().mine().entries().size();
      if (a == b) continue;
      const auto* l = at(a)->machine().of(there->id());
      if (l == nullptr || l->version() != there->machine().mine().version()) return false;
    }
    if (at(a)->machine().entries() != wanted) return false;
  }
  return true;
}

}  // namespace troupe::sim
