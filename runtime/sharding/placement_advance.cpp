#include <algorithm>
#include <utility>

#include "runtime/sharding/placement.hpp"

namespace troupe {

namespace {

using pid_list = std::vector<std::uint64_t>;

bool contains(const pid_list& pids, std::uint64_t pid) noexcept {
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

// The primary of the next table. `row` is without the dead. A living one stays until it gives the shard up itself.
std::uint64_t next_primary(const shard_row& row, const shard_row& wanted) {
  if (row.primary != 0) return row.primary;
  if (row.in_sync.empty() || row.has_in_sync(wanted.primary)) return wanted.primary;
  return row.in_sync.front();  // the wanted one holds nothing yet: who has the data goes first
}

// Who is to hold a copy beside `primary`, the most wanted first, at most replicas_max.
pid_list copies_to_make(const shard_row& wanted, std::uint64_t primary) {
  pid_list copies;
  if (wanted.primary != 0 && wanted.primary != primary) copies.push_back(wanted.primary);
  for (const auto pid : wanted.replicas) {
    if (pid != primary && copies.size() < replicas_max) copies.push_back(pid);
  }
  return copies;
}

shard_row next_row(const shard_row& present, const shard_row& wanted, const pid_list& alive, std::uint64_t epoch) {
  const auto is_dead = [&alive](std::uint64_t pid) { return !contains(alive, pid); };
  shard_row row = present;
  if (is_dead(row.primary)) row.primary = 0;
  std::erase_if(row.replicas, is_dead);
  std::erase_if(row.in_sync, is_dead);

  const std::uint64_t old = row.primary;
  const std::uint64_t primary = next_primary(row, wanted);
  // A new primary that was in sync leaves the others in sync; where it starts empty, they all do.
  const bool starts_empty = old == 0 && primary != 0 && !row.has_in_sync(primary);
  pid_list in_sync = row.in_sync;
  if (starts_empty) row.created = epoch;
  std::erase(in_sync, primary);

  const auto copies = copies_to_make(wanted, primary);
  const bool may_drop = std::all_of(copies.begin(), copies.end(), [&](auto pid) { return contains(in_sync, pid); });
  pid_list replicas;
  for (const auto pid : wanted.replicas) {
    if (contains(copies, pid) && !is_dead(pid)) replicas.push_back(pid);
  }
  if (contains(copies, wanted.primary) && !is_dead(wanted.primary)) replicas.push_back(wanted.primary);
  if (!may_drop) {  // those that hold the data stay until their successors have it
    for (const auto pid : in_sync) {
      if (!contains(replicas, pid) && replicas.size() < replicas_max) replicas.push_back(pid);
    }
  }

  row.primary = primary;
  row.replicas = std::move(replicas);
  row.in_sync.clear();
  for (const auto pid : row.replicas) {
    if (starts_empty || contains(in_sync, pid)) row.in_sync.push_back(pid);
  }
  row.heir = primary != 0 && wanted.primary != primary && row.has_replica(wanted.primary) ? wanted.primary : 0;
  return row;
}

}  // namespace

shard_table advance(const shard_table& present, const shard_table& wanted, const std::vector<std::uint64_t>& alive,
                    stamp next) {
  shard_table t = wanted;
  t.stamp = next;
  if (present.rows.size() != wanted.rows.size()) return t;
  for (std::size_t s = 0; s < t.rows.size(); ++s) {
    t.rows[s] = next_row(present.rows[s], wanted.rows[s], alive, next.epoch);
    t.rows[s].epoch = same_owners(t.rows[s], present.rows[s]) ? present.rows[s].epoch : next.epoch;
  }
  return t;
}

shard_row given_to_heir(shard_row row, std::uint64_t epoch) {
  if (row.heir == 0) return row;
  const auto take_place = [&row](pid_list& pids) {
    std::erase(pids, row.heir);
    pids.insert(pids.begin(), row.primary);
  };
  take_place(row.replicas);
  take_place(row.in_sync);
  row.primary = std::exchange(row.heir, 0);
  row.epoch = epoch;
  return row;
}

shard_row with_in_sync(shard_row row, std::uint64_t pid, bool in_sync, std::uint64_t epoch) {
  if (!row.has_replica(pid) || row.has_in_sync(pid) == in_sync) return row;
  pid_list ordered;
  for (const auto replica : row.replicas) {
    if (replica == pid ? in_sync : row.has_in_sync(replica)) ordered.push_back(replica);
  }
  row.in_sync = std::move(ordered);
  row.epoch = epoch;
  return row;
}

}  // namespace troupe
