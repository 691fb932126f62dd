// Whose entry it is that a leader store shows, and how a node without a record begins by it: the store's record is
// its cluster's, who wrote it is somebody to look for, and where nothing is the first to write a record founds.
#include <utility>

#include "runtime/election/election.hpp"

namespace troupe {

void election::note_address_in(const leader_entry& entry) {
  const bool own = entry.address.empty() || entry.address == options_.address;
  if (own || store_->address == entry.address) return;
  store_->address = entry.address;
  out_->events.emplace_back(leader_in_store{entry.address});
}

/// The record of this cluster; condition_failed: of another one.
expected<record_ptr> election::record_in_store(const leader_entry& entry) const {
  if (entry.term >= term_max - 1) return fail(errc::corrupt, "the store's term is at its limit");
  auto record = decode_record(entry.record);
  if (!record) return fail(errc::corrupt, "the store's record: " + record.error().context);
  const bool other = has_cluster() && !voter_.founding() && voter_.accepted()->cluster != record->cluster;
  if (other || record->cluster_name != options_.cluster_name) {
    return fail(errc::condition_failed, "the store's key belongs to another cluster: " + to_string(record->cluster));
  }
  if (record->expected_members != options_.expected_members) {
    return fail(errc::condition_failed,
                "the store's cluster has expected_members = " + std::to_string(record->expected_members) +
                    ", this node " + std::to_string(options_.expected_members));
  }
  for (const auto& [key, value] : options_.founding_values) {
    const auto theirs = record->values.find(key);
    if (theirs != record->values.end() && theirs->second != value) {
      return fail(errc::condition_failed,
                  "the store's cluster has " + key + " = " + theirs->second + ", this node " + value);
    }
  }
  return std::make_shared<const cluster_record>(std::move(*record));
}

// By as many as are expected, or by one that was told nobody to look for, when a leader whose entry was
// forgotten has had the time to write it again.
bool election::may_found_in_store() const {
  if (has_cluster() || keeps_out()) return false;
  std::uint32_t there = 1;
  for (const auto& [name, row] : roll_.all()) {
    if (!row.present() || name == options_.self.name) continue;
    const auto shown = in_clusters_.find(name);
    if (shown != in_clusters_.end() && shown->second == row.id) return false;  // who has a record will send it
    const auto met = greetings_.find(name);
    if (met == greetings_.end() || met->second.id != row.id) continue;
    if (met->second.has_record) return false;
    ++there;
  }
  const bool long_empty = now_ - store_->seen_since >= store_wait(nullptr) * 2;
  return there >= options_.expected_members || (options_.founds_alone && long_empty);
}

void election::read_as_joiner(const record_ptr& record) {
  if (record) {
    if (!voter_.learn(record)) return;
    store_->again = now_ + timing_.lease;
    founding_complete();
    return publish_committed();
  }
  if (!may_found_in_store()) return;
  cluster_record first;
  first.cluster = options_.fresh_cluster;
  if (first.cluster.empty()) first.cluster = {rng_.next() | 1U, rng_.next()};
  first.cluster_name = options_.cluster_name;
  first.expected_members = options_.expected_members;
  first.values = options_.founding_values;
  first.voters = {store_voter(options_.store_kind)};
  first.at = founding_stamp;
  if (const auto fault = fault_of(first); !fault.empty()) return report_refusal("founding record: " + fault);
  auto entry = store_entry_of(0, first);
  entry.leader.clear();
  entry.leader_id = {};
  ask_store(store_call::set, 0, std::move(entry));
}

}  // namespace troupe
