// The leader's duty: a shard table that gives every shard a living primary, changed only when the lease
// of the primary that is replaced has ended (Gray and Cheriton, "Leases", 1989).
#include <algorithm>
#include <charconv>

#include "runtime/cluster/cluster_machine.hpp"

namespace troupe {

namespace {

constexpr std::uint32_t weight_max = 1000;

std::string tag_of(const membership::record& r, const char* name) {
  const auto found = r.told.tags.find(name);
  return found == r.told.tags.end() ? std::string() : found->second;
}

// The tag `weight`: this member's share of the shards beside the others'. Anything else than 1..1000 is 1.
std::uint32_t weight_of(const membership::record& r) {
  const auto text = tag_of(r, "weight");
  std::uint32_t weight = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), weight);
  const bool sound = fault == std::errc() && end == text.data() + text.size() && weight >= 1 && weight <= weight_max;
  return sound ? weight : 1;
}

}  // namespace

bool holds_data(const membership::record& r) {
  return std::find(r.told.services.begin(), r.told.services.end(), "cache") != r.told.services.end();
}

void cluster_machine::keep_table(time_point now, cluster_output& out) {
  tend_table_ = false;
  table_again_ = time_point::max();
  const auto& record = lead_.record();
  if (departure_ > departure::handing_over || !lead_.may_act(now) || table_proposal_ || !record) return;
  const bool unread = !record->shard_table.empty() && table_.rows.empty() && !shards_begin_anew_;
  if (unread) return;  // may_decide_by: it is read in a moment
  const stamp next{record->at.term, record->at.epoch + 1};
  const auto members = data_members(now);
  std::erase_if(words_, [this](const auto& entry) {
    const auto shard = entry.first.first;
    return shard >= table_.rows.size() || table_.rows[shard].epoch > entry.second.epoch;
  });
  if (!members) {
    // Those that live are not to wait for copies of the gone.
    auto d = without_the_gone(next);
    if (d.table.rows != table_.rows) propose(std::move(d), now, out);
    return;
  }
  const bool begins = table_.rows.empty() || shards_begin_anew_;
  if (begins && !may_begin_table(members->size(), now)) return;
  auto d = draft_table(*members, next, now);
  if (!begins) wait_for_the_lost(now, d);
  const auto& rows = d.table.rows;
  const bool same = !begins && rows.size() == table_.rows.size() &&
                    std::equal(rows.begin(), rows.end(), table_.rows.begin(), same_owners);
  if (!same) propose(std::move(d), now, out);
}

// Who was cut off until a moment ago may lead now, by the votes of members that it still takes for failed: what it
// would give up as lost may be all there.
void cluster_machine::wait_for_the_lost(time_point now, draft& d) {
  for (const auto shard : d.waiting) d.table.rows[shard] = table_.rows[shard];
  std::erase_if(d.lost, [&d](std::uint32_t s) { return std::binary_search(d.waiting.begin(), d.waiting.end(), s); });
  const auto settled = led_since_.value_or(now) + lease_ * picture_settles_after_leases;
  if (d.lost.empty() || now >= settled) return;
  for (const auto shard : d.lost) d.table.rows[shard] = table_.rows[shard];
  d.lost.clear();
  table_again_ = std::min(table_again_, settled);
}

void cluster_machine::propose(draft d, time_point now, cluster_output& out) {
  record_change change;
  change.shard_table = encode(d.table);
  const auto proposed = lead_.propose(std::move(change), now, e_);
  if (!proposed) return;  // the next event of the election leads here again
  table_proposal_ = *proposed;
  shards_begin_anew_ = false;
  for (const auto shard : d.lost) out.events.push_back({"shard_lost", {{"shard", std::to_string(shard)}}});
  for (const auto& [shard, pid] : d.restored) {
    out.events.push_back({"shard_restored", {{"shard", std::to_string(shard)}, {"to", std::to_string(pid)}}});
  }
  for (const auto& m : d.moved) {
    out.events.push_back(
        {"shard_moved",
         {{"shard", std::to_string(m.shard)}, {"from", std::to_string(m.from)}, {"to", std::to_string(m.to)}}});
  }
}

