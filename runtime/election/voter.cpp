#include "runtime/election/voter.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

// A file that was read is written once more: a new one must be durable before its id is told, and a
// write that a crash cut short before its answer does no harm twice.
voter::voter(vote_file file, duration lease, time_point now) : file_(std::move(file)), version_(1) {
  lease_end_ = file_.accepted && file_.promised > 0 ? now + lease : now;
  // A sole voter that last voted for its own earlier process waits for nobody: that one is dead.
  lease_released_ = sole_voter() && file_.holder.name == file_.accepted->voters.front().name;
}

bool voter::sole_voter() const {
  return file_.accepted && file_.accepted->voters.size() == 1 && file_.accepted->has_voter(file_.voter);
}

duration voter::left(time_point now) const { return std::max(duration::zero(), lease_end_ - now); }

void voter::promise(std::uint64_t term, const member_ref& holder) {
  if (term <= file_.promised) return;
  file_.promised = term;
  file_.holder = holder;
  ++version_;
}

void voter::take(record_ptr record, bool committed) {
  file_.accepted = std::move(record);
  file_.committed = committed;
  file_.founding = false;
  accepted_version_ = ++version_;
}

verdict voter::ask_term(std::uint64_t term, const member_ref& candidate, time_point now, const incarnation_id& leave) {
  const auto rest = left(now);
  if (!file_.accepted) return {refusal::no_record, rest};
  const bool again = term == file_.promised && file_.holder == candidate;
  if (term < file_.promised || (term == file_.promised && !again)) return {refusal::promised, rest};
  const bool to_another =
      lease_holder_ != candidate && !lease_released_ && (leave.empty() || lease_holder_.id != leave);
  if (rest > duration::zero() && to_another) return {refusal::lease, rest};
  promise(term, candidate);
  return {refusal::none, rest};
}

verdict voter::accept(record_ptr record, const member_ref& leader, duration lease, time_point now) {
  const auto at = record->at;
  if (at.term < file_.promised) return {refusal::promised, left(now)};
  if (at < accepted_at()) return {refusal::stale, left(now)};
  const auto renewed = renew(at.term, leader, lease, now);
  if (renewed.granted() && at > accepted_at()) take(std::move(record), false);
  return renewed;
}

verdict voter::renew(std::uint64_t term, const member_ref& leader, duration lease, time_point now) {
  if (term < file_.promised) return {refusal::promised, left(now)};
  promise(term, leader);
  if (file_.holder != leader) {  // granted to one who lost: only the winner renews and proposes
    file_.holder = leader;
    ++version_;
  }
  // A lease to another process may be running here still: a majority found theirs ended, which is
  // what safety needs; the remainder is only kept for what candidates are told.
  const auto end = now + lease;
  lease_end_ = lease_holder_ == leader ? end : std::max(lease_end_, end);
  lease_holder_ = leader;
  lease_released_ = false;
  return {refusal::none, left(now)};
}

void voter::release(std::uint64_t term, const member_ref& leader) {
  if (term >= file_.promised && lease_holder_ == leader) lease_released_ = true;
}

bool voter::learn(record_ptr record) {
  if (record->at.term < file_.promised || record->at < accepted_at()) return false;
  if (record->at == accepted_at()) return mark_committed(record->at);
  promise(record->at.term, {});
  take(std::move(record), true);
  return true;
}

bool voter::mark_committed(const stamp& at) {
  if (!file_.accepted || file_.accepted->at != at) return false;
  file_.committed = true;  // written with the next change; a restart that forgets it only asks again
  return true;
}

bool voter::accept_founding(record_ptr record, const voter_id& founder) {
  if (file_.accepted) return file_.accepted->cluster == record->cluster;
  file_.accepted = std::move(record);
  file_.founding = true;
  file_.founder = founder;
  accepted_version_ = ++version_;
  return true;
}

void voter::declare_founded() {
  if (!file_.founding) return;
  file_.founding = false;
  ++version_;
}

std::optional<persist_request> voter::take_write() {
  if (writing_ != 0 || durable_ == version_) return std::nullopt;
  writing_ = version_;
  return persist_request{encode(file_), writing_};
}

void voter::on_persisted(std::uint64_t token) {
  if (writing_ == 0 || token != writing_) return;
  durable_ = writing_;
  writing_ = 0;
}

}  // namespace troupe
