#include "runtime/sharding/shard_table.hpp"

#include <algorithm>
#include <utility>

#include "runtime/sharding/slot.hpp"

namespace troupe {

namespace {

bool contains(const std::vector<std::uint64_t>& pids, std::uint64_t pid) noexcept {
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

tl::unexpected<error> bad_row(std::size_t shard, const char* why) {
  return fail(errc::corrupt, "shard " + std::to_string(shard) + " " + why);
}

expected<void> check_row(std::size_t shard, const shard_row& row) {
  if (row.replicas.size() > replicas_max) return bad_row(shard, "has too many replicas");
  for (auto pid = row.replicas.begin(); pid != row.replicas.end(); ++pid) {
    if (*pid == 0) return bad_row(shard, "has a replica without a PID");
    if (*pid == row.primary) return bad_row(shard, "names its primary as a replica");
    if (std::find(row.replicas.begin(), pid, *pid) != pid) return bad_row(shard, "names a replica twice");
  }
  if (row.heir != 0 && (row.primary == 0 || !row.has_replica(row.heir)))
    return bad_row(shard, "has an heir that is no replica");
  // In the replicas' order, so that equal sets are equal lists.
  auto replica = row.replicas.begin();
  for (const auto pid : row.in_sync) {
    replica = std::find(replica, row.replicas.end(), pid);
    if (replica == row.replicas.end()) return bad_row(shard, "has an in-sync set that is no part of its replicas");
    ++replica;
  }
  return {};
}

}  // namespace

bool shard_row::has_replica(std::uint64_t pid) const noexcept { return contains(replicas, pid); }
bool shard_row::has_in_sync(std::uint64_t pid) const noexcept { return contains(in_sync, pid); }

bool same_owners(const shard_row& a, const shard_row& b) noexcept {
  return a.primary == b.primary && a.replicas == b.replicas && a.in_sync == b.in_sync && a.created == b.created &&
         a.heir == b.heir;
}

expected<void> check(const shard_table& t) {
  if (t.rows.empty() || t.rows.size() > shards_max)
    return fail(errc::corrupt, "a table of " + std::to_string(t.rows.size()) + " shards");
  for (std::size_t shard = 0; shard < t.rows.size(); ++shard) {
    if (auto sound = check_row(shard, t.rows[shard]); !sound) return sound;
  }
  return {};
}

expected<void> accepted_table::accept(shard_table t) {
  if (t == table_) return {};
  if (t.stamp <= table_.stamp) {
    ++refused_;
    const bool equal = t.stamp == table_.stamp;
    return fail(errc::stale_term, equal ? "another shard table of the same stamp" : "an older shard table");
  }
  table_ = std::move(t);
  return {};
}

}  // namespace troupe
