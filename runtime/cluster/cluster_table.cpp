// The leader's duty: a shard table that gives every shard a living primary, changed only when the lease
// of the primary that is replaced has ended (Gray and Cheriton, "Leases", 1989).
#include <algorithm>

#include "runtime/cluster/cluster_machine.hpp"

namespace troupe {

namespace {

constexpr std::uint32_t replicas_now = 0;  // copies are placed when replication is there to fill them

}  // namespace

bool holds_data(const membership::record& r) {
  return std::find(r.told.services.begin(), r.told.services.end(), "cache") != r.told.services.end();
}

void cluster_machine::keep_table(time_point now, cluster_output& out) {
  tend_table_ = false;
  table_again_ = time_point::max();
  const auto& record = lead_.record();
  if (departure_ > departure::handing_over || !lead_.may_act(now) || table_proposal_ || !record) return;
  const auto members = data_members(now);
  if (!members) return;
  std::erase_if(releases_, [this](const auto& entry) {
    const auto& [shard, r] = entry;
    return shard >= table_.rows.size() || table_.rows[shard].epoch > r.epoch;
  });
  const bool begins = table_.rows.empty() || shards_begin_anew_;
  if (begins && !may_begin_table(members->size(), now)) return;
  auto d = draft_table(*members, {record->at.term, record->at.epoch + 1});
  const auto& rows = d.table.rows;
  const bool same = !begins && rows.size() == table_.rows.size() &&
                    std::equal(rows.begin(), rows.end(), table_.rows.begin(), same_owners);
  if (!same) propose(std::move(d), now, out);
}

void cluster_machine::propose(draft d, time_point now, cluster_output& out) {
  record_change change;
  change.shard_table = encode(d.table);
  const auto proposed = lead_.propose(std::move(change), now, e_);
  if (!proposed) return;  // the next event of the election leads here again
  table_proposal_ = *proposed;
  shards_begin_anew_ = false;
  for (const auto shard : d.lost) out.events.push_back({"shard_lost", {{"shard", std::to_string(shard)}}});
  for (const auto& m : d.moved) {
    out.events.push_back(
        {"shard_moved",
         {{"shard", std::to_string(m.shard)}, {"from", std::to_string(m.from)}, {"to", std::to_string(m.to)}}});
  }
}

// A living primary gives its shard to another only when it says that all is there: until then the other
// is a replica that counts for nothing.
cluster_machine::draft cluster_machine::draft_table(const std::vector<placement_member>& members, stamp next) const {
  draft d;
  if (shards_begin_anew_) {
    const auto before = decode_shard_table(lead_.record()->shard_table);
    for (std::uint32_t s = 0; before && s < before->rows.size(); ++s) d.lost.push_back(s);
    d.table = plan({{}, members, settings_.cache.shards, replicas_now, next}).table;
    return d;
  }
  d.table = table_;
  take_releases(members, next, d);
  auto wanted = plan({d.table, members, settings_.cache.shards, replicas_now, next});
  d.lost = std::move(wanted.lost);
  if (d.table.rows.empty() || d.table.rows.size() != wanted.table.rows.size()) {
    d.table = std::move(wanted.table);
    return d;
  }
  std::vector<std::uint64_t> alive;
  for (const auto& m : members) alive.push_back(m.pid);
  d.table = advance(d.table, wanted.table, alive, next);
  return d;
}

void cluster_machine::take_releases(const std::vector<placement_member>& members, stamp next, draft& d) const {
  for (const auto& [shard, r] : releases_) {
    if (shard >= d.table.rows.size()) continue;
    auto& row = d.table.rows[shard];
    const bool valid = row.epoch == r.epoch && row.primary == r.from && row.has_replica(r.to);
    const bool lives =
        std::any_of(members.begin(), members.end(), [&](const placement_member& m) { return m.pid == r.to; });
    if (!valid || !lives) continue;
    row.primary = r.to;
    row.replicas.clear();
    row.in_sync.clear();
    row.epoch = next.epoch;
    d.moved.push_back({shard, r.from, r.to});
  }
}

// Those that may hold shards; who departs gives its own away, who comes and goes too often gets none. Nothing is
// planned while one that is gone may still serve some shard under its lease, also when the record has dropped its PID
// already.
std::optional<std::vector<placement_member>> cluster_machine::data_members(time_point now) {
  std::vector<placement_member> found;
  std::vector<std::uint64_t> quarantined;  // and without shards
  const auto& record = *lead_.record();
  auto leases_end = time_point::min();
  const auto consider = [&](const membership::record& r) {
    if (!holds_data(r)) return;
    const bool departing = r.state == member_state::departing;
    if (departing || r.state == member_state::alive || r.state == member_state::suspect) {
      if (const auto pid = record.pid_of({r.name, r.id}); pid != 0) {
        const bool flaps = r.flapping.quarantined() && !holds_shards(pid);
        found.push_back({pid, departing || flaps ? 0U : 1U, {}});
        if (flaps && !departing) quarantined.push_back(pid);
      }
    } else {
      leases_end = std::max(leases_end, lead_.lease_may_run_until(r.name));
    }
  };
  consider(members_.self());
  for (const auto& [name, r] : members_.others()) consider(r);
  const bool has_gone_primary = std::any_of(table_.rows.begin(), table_.rows.end(), [&](const shard_row& row) {
    return row.primary != 0 &&
           std::none_of(found.begin(), found.end(), [&](const auto& m) { return m.pid == row.primary; });
  });
  if (has_gone_primary && leases_end > now) {
    table_again_ = leases_end;
    return std::nullopt;
  }
  // Better flapping members than none.
  if (std::none_of(found.begin(), found.end(), [](const auto& m) { return m.weight > 0; })) {
    for (auto& m : found) {
      if (std::find(quarantined.begin(), quarantined.end(), m.pid) != quarantined.end()) m.weight = 1;
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

// The first table is made when all expected members have their PIDs, so that it is even from the start.
bool cluster_machine::may_begin_table(std::size_t members, time_point now) {
  if (members == 0) return false;
  const auto patience_ends = led_since_.value_or(now) + first_table_wait;
  if (members >= settings_.cluster.expected_members || now >= patience_ends) return true;
  table_again_ = patience_ends;
  return false;
}

}  // namespace troupe
