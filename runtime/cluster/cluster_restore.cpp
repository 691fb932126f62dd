// Shards of durable caches after all who held them have ended: members that start tell the leader what is on their
// disks, and the leader gives each shard to the one that has most of it (runtime/durability/restoration.hpp).
#include <algorithm>

#include "runtime/cluster/cluster_machine.hpp"
#include "runtime/durability/holders_file.hpp"

namespace troupe {

bool cluster_machine::keeps_logs() const {
  return std::any_of(settings_.caches.begin(), settings_.caches.end(),
                     [](const auto& c) { return c.second.durable && !c.second.backed; });
}

// What a row has decided about is told no more: this node serves it, or it counts for nothing.
void cluster_machine::tell_holdings(time_point now, cluster_output& out) {
  if (!keeps_logs()) return;
  const auto mine = pid();
  std::erase_if(held_.shards, [&](const shard_holding& h) {
    if (h.shard >= table_.rows.size()) return false;
    const auto& row = table_.rows[h.shard];
    return (mine != 0 && row.primary == mine) || !held_.counts_in(row, h);
  });
  if (mine == 0) return;
  // A leader's answer names this PID: it has to be known here also when this process does not live to see it.
  if (holder_written_ != mine) {
    if (holder_writing_ == mine) return;
    holder_writing_ = mine;
    auto pids = held_.pids;
    pids.push_back(mine);
    out.writes.push_back({std::string(holders_file), encode_holders(pids), holders_token | mine});
    return;
  }
  const bool due = now >= holdings_again_;
  holdings_again_ = due ? now + holdings_interval : holdings_again_;
  if (!is_awaited()) {
    holdings_again_ = time_point::max();
    return;
  }
  const auto& leader = lead_.leader_now();
  if (!leader || leader->pid == 0) return;
  if (leader->pid == mine) {
    if (restoration_.on_holdings(mine, held_)) tend_table_ = true;
    return;
  }
  if (holdings_told_to_ == leader->pid && !due) return;
  holdings_told_to_ = leader->pid;
  holdings_again_ = now + holdings_interval;
  const auto addresses = addresses_by_pid();
  const auto to = addresses.find(leader->pid);
  if (to == addresses.end()) return;
  out.link_messages.push_back(
      {to->second.address, to->second.id, static_cast<char>(link_tag::holdings) + encode(held_)});
}

// Some row may wait for what is here, or for the word that it is not.
bool cluster_machine::is_awaited() {
  if (!held_.shards.empty()) return true;
  if (awaited_at_ == table_.stamp) return awaited_;
  awaited_at_ = table_.stamp;
  awaited_ = std::any_of(table_.rows.begin(), table_.rows.end(), [this](const shard_row& row) {
    return std::any_of(held_.pids.begin(), held_.pids.end(),
                       [&row](std::uint64_t pid) { return row.primary == pid || row.has_in_sync(pid); });
  });
  return awaited_;
}

// The record on this node's disk may be older than the log beside it: what was found is thrown away only by the word of
// a leader, who has made the latest record its own.
bool cluster_machine::may_decide_by(const cluster_record& record) const {
  if (held_.shards.empty()) return true;
  const auto& leader = lead_.leader_now();
  return leader && record.at.term == leader->term;
}

void cluster_machine::on_holders_written(std::uint64_t written, bool durable, time_point now) {
  if (durable)
    holder_written_ = written;
  else
    holdings_again_ = now + holdings_interval;
  holder_writing_ = 0;
}

void cluster_machine::on_holdings(const member_ref& from, std::string_view bytes) {
  const auto& record = lead_.record();
  const auto pid = record ? record->pid_of(from) : 0;
  auto told = decode_holdings(bytes);
  if (pid == 0 || !told) return;  // it tells again
  if (restoration_.on_holdings(pid, std::move(*told))) tend_table_ = true;
}

void cluster_machine::restore_lost(const std::vector<placement_member>& members, stamp next, time_point now, draft& d) {
  if (!keeps_logs()) return;
  const auto lives = [&members](std::uint64_t pid) {
    return std::any_of(members.begin(), members.end(), [pid](const placement_member& m) { return m.pid == pid; });
  };
  for (std::uint32_t s = 0; s < d.table.rows.size(); ++s) {
    auto& row = d.table.rows[s];
    const bool held = lives(row.primary) || std::any_of(row.in_sync.begin(), row.in_sync.end(), lives);
    if (held || row.primary == 0) {
      restoration_.settled(s);
      continue;
    }
    const auto v = restoration_.judge(s, row, lives, now);
    if (v.waits) {
      d.waiting.push_back(s);
      table_again_ = std::min(table_again_, v.until);
    } else if (v.primary != 0) {
      row = {v.primary, {}, {}, next.epoch, row.created, 0};
      d.restored.emplace_back(s, v.primary);
      restoration_.settled(s);
    }
  }
}

// A lone node that keeps its PID: the table of its earlier process speaks of its own disk.
void cluster_machine::restore_own(const shard_table& before, draft& d) const {
  if (before.rows.size() != d.table.rows.size()) return;
  for (const auto& h : held_.shards) {
    if (h.shard >= before.rows.size() || !held_.counts_in(before.rows[h.shard], h)) continue;
    d.table.rows[h.shard].created = h.created;
    std::erase(d.lost, h.shard);
    d.restored.emplace_back(h.shard, d.table.rows[h.shard].primary);
  }
}

}  // namespace troupe
