// How a committed record spreads: pushed by the leader, asked for by who sees that it is behind.
#include "runtime/election/election.hpp"

namespace troupe {

void election::on_record(const member_ref& from, const election_message& m) {
  const auto& record = *m.record;
  if (record.expected_members != options_.expected_members || record.cluster_name != options_.cluster_name) {
    return report_refusal(from.name + " belongs to cluster " + record.cluster_name +
                          " with expected_members = " + std::to_string(record.expected_members));
  }
  if (record.at.term == 0) return;  // a founding spreads by its own messages
  hear(record.at.term);
  const bool higher = record.at > voter_.accepted_at();
  if (record.at < voter_.accepted_at() || record.at.term < leader_term_ || !voter_.learn(m.record)) {
    ++counters_.stale_term_refused;
    return;
  }
  if (higher) adopted();
  publish_committed();
}

// The first record of this node, or a founding overtaken by a real one.
void election::adopted() {
  if (phase_ != phase::without_record || !founded()) return;
  refusals_told_.clear();
  greetings_.clear();
  in_clusters_.clear();
  phase_ = phase::waiting_rank;
  quiet_until_ = now_ + timing_.start_quiet();
  deadline_ = quiet_until_;
}

void election::on_record_ask(const member_ref& from, const election_message& m) {
  const bool more = committed_ && m.at < committed_->at;
  if (!more && !store_) return;  // a store that forgot leaves the term that was promised here to be told
  auto answer = make(more ? election_kind::record : election_kind::committed);
  if (committed_) answer.at = committed_->at;
  if (more) answer.record = committed_;
  send(from, std::move(answer));
}

void election::on_committed(const member_ref& from, const stamp& at) {
  if (at == stamp{} || (committed_ && at <= committed_->at)) return;
  if (voter_.mark_committed(at)) return publish_committed();
  ask_for_record(from);
}

void election::ask_for_record(const member_ref& from) {
  if (record_asked_once_ && now_ - record_asked_ < timing_.record_ask_gap()) return;
  record_asked_once_ = true;
  record_asked_ = now_;
  auto ask = make(election_kind::record_ask);
  if (committed_) ask.at = committed_->at;
  send(from, std::move(ask));
}

// A record counts here when it is both committed and on this node's disk.
void election::publish_committed() {
  const auto record = voter_.committed();
  if (!record || record->at.term == 0) return;
  if (committed_ && committed_->at >= record->at) return;
  const auto before = committed_;
  committed_ = record;
  ++counters_.records_committed;
  out_->events.emplace_back(record_committed{record});
  for (const auto& [who, pid] : record->pids) {
    const bool news = roll_.present(who) && (!before || !before->pids.contains(who));
    if (news) out_->events.emplace_back(pid_given{who, pid});
  }
  if (leader_) leader_->pid = record->pid_of(leader_->who);
  use_kept_leases();
}

}  // namespace troupe
