// A graceful departure: this node says that it is departing, its shards go to others, and when it has none
// left (or nobody is there to take them, or its time is over) it gives leadership up and is gone.
#include <algorithm>

#include "runtime/cluster/cluster_machine.hpp"

namespace troupe {

void cluster_machine::leave(time_point now, cluster_output& out) {
  if (expelled_) {
    out.departed = true;
    return settle(now, out);
  }
  if (departure_ == departure::none) {
    departure_ = departure::handing_over;
    departure_waits_until_ = now + settings_.node.drain_timeout * leave_hand_over_part / 100;
    if (has_heirs()) members_.depart(now, m_);
    claims_.drop_all(now);
    tend_table_ = true;
  }
  settle(now, out);
}

void cluster_machine::consider_departure(time_point now, cluster_output& out) {
  if (expelled_) return;
  const bool late = now >= departure_waits_until_;
  if (departure_ == departure::handing_over && (late || has_handed_over() || !has_heirs())) {
    if (late && !has_handed_over()) tell_what_is_left(out);
    departure_ = departure::resigned;
    departure_waits_until_ = now + (has_heirs() ? successor_wait : duration::zero());
    lead_.leave(now, e_);
  }
  if (departure_ != departure::resigned) return;
  const auto& leader = lead_.leader_now();
  const bool succeeded = leader && leader->who.id != self_.id;
  if (!succeeded && now < departure_waits_until_) return;
  departure_ = departure::leaving;
  departure_waits_until_ = time_point::max();
  members_.leave(now, m_);
}

// As CrateDB's graceful_stop.min_availability has it.
bool cluster_machine::has_handed_over() const {
  const auto& least = settings_.cache.min_availability;
  if (least == "none") return true;
  if (least == "primaries") return !holds_shards(pid());
  const auto heirs = heirs_count();
  const auto wanted = std::min<std::size_t>(wanted_replicas(heirs), heirs == 0 ? 0 : heirs - 1);
  return std::all_of(table_.rows.begin(), table_.rows.end(), [&](const shard_row& row) {
    return row.primary != 0 && row.primary != pid() && !row.has_replica(pid()) && row.in_sync.size() >= wanted;
  });
}

void cluster_machine::tell_what_is_left(cluster_output& out) const {
  const auto primaries =
      std::count_if(table_.rows.begin(), table_.rows.end(), [&](const shard_row& row) { return row.primary == pid(); });
  const auto copies = std::count_if(table_.rows.begin(), table_.rows.end(),
                                    [&](const shard_row& row) { return row.has_replica(pid()); });
  out.events.push_back({"left_with_shards",
                        {{"primaries", std::to_string(primaries)},
                         {"copies", std::to_string(copies)},
                         {"min_availability", settings_.cache.min_availability}}});
}

bool cluster_machine::holds_shards(std::uint64_t pid) const {
  return pid != 0 && std::any_of(table_.rows.begin(), table_.rows.end(),
                                 [pid](const shard_row& row) { return row.primary == pid; });
}

// Somebody leads, and somebody else may take this node's shards.
bool cluster_machine::has_heirs() const {
  if (!lead_.leader_now() || lead_.keeps_its_pid()) return false;
  return heirs_count() != 0;
}

std::size_t cluster_machine::heirs_count() const {
  const auto takes = [](const auto& entry) {
    return entry.second.state == member_state::alive && holds_data(entry.second);
  };
  return static_cast<std::size_t>(std::count_if(members_.others().begin(), members_.others().end(), takes));
}

}  // namespace troupe
