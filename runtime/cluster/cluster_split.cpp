// What a node does with its verdict on a split network (split_brain.hpp): it says so, and under a policy that
// is narrower than votes it neither leads nor serves.
#include "runtime/cluster/cluster_machine.hpp"

namespace troupe {

void cluster_machine::consider_split(time_point now, cluster_output& out) {
  if (split_judged_ == members_.version() && now < split_.next_tick()) return;
  split_judged_ = members_.version();
  const bool was_cut_off = !split_.cut_off().empty();
  if (!split_.on_picture(split_seen(), now)) return;
  out.picture_changed = true;
  keep_aside(now);
  if (!split_.cut_off().empty()) {
    if (!was_cut_off) out.events.push_back({"cut_off", {{"reason", "this node " + split_.cut_off()}}});
  } else {
    out.events.push_back({"cut_off_ended", {{"name", self_.name}}});
  }
}

split_picture cluster_machine::split_seen() const {
  split_picture p;
  const auto& record = lead_.record();
  std::uint64_t oldest_pid = 0;
  const auto consider = [&](const membership::record& r) {
    if (record == nullptr || r.state == member_state::departed) return;
    const auto pid = record->pid_of({r.name, r.id});
    if (pid == 0 || (oldest_pid != 0 && pid > oldest_pid)) return;
    oldest_pid = pid;
    p.oldest = r.name;
    p.oldest_heard = membership::is_live(r.state);
  };
  consider(members_.self());
  for (const auto& [name, r] : members_.others()) {
    if (r.state == member_state::departed) continue;
    ++p.known;
    p.heard += membership::is_live(r.state) ? 1 : 0;
    consider(r);
  }
  p.store_decides = lead_.in_store();
  if (!record || p.store_decides) return p;
  p.voters = record->voters.size();
  for (const auto& v : record->voters) {
    const auto* m = members_.find(v.name);
    p.voters_heard += m != nullptr && membership::is_live(m->state) ? 1U : 0U;
  }
  return p;
}

}  // namespace troupe
