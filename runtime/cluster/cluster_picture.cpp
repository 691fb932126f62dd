// The cluster as people see it: names instead of PIDs, the calendar instead of the node's clock.
#include <algorithm>

#include "runtime/cluster/cluster_machine.hpp"
#include "runtime/entities/entity_duty.hpp"
#include "runtime/membership/shown.hpp"

namespace troupe {

namespace {

// The member's name that has this PID in the record, if it is there: a shard whose primary has failed has none,
// also while that one's lease still runs.
class name_by_pid {
 public:
  name_by_pid(const cluster_record& record, const membership::swim& members) {
    for (const auto& [who, pid] : record.pids) {
      const auto* m = members.find(who.name);
      const bool there = m != nullptr && m->id == who.id && membership::is_live(m->state);
      if (there) names_[pid] = &who.name;
    }
  }
  [[nodiscard]] std::string operator()(std::uint64_t pid) const {
    const auto it = names_.find(pid);
    return it == names_.end() ? std::string{} : *it->second;
  }
  [[nodiscard]] std::vector<std::string> operator()(const std::vector<std::uint64_t>& pids) const {
    std::vector<std::string> found;
    for (const auto pid : pids) {
      if (auto name = (*this)(pid); !name.empty()) found.push_back(std::move(name));
    }
    return found;
  }

 private:
  std::map<std::uint64_t, const std::string*> names_;
};

shard_placement row_of(std::uint32_t shard, const shard_row& row, const name_by_pid& name) {
  shard_placement p{shard, name(row.primary), name(row.replicas), name(row.in_sync), row.epoch};
  if (!p.primary.empty()) p.in_sync.insert(p.in_sync.begin(), p.primary);
  return p;
}

bool runs(const member& m, const std::string& service) {
  const bool here = m.state == member_state::alive || m.state == member_state::suspect;
  if (!here) return false;
  const auto prefix = entity_service_name("");
  if (service.starts_with(prefix)) return tells_entity(m.services, std::string_view(service).substr(prefix.size()));
  return std::find(m.services.begin(), m.services.end(), service) != m.services.end();
}

}  // namespace

void cluster_machine::describe(cluster_view& view, wall_time (*wall)(time_point)) const {
  view.pid = pid();
  view.members = {membership::shown(members_.self(), wall(started_))};
  for (const auto& [name, r] : members_.others()) view.members.push_back(membership::shown(r, wall(r.since)));
  std::sort(view.members.begin(), view.members.end(), [](const auto& a, const auto& b) { return a.name < b.name; });

  view.cut_off = cut_off();
  view.leader_now.reset();
  if (const auto& l = lead_.leader_now()) {
    view.leader_now =
        leader{l->who.name, l->pid, l->term, l->fenced, l->fenced_reason, wall(l->since), l->who.id, l->cause};
  }
  view.last_leader.reset();
  if (const auto& l = last_leader_) {
    view.last_leader = leader_ending{l->lost.who.name, l->lost.term, l->lost.reason, wall(l->at)};
  }
  describe_locks(view);
  view.shards.clear();
  if (const auto& record = lead_.record()) {
    const name_by_pid name(*record, members_);
    for (std::uint32_t s = 0; s < table_.rows.size(); ++s) view.shards.push_back(row_of(s, table_.rows[s], name));
  }
  for (auto& service : view.services) {
    service.nodes.clear();
    for (const auto& m : view.members) {
      if (runs(m, service.name)) service.nodes.push_back(m.name);
    }
  }
}

std::map<std::uint64_t, link_target> cluster_machine::addresses_by_pid() const {
  std::map<std::uint64_t, link_target> found;
  const auto& record = lead_.record();
  if (!record) return found;
  for (const auto& [who, pid] : record->pids) {
    const auto* m = members_.find(who.name);
    if (m != nullptr && m->id == who.id) found[pid] = {m->address, m->id};
  }
  return found;
}

}  // namespace troupe
