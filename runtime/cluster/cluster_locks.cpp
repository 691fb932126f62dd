// Locks between the cluster's parts: asks go to the leader (which may be this very node), what the leader decides
// goes into the cluster record, and the committed record tells the server and the picture.
#include <algorithm>
#include <utility>

#include "runtime/cluster/cluster_machine.hpp"

namespace troupe {

namespace {

/// After a proposal that was not taken.
constexpr duration propose_again = std::chrono::milliseconds(50);

/// Leader and token by role.
std::map<std::string, std::pair<std::string, std::uint64_t>> roles_of(const lock_table& table) {
  std::map<std::string, std::pair<std::string, std::uint64_t>> found;
  for (const auto& [key, row] : table.rows) {
    if (key.kind == lock_kind::role) found[key.name] = {row.grants.front().holder.name, row.grants.front().token};
  }
  return found;
}

}  // namespace

expected<claim_number> cluster_machine::claim(lock_request request, bool stays, time_point now, cluster_output& out) {
  if (departure_ != departure::none) return fail(errc::unavailable, "this node is leaving");
  auto claimed = claims_.claim(std::move(request), stays, now);
  settle(now, out);
  return claimed;
}

void cluster_machine::drop_claim(claim_number claim, time_point now, cluster_output& out) {
  claims_.drop(claim, now);
  settle(now, out);
}

expected<void> cluster_machine::keep_claim(claim_number claim, time_point until, time_point now, cluster_output& out) {
  auto kept = claims_.keep(claim, until);
  settle(now, out);
  return kept;
}

void cluster_machine::on_lock_message(const member_ref& from, std::string_view bytes, time_point now) {
  const auto message = decode_lock_message(bytes);
  if (!message) {
    ++locks_malformed_;
    return;
  }
  deliver_locks(from, *message, now);
}

// An ask counts only under this node's lease: a later leader could not have begun before the answer.
void cluster_machine::deliver_locks(const member_ref& from, const lock_message& m, time_point now) {
  if (m.answer) return claims_.on_answer(m, now);
  const auto& record = lead_.record();
  const bool known = record && record->pid_of(from) != 0;
  if (known && lead_.may_act(now)) locks_.on_ask(from, m, now, lock_packets_);
}

void cluster_machine::on_lock_table(const cluster_record& record, time_point now, cluster_output& out) {
  if (record.locks == locks_known_) return;
  auto table = decode_lock_table(record.locks);
  if (!table) {
    out.events.push_back({"record_damaged", {{"reason", table.error().context}}});
    return;
  }
  locks_known_ = record.locks;
  const auto before = roles_of(locks_.table());
  locks_.on_table(*table, now, lock_packets_);
  const auto after = roles_of(*table);
  const auto tell = [&](const std::string& role, const std::string& leader, std::uint64_t token) {
    out.events.push_back({"role_changed", {{"role", role}, {"leader", leader}, {"token", std::to_string(token)}}});
  };
  for (const auto& [role, held] : after) {
    const auto was = before.find(role);
    if (was == before.end() || was->second != held) tell(role, held.first, held.second);
  }
  for (const auto& [role, held] : before) {
    if (!after.contains(role)) tell(role, "", 0);
  }
}

void cluster_machine::tend_locks(time_point now, cluster_output& out) {
  const auto& leader = lead_.leader_now();
  claims_.on_leader(leader ? std::optional(leader->who) : std::nullopt, now);
  claims_.run(now, lock_packets_);
  carry_locks(now, out);
  const bool may = locks_.leads() && lead_.may_act(now) && !lock_proposal_ && now >= locks_again_;
  if (auto next = may ? locks_.next_table(now) : std::nullopt) {
    record_change change;
    change.locks = encode(*next);
    const auto proposed = lead_.propose(std::move(change), now, e_);
    if (proposed)
      lock_proposal_ = *proposed;
    else
      locks_again_ = now + propose_again;
  }
  auto happened = claims_.take_events();
  std::move(happened.begin(), happened.end(), std::back_inserter(out.locks));
}

void cluster_machine::carry_locks(time_point now, cluster_output& out) {
  while (!lock_packets_.empty()) {
    for (auto& p : std::exchange(lock_packets_, {})) {
      if (p.to.id == self_.id) {
        deliver_locks(p.to, p.message, now);
        continue;
      }
      const auto* to = members_.find(p.to.name);
      if (to == nullptr || to->id != p.to.id) continue;  // as if the packet were lost
      out.link_messages.push_back({to->address, to->id, static_cast<char>(link_tag::locks) + encode(p.message)});
    }
  }
}

time_point cluster_machine::next_lock_tick() const {
  const auto served = lock_proposal_ ? time_point::max() : std::max(locks_.next_tick(), locks_again_);
  return std::min(claims_.next_tick(), served);
}

void cluster_machine::describe_locks(cluster_view& view) const {
  view.locks.clear();
  for (const auto& [key, row] : locks_.table().rows) {
    lock_row_view shown{key.kind, key.name, row.permits, {}};
    for (const auto& g : row.grants) shown.holders.push_back({g.holder.name, g.token, g.ttl});
    view.locks.push_back(std::move(shown));
  }
}

}  // namespace troupe
