#include "runtime/sharding/placement.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

namespace {

using pid_list = std::vector<std::uint64_t>;

void drop(pid_list& pids, std::uint64_t pid) { std::erase(pids, pid); }

/// The in-sync set is a part of the replicas, in their order.
void keep_in_sync_within_replicas(shard_row& row) {
  pid_list in_order;
  for (const auto pid : row.replicas) {
    if (row.has_in_sync(pid)) in_order.push_back(pid);
  }
  row.in_sync = std::move(in_order);
}

// What one member holds of one kind (primaries or replicas) and what it should hold.
struct holding {
  std::uint32_t weight = 0;
  std::string zone;
  std::uint64_t held = 0;
  std::uint64_t floor = 0;  // share by weight, rounded down
  bool exact = true;        // the share is a whole number

  [[nodiscard]] std::uint64_t ceiling() const noexcept { return exact ? floor : floor + 1; }
};

class planner {
 public:
  explicit planner(const placement_request& request) : request_(request) {
    for (const auto& m : request.members) {
      if (m.pid != 0) members_[m.pid] = {m.weight, m.zone};
    }
    std::erase_if(members_, [](const auto& m) { return m.second.weight == 0; });
    for (const auto& m : members_) weights_ += m.second.weight;
    rows_ = request.present.rows;
    if (rows_.size() != request.shards) {
      // Another number of shards maps keys elsewhere: nothing of the old table can be used.
      for (std::uint32_t s = 0; s < rows_.size() && s < request.shards; ++s) result_.lost.push_back(s);
      rows_.assign(request.shards, {});
    }
  }

  placement run() {
    drop_the_dead();
    set_shares(rows_.size());
    count([](const shard_row& row) { return pid_list{row.primary}; });
    fill_empty_primaries();
    balance_primaries();
    place_replicas();
    finish();
    return std::move(result_);
  }

 private:
  [[nodiscard]] bool is_member(std::uint64_t pid) const { return members_.contains(pid); }

  void drop_the_dead() {
    pid_list living;  // weight 0 included: a leaving member still hands its shards over
    for (const auto& m : request_.members) living.push_back(m.pid);
    const auto is_dead = [&living](std::uint64_t pid) {
      return std::find(living.begin(), living.end(), pid) == living.end();
    };
    for (std::uint32_t s = 0; s < rows_.size(); ++s) {
      auto& row = rows_[s];
      std::erase_if(row.replicas, is_dead);
      std::erase_if(row.in_sync, is_dead);
      if (row.primary != 0 && !is_dead(row.primary)) continue;
      const bool had_primary = std::exchange(row.primary, 0) != 0;
      if (!row.in_sync.empty()) {
        orphans_.push_back(s);
      } else if (had_primary) {
        result_.lost.push_back(s);
      }
    }
  }

  void set_shares(std::uint64_t total) {
    for (auto& [pid, m] : members_) {
      m.floor = total * m.weight / weights_;
      m.exact = total * m.weight % weights_ == 0;
    }
  }

  template <class OwnersOf>
  void count(OwnersOf owners_of) {
    for (auto& [pid, m] : members_) m.held = 0;
    for (const auto& row : rows_) {
      for (const auto pid : owners_of(row)) {
        if (const auto m = members_.find(pid); m != members_.end()) ++m->second.held;
      }
    }
  }

  // How full a member is: held / weight, without rounding.
  [[nodiscard]] bool is_emptier(std::uint64_t a, std::uint64_t b) const {
    const auto& x = members_.at(a);
    const auto& y = members_.at(b);
    const std::uint64_t left = (x.held + 1) * y.weight;
    const std::uint64_t right = (y.held + 1) * x.weight;
    return std::tie(left, a) < std::tie(right, b);
  }

  [[nodiscard]] std::uint64_t emptiest() const {
    std::uint64_t best = 0;
    for (const auto& [pid, m] : members_) {
      if (best == 0 || is_emptier(pid, best)) best = pid;
    }
    return best;
  }

  void make_primary(shard_row& row, std::uint64_t pid) {
    row.primary = pid;
    drop(row.replicas, pid);
    drop(row.in_sync, pid);
    if (const auto m = members_.find(pid); m != members_.end()) ++m->second.held;
  }

