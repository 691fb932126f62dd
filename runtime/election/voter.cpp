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
  if (file_.committed) note_committed();
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
  if (committed) note_committed();
}

// Of what is durable, of what is being written and of the rest only the last counts.
void voter::note_committed() {
  const auto stage = [this](std::uint64_t version) { return version <= durable_ ? 0 : version <= writing_ ? 1 : 2; };
  while (committed_.size() > 1 && stage(committed_[1].version) == 0) committed_.pop_front();
  if (!committed_.empty() && stage(committed_.back().version) == stage(accepted_version_)) committed_.pop_back();
  committed_.push_back({file_.accepted, accepted_version_});
}

record_ptr voter::committed() const {
  record_ptr latest;
  for (const auto& known : committed_) {
    if (known.version <= durable_) latest = known.record;
  }
  return latest;
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
  if (!renewed.granted() || at == accepted_at()) return renewed;
  // A leader has one change under way: with the next, the one before it in its term is committed.
  const auto before = accepted_at();
  if (before.term == at.term && before.epoch + 1 == at.epoch) (void)mark_committed(before);
  take(std::move(record), false);
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
  if (!committed_.empty() && committed_.back().record->at >= at) return true;
  if (!file_.accepted || file_.accepted->at != at) return false;
  file_.committed = true;  // written with the next change; a restart that forgets it only asks again
  note_committed();
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
