#include "runtime/election/roll.hpp"

#include <tuple>

namespace troupe {

bool roll::put(const election_member& m, time_point now) {
  auto found = rows_.find(m.who.name);
  const bool here = m.state == member_state::alive || m.state == member_state::suspect;
  if (found == rows_.end()) {
    if (rows_.size() >= record_members_max) return false;
    found = rows_.emplace(m.who.name, roll_row{}).first;
  } else if (found->second.id != m.who.id) {
    if (!here && found->second.present()) return false;
    const auto lease_end = found->second.granted_until;
    found->second = roll_row{};
    found->second.granted_until = found->second.granted_earlier = lease_end;
  } else if (std::tie(found->second.state, found->second.address, found->second.priority) ==
             std::tie(m.state, m.address, m.priority)) {
    return false;
  }
  auto& row = found->second;
  if (row.id != m.who.id || row.state != m.state) row.since = now;
  row.id = m.who.id;
  row.state = m.state;
  row.address = m.address;
  row.priority = m.priority;
  return true;
}

roll_row* roll::find(const std::string& name) {
  const auto found = rows_.find(name);
  return found == rows_.end() ? nullptr : &found->second;
}

const roll_row* roll::find(const std::string& name) const {
  const auto found = rows_.find(name);
  return found == rows_.end() ? nullptr : &found->second;
}

roll_row* roll::find(const member_ref& who) {
  auto* row = find(who.name);
  return row != nullptr && row->id == who.id ? row : nullptr;
}

bool roll::present(const member_ref& who) const {
  const auto* row = find(who.name);
  return row != nullptr && row->id == who.id && row->present();
}

member_rank roll::rank_of(const std::string& name, const roll_row& row, const cluster_record* record) const {
  return {row.priority, record == nullptr ? 0 : record->pid_of({name, row.id}), name};
}

}  // namespace troupe
