#include "runtime/durability/restoration.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace troupe {

namespace {

// The data of that PID is on the teller's disk, or was.
bool accounts_for(const holdings& h, const shard_holding* of_shard, std::uint64_t pid) noexcept {
  if (of_shard != nullptr && of_shard->pid == pid) return true;
  return std::find(h.pids.begin(), h.pids.end(), pid) != h.pids.end();
}

const shard_holding* find(const holdings& h, std::uint32_t shard) noexcept {
  const auto at = std::lower_bound(h.shards.begin(), h.shards.end(), shard,
                                   [](const shard_holding& s, std::uint32_t n) { return s.shard < n; });
  return at != h.shards.end() && at->shard == shard ? &*at : nullptr;
}

}  // namespace

bool restoration::on_holdings(std::uint64_t pid, holdings h) {
  std::sort(h.shards.begin(), h.shards.end(), [](const auto& a, const auto& b) { return a.shard < b.shard; });
  auto& place = told_[pid];
  if (place == h) return false;
  place = std::move(h);
  return true;
}

void restoration::forget() {
  told_.clear();
  lost_since_.clear();
}

restoration::verdict restoration::judge(std::uint32_t shard, const shard_row& row,
                                        function_ref<bool(std::uint64_t)> lives, time_point now) {
  const auto until = lost_since_.try_emplace(shard, now).first->second + wait_;
  std::vector<std::uint64_t> awaited = row.in_sync;
  if (row.primary != 0) awaited.push_back(row.primary);
  verdict v;
  std::tuple<std::uint64_t, std::uint64_t> best;
  for (const auto& [pid, h] : told_) {
    if (!lives(pid)) continue;
    const auto* held = find(h, shard);
    std::erase_if(awaited, [&, &told = h](std::uint64_t of) { return accounts_for(told, held, of); });
    if (held == nullptr || !held->whole || !h.counts_in(row, *held)) continue;
    const std::tuple<std::uint64_t, std::uint64_t> far{held->sequence, held->epoch};
    if (v.primary == 0 || far > best) {
      best = far;
      v.primary = pid;
    }
  }
  if (!awaited.empty() && now < until) {
    v.waits = true;
    v.until = until;
    v.primary = 0;
  }
  return v;
}

}  // namespace troupe