// A living primary gives its shard to another only when it says that all is there: until then the other
// is a replica that counts for nothing.
cluster_machine::draft cluster_machine::draft_table(const std::vector<placement_member>& members, stamp next,
                                                    time_point now) {
  draft d;
  if (shards_begin_anew_) {
    const auto before = decode_shard_table(lead_.record()->shard_table);
    for (std::uint32_t s = 0; before && s < before->rows.size(); ++s) d.lost.push_back(s);
    d.table = plan({{}, members, settings_.cache.shards, wanted_replicas(members.size()), next}).table;
    if (before) restore_own(*before, d);
    return d;
  }
  d.table = table_;
  take_words(members, next, d);
  restore_lost(members, next, now, d);
  auto wanted = plan({d.table, members, settings_.cache.shards, wanted_replicas(members.size()), next});
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

// Words count for the row that they were said of; several may have been said of one row.
void cluster_machine::take_words(const std::vector<placement_member>& members, stamp next, draft& d) const {
  const auto lives = [&](std::uint64_t pid) {
    return std::any_of(members.begin(), members.end(), [pid](const placement_member& m) { return m.pid == pid; });
  };
  const auto each = [&](bool releases, auto take) {
    for (const auto& [key, w] : words_) {
      if (w.shard >= d.table.rows.size() || (w.what == copy_kind::released) != releases) continue;
      const auto& said_of = table_.rows[w.shard];
      if (said_of.epoch == w.epoch && said_of.primary == w.from) take(w, d.table.rows[w.shard]);
    }
  };
  each(false, [&](const shard_word& w, shard_row& row) {
    if (w.what == copy_kind::dropped || lives(w.to))
      row = with_in_sync(std::move(row), w.to, w.what == copy_kind::joined, next.epoch);
  });
  each(true, [&](const shard_word& w, shard_row& row) {
    if (row.heir != w.to || !lives(w.to)) return;
    row = given_to_heir(std::move(row), next.epoch);
    d.moved.push_back({w.shard, w.from, w.to});
  });
}

cluster_machine::draft cluster_machine::without_the_gone(stamp next) const {
  draft d;
  d.table = table_;
  d.table.stamp = next;
  const auto& record = *lead_.record();
  std::vector<std::uint64_t> there;
  const auto consider = [&](const membership::record& r) {
    const bool gone = r.state == member_state::failed || r.state == member_state::departed;
    if (const auto pid = gone ? 0 : record.pid_of({r.name, r.id}); pid != 0) there.push_back(pid);
  };
  consider(members_.self());
  for (const auto& [name, r] : members_.others()) consider(r);
  const auto is_gone = [&](std::uint64_t pid) { return std::find(there.begin(), there.end(), pid) == there.end(); };
  for (auto& row : d.table.rows) {
    if (row.primary == 0 || is_gone(row.primary)) continue;
    const auto before = row;
    std::erase_if(row.replicas, is_gone);
    std::erase_if(row.in_sync, is_gone);
    if (row.heir != 0 && is_gone(row.heir)) row.heir = 0;
    if (!same_owners(before, row)) row.epoch = next.epoch;
  }
  return d;
}

std::uint32_t cluster_machine::wanted_replicas(std::size_t data_members) const {
  return troupe::wanted_replicas(settings_.shard_copies(), settings_.cluster.expected_members, data_members);
}

void cluster_machine::on_laggard(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid, time_point now,
                                 cluster_output& out) {
  moves_.on_laggard(shard, epoch, pid, now, moves_out_);
  settle(now, out);
}

// Those that may hold shards; who departs gives its own away, who comes and goes too often gets none. Nothing is
// planned while one that is gone may still serve some shard under its lease, also when the record has dropped its PID
// already, or when another process has its name: whoever was away may tell of a dead one as if it lived.
std::optional<std::vector<placement_member>> cluster_machine::data_members(time_point now) {
  std::vector<placement_member> found;
  std::vector<std::uint64_t> quarantined;  // and without shards
  const auto& record = *lead_.record();
  auto leases_end = time_point::min();
  const auto consider = [&](const membership::record& r) {
    if (!holds_data(r)) return;
    const bool departing = r.state == member_state::departing;
    const auto surely_until = lead_.surely_lives_until({r.name, r.id});
    const bool wrongly_failed = r.state == member_state::failed && surely_until > now;
    if (wrongly_failed) table_again_ = std::min(table_again_, surely_until);
    const bool there =
        departing || wrongly_failed || r.state == member_state::alive || r.state == member_state::suspect;
    const auto pid = there ? record.pid_of({r.name, r.id}) : 0;
    if (pid == 0) {
      leases_end = std::max(leases_end, lead_.lease_may_run_until(r.name));
    } else {
      leases_end = std::max(leases_end, lead_.earlier_lease_may_run_until(r.name));
      const bool flaps = r.flapping.quarantined() && !holds_shards(pid);
      found.push_back({pid, departing || flaps ? 0U : weight_of(r), tag_of(r, "zone")});
      if (flaps && !departing) quarantined.push_back(pid);
    }
  };
  consider(members_.self());
  for (const auto& [name, r] : members_.others()) consider(r);
  const bool has_gone_primary = std::any_of(table_.rows.begin(), table_.rows.end(), [&](const shard_row& row) {
    return row.primary != 0 &&
           std::none_of(found.begin(), found.end(), [&](const auto& m) { return m.pid == row.primary; });
  });
  if (has_gone_primary && leases_end > now) {
    table_again_ = std::min(table_again_, leases_end);
    return std::nullopt;
  }
  // Better flapping members than none, or than too few for the copies that are wanted.
  const auto steady = std::count_if(found.begin(), found.end(), [](const auto& m) { return m.weight > 0; });
  if (steady <= static_cast<std::ptrdiff_t>(wanted_replicas(found.size()))) {
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
