#include "runtime/election/upkeep.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "runtime/election/options.hpp"

namespace troupe {
namespace {

bool may_get_pid(const std::string& name, const roll_row& row, const member_ref& self) {
  return row.present() && (row.vetted || member_ref{name, row.id} == self);
}

bool gone(const member_ref& who, const upkeep_view& view) {
  const auto* row = view.members.find(who.name);
  if (row == nullptr) return view.now - view.led_since >= failed_pid_kept;
  if (row->id != who.id) return row->present();
  if (row->serves()) return false;
  return row->state == member_state::departed || view.now - row->since >= failed_pid_kept;
}

bool can_join_voters(const cluster_record& record, const std::string& name, const roll_row& row,
                     const upkeep_view& view) {
  const bool answers = name == view.self.name || row.asks(view.now, view.lately);
  return answers && row.state == member_state::alive && row.vetted && !row.voter.empty() &&
         !record.has_voter(row.voter) && record.voter_named(name) == nullptr;
}

/// The member that would become a voter next; null when there is none.
const roll::rows::value_type* next_voter(const cluster_record& record, const upkeep_view& view) {
  const roll::rows::value_type* best = nullptr;
  std::uint64_t best_pid = std::numeric_limits<std::uint64_t>::max();
  for (const auto& row : view.members.all()) {
    const auto pid = record.pid_of({row.first, row.second.id});
    if (pid == 0 || pid >= best_pid || !can_join_voters(record, row.first, row.second, view)) continue;
    best = &row;
    best_pid = pid;
  }
  return best;
}

/// True when a majority of `of` voters has answered a round sent after `since`, and lately.
bool majority_answers(const std::vector<record_voter>& voters, std::size_t of, time_point since,
                      const upkeep_view& view) {
  const auto oldest = std::max(since, view.now - view.lately);
  const auto count = std::count_if(voters.begin(), voters.end(), [&](const auto& v) {
    if (v.name == view.self.name) return true;
    const auto found = view.answered.find(v.id);
    return found != view.answered.end() && found->second >= oldest;
  });
  return static_cast<std::size_t>(count) >= majority_of(of);
}

bool remove_one(cluster_record& record, const upkeep_view& view) {
  if (record.voters.size() < 2) return false;
  for (std::size_t i = 0; i < record.voters.size(); ++i) {
    const auto& v = record.voters[i];
    const auto* row = view.members.find(v.name);
    if (row == nullptr) continue;
    const bool new_disk = row->state == member_state::alive && row->vetted && !row->voter.empty() && row->voter != v.id;
    const bool left = row->state == member_state::departed && next_voter(record, view) != nullptr;
    if (!new_disk && !left) continue;
    auto rest = record.voters;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    // Answers from before the cause was seen say nothing of who is there now.
    if (!majority_answers(rest, rest.size(), row->since, view)) continue;
    record.voters = std::move(rest);
    return true;
  }
  return false;
}

}  // namespace

bool give_pids(cluster_record& record, const upkeep_view& view) {
  bool changed = false;
  for (const auto& [name, row] : view.members.all()) {
    const member_ref who{name, row.id};
    if (!may_get_pid(name, row, view.self) || record.pids.contains(who)) continue;
    if (record.pids.size() >= record_members_max || record.highest_pid + 1 >= term_max) continue;
    record.pids[who] = ++record.highest_pid;
    changed = true;
  }
  if (changed) std::erase_if(record.pids, [&](const auto& entry) { return gone(entry.first, view); });
  return changed;
}

bool adjust_voters(cluster_record& record, const upkeep_view& view) {
  if (record.voters.size() < record.expected_members) {
    if (const auto* row = next_voter(record, view); row != nullptr) {
      // The newcomer itself is not counted on.
      if (majority_answers(record.voters, record.voters.size() + 1, view.now - view.lately, view)) {
        record.voters.push_back({row->second.voter, row->first, row->second.address});
        return true;
      }
    }
  }
  if (remove_one(record, view)) return true;
  bool changed = false;
  for (auto& v : record.voters) {  // a member may come back on another address; the voters stay the same
    const auto* row = view.members.find(v.name);
    if (row == nullptr || !row->present() || row->voter != v.id || row->address == v.address) continue;
    v.address = row->address;
    changed = true;
  }
  return changed;
}

}  // namespace troupe
