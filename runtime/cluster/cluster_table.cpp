// The leader's duty: a shard table that gives every shard a living primary, changed only when the lease
// of the primary that is replaced has ended (Gray and Cheriton, "Leases", 1989).
#include <algorithm>

#include "runtime/cluster/cluster_machine.hpp"

namespace troupe {

namespace {

constexpr std::uint32_t replicas_now = 0;  // copies are placed when replication is there to fill them

bool holds_data(const membership::record& r) {
  return std::find(r.told.services.begin(), r.told.services.end(), "cache") != r.told.services.end();
}

// A living primary keeps its shard for now: moving one means copying it first, and a copy that nobody
// fills would only keep its holder from being ready.
void keep_living_primaries(const shard_table& present, const std::vector<placement_member>& members, stamp next,
                           shard_table& wanted) {
  std::vector<std::uint64_t> alive;
  for (const auto& m : members) alive.push_back(m.pid);
  wanted = advance(present, wanted, alive, next);
  for (auto& row : wanted.rows) {
    row.replicas.clear();
    row.in_sync.clear();
  }
}

}  // namespace

void cluster_machine::keep_table(time_point now, cluster_output& out) {
  tend_table_ = false;
  table_again_ = time_point::max();
  const auto& record = lead_.record();
  if (leaving_ || !lead_.may_act(now) || table_proposal_ || !record) return;
  const auto members = data_members(now);
  if (!members) return;
  shard_table present = table_;
  std::size_t begun_anew = 0;
  if (shards_begin_anew_) {
    const auto before = decode_shard_table(record->shard_table);
    begun_anew = before ? before->rows.size() : 0;
    present = {};
  }
  if (present.rows.empty() && !may_begin_table(members->size(), now)) return;

  const stamp next{record->at.term, record->at.epoch + 1};
  auto wanted = plan({present, *members, settings_.cache.shards, replicas_now, next});
  if (!wanted.moves.empty()) keep_living_primaries(present, *members, next, wanted.table);
  const bool same = present.rows.size() == wanted.table.rows.size() &&
                    std::equal(present.rows.begin(), present.rows.end(), wanted.table.rows.begin(), same_owners);
  if (same) return;

  record_change change;
  change.shard_table = encode(wanted.table);
  const auto proposed = lead_.propose(std::move(change), now, e_);
  if (!proposed) return;  // the next event of the election leads here again
  table_proposal_ = *proposed;
  shards_begin_anew_ = false;
  for (std::uint32_t s = 0; s < begun_anew; ++s) wanted.lost.push_back(s);
  for (const auto shard : wanted.lost) out.events.push_back({"shard_lost", {{"shard", std::to_string(shard)}}});
}

// Those that may hold shards. Nothing is planned while one that is gone may still serve under its lease,
// also when the record has dropped its PID already: one that departs serves until its process ends.
std::optional<std::vector<placement_member>> cluster_machine::data_members(time_point now) {
  std::vector<placement_member> found;
  const auto& record = *lead_.record();
  const auto consider = [&](const membership::record& r) {
    if (!holds_data(r)) return;
    if (r.state == member_state::alive || r.state == member_state::suspect) {
      if (const auto pid = record.pid_of({r.name, r.id}); pid != 0) found.push_back({pid, 1, {}});
    } else if (const auto until = lead_.lease_may_run_until(r.name); until > now) {
      table_again_ = std::min(table_again_, until);
    }
  };
  consider(members_.self());
  for (const auto& [name, r] : members_.others()) consider(r);
  if (table_again_ != time_point::max()) return std::nullopt;
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