  void fill_empty_primaries() {
    for (const auto s : orphans_) {
      auto& row = rows_[s];
      std::uint64_t best = 0;  // a member of weight 0 only when there is no other
      for (const auto pid : row.in_sync) {
        const bool better = best == 0 || (is_member(pid) && (!is_member(best) || is_emptier(pid, best)));
        if (better) best = pid;
      }
      make_primary(row, best);
      result_.promoted.push_back(s);
    }
    if (members_.empty()) return;
    empty_.assign(rows_.size(), false);
    for (std::uint32_t s = 0; s < rows_.size(); ++s) {
      if (rows_[s].primary != 0) continue;
      make_primary(rows_[s], emptiest());
      rows_[s].created = request_.stamp.epoch;
      empty_[s] = true;
    }
  }

  // Shards leave members that hold more than their share for those that hold less.
  void balance_primaries() {
    if (members_.empty()) return;
    std::map<std::uint64_t, std::set<std::uint32_t>> shards;
    for (std::uint32_t s = 0; s < rows_.size(); ++s) shards[rows_[s].primary].insert(s);
    for (auto& [from, held] : shards) {
      if (is_member(from)) continue;
      while (!held.empty()) move_primary(shards, from, emptiest());
    }
    for (;;) {
      const auto [fullest, needy] = extremes();
      const auto& over = members_.at(fullest);
      const auto& under = members_.at(needy);
      const bool needed = over.held > over.ceiling() || under.held < under.floor;
      if (!needed || over.held <= over.floor || under.held >= under.ceiling()) return;
      move_primary(shards, fullest, needy);
    }
  }

  // The member furthest above the floor of its share and the one furthest below the ceiling of its.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> extremes() const {
    const auto excess = [](const holding& m) {
      return std::pair(static_cast<std::int64_t>(m.held) - static_cast<std::int64_t>(m.ceiling()),
                       static_cast<std::int64_t>(m.held) - static_cast<std::int64_t>(m.floor));
    };
    const auto lack = [](const holding& m) {
      return std::pair(static_cast<std::int64_t>(m.floor) - static_cast<std::int64_t>(m.held),
                       static_cast<std::int64_t>(m.ceiling()) - static_cast<std::int64_t>(m.held));
    };
    auto fullest = members_.begin();
    auto needy = members_.begin();
    for (auto m = members_.begin(); m != members_.end(); ++m) {
      if (excess(m->second) > excess(fullest->second)) fullest = m;
      if (lack(m->second) > lack(needy->second)) needy = m;
    }
    return {fullest->first, needy->first};
  }

  // The cheapest shard to move: one without data or that `to` holds in sync, one it holds at all, the lowest.
  void move_primary(std::map<std::uint64_t, std::set<std::uint32_t>>& shards, std::uint64_t from, std::uint64_t to) {
    auto& held = shards[from];
    const auto rank = [&](std::uint32_t s) {
      return empty_[s] || rows_[s].has_in_sync(to) ? 0 : rows_[s].has_replica(to) ? 1 : 2;
    };
    std::uint32_t chosen = *held.begin();
    for (const auto s : held) {
      if (rank(s) < rank(chosen)) chosen = s;
      if (rank(chosen) == 0) break;
    }
    held.erase(chosen);
    shards[to].insert(chosen);
    auto& row = rows_[chosen];
    if (const auto m = members_.find(from); m != members_.end()) --m->second.held;
    const bool swap = row.has_replica(to);
    make_primary(row, to);
    if (swap && is_member(from) && !empty_[chosen]) {
      row.replicas.push_back(from);
      row.in_sync.push_back(from);  // the old primary has all there is
    }
  }

  void place_replicas() {
    std::size_t wanted = std::min<std::size_t>(request_.wanted_replicas, replicas_max);
    wanted = members_.empty() ? 0 : std::min(wanted, members_.size() - 1);
    if (!members_.empty()) set_shares(rows_.size() * wanted);
    for (auto& row : rows_) std::erase_if(row.replicas, [this](std::uint64_t pid) { return !is_member(pid); });
    count([](const shard_row& row) { return row.replicas; });
    for (auto& row : rows_) {
      if (row.primary == 0) row.replicas.clear();
      while (row.replicas.size() > wanted) drop_replica(row);
    }
    for (auto& row : rows_) {
      while (row.primary != 0 && row.replicas.size() < wanted) add_replica(row);
    }
    while (wanted > 0 && move_one_replica()) {
    }
    for (std::uint32_t s = 0; s < rows_.size(); ++s) {
      keep_in_sync_within_replicas(rows_[s]);
      if (!empty_.empty() && empty_[s]) rows_[s].in_sync = rows_[s].replicas;  // nobody lacks anything
      rows_[s].heir = 0;
    }
  }

  void drop_replica(shard_row& row) {
    auto worst = row.replicas.begin();
    for (auto r = row.replicas.begin(); r != row.replicas.end(); ++r) {
      const auto order = std::pair(row.has_in_sync(*r), row.has_in_sync(*worst));
      if (order.first != order.second ? !order.first : is_emptier(*worst, *r)) worst = r;
    }
    --members_.at(*worst).held;
    row.replicas.erase(worst);
  }

  // How many copies of the row other than `leaving` are in the zone of `pid`.
  [[nodiscard]] std::size_t neighbours(const shard_row& row, std::uint64_t pid, std::uint64_t leaving = 0) const {
    const auto& zone = members_.at(pid).zone;
    const auto same = [&](std::uint64_t other) {
      const auto m = members_.find(other);
      return other != pid && other != leaving && m != members_.end() && m->second.zone == zone;
    };
    return static_cast<std::size_t>(std::count_if(row.replicas.begin(), row.replicas.end(), same)) +
           (same(row.primary) ? 1 : 0);
  }

  void add_replica(shard_row& row) {
    std::uint64_t best = 0;
    for (const auto& m : members_) {
      const std::uint64_t pid = m.first;
      if (pid == row.primary || row.has_replica(pid)) continue;
      if (best != 0) {
        const auto a = neighbours(row, pid);
        const auto b = neighbours(row, best);
        if (a != b ? a > b : !is_emptier(pid, best)) continue;
      }
      best = pid;
    }
    row.replicas.push_back(best);
    ++members_.at(best).held;
  }

  // From the fullest member that can give one to the neediest that may take it; false when nothing is gained.
  bool move_one_replica() {
    std::vector<std::uint64_t> order;
    for (const auto& m : members_) order.push_back(m.first);
    std::sort(order.begin(), order.end(), [this](auto a, auto b) { return is_emptier(a, b); });
    for (auto to = order.begin(); to != order.end(); ++to) {
      for (auto from = order.rbegin(); from.base() - 1 > to; ++from) {
        const auto& over = members_.at(*from);
        const auto& under = members_.at(*to);
        const bool needed = over.held > over.ceiling() || under.held < under.floor;
        if (!needed || over.held <= over.floor || under.held >= under.ceiling()) continue;
        if (move_replica(*from, *to)) return true;
      }
    }
    return false;
  }

  bool move_replica(std::uint64_t from, std::uint64_t to) {
    shard_row* chosen = nullptr;
    for (auto& row : rows_) {
      if (!row.has_replica(from) || row.has_replica(to) || row.primary == to) continue;
      if (neighbours(row, to, from) > neighbours(row, from)) continue;
      const bool better = chosen == nullptr || (chosen->has_in_sync(from) && !row.has_in_sync(from));
      if (better) chosen = &row;
      if (!chosen->has_in_sync(from)) break;
    }
    if (chosen == nullptr) return false;
    std::replace(chosen->replicas.begin(), chosen->replicas.end(), from, to);
    --members_.at(from).held;
    ++members_.at(to).held;
    return true;
  }

  void finish() {
    const auto& before = request_.present.rows;
    const bool comparable = before.size() == rows_.size();
    for (std::uint32_t s = 0; s < rows_.size(); ++s) {
      auto& row = rows_[s];
      if (!comparable || !same_owners(row, before[s])) row.epoch = request_.stamp.epoch;
      if (!comparable) continue;
      const std::uint64_t from = before[s].primary;
      const bool alive = std::any_of(request_.members.begin(), request_.members.end(),
                                     [from](const placement_member& m) { return m.pid == from; });
      if (from != 0 && alive && row.primary != from) result_.moves.push_back({s, from, row.primary});
    }
    result_.table = {request_.stamp, std::move(rows_)};
  }

  const placement_request& request_;
  std::map<std::uint64_t, holding> members_;  // those of weight
  std::uint64_t weights_ = 0;
  std::vector<shard_row> rows_;
  std::vector<bool> empty_;             // by shard: just re-created
  std::vector<std::uint32_t> orphans_;  // lost their primary, have an in-sync replica
  placement result_;
};

}  // namespace

placement plan(const placement_request& request) {
  TROUPE_CHECK(request.shards >= 1 && request.shards <= shards_max);
  return planner(request).run();
}

}  // namespace troupe
