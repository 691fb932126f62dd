// What this node answers to candidates and leaders. Every answer that speaks of a promise or of a record
// waits until that is on disk.
#include <algorithm>
#include <iterator>

#include "runtime/election/election.hpp"

namespace troupe {
namespace {

constexpr std::size_t kept_leases_max = 8;

}  // namespace

void election::on_ask_term(const member_ref& from, const election_message& m) {
  if (store_) return;
  if (voter_.founding()) on_founded(from, m);
  auto answer = make(election_kind::term_answer);
  answer.term = m.term;
  // A leader under a lease is its own witness: its voter's lease says no as well.
  const auto said = founded() ? voter_.ask_term(m.term, from, now_, m.leave) : verdict{refusal::no_record, {}};
  answer.granted = said.granted();
  answer.why = said.why;
  answer.lease = std::min(said.lease_left, election_lease_max);
  answer.promised = voter_.promised();
  answer.at = voter_.accepted_at();
  if (!said.granted()) return send(from, std::move(answer));
  if (m.at < answer.at) answer.record = voter_.accepted();
  if (reign_ && reign_->term < m.term && !hands_over_to(from)) end_reign("higher_term");
  wait_for_coordinator();
  send_when_durable(from, std::move(answer));
}

/// True for a message of a term below what is known here; the sender is told so by the caller.
bool election::stale(const member_ref& from, const election_message& m) {
  const bool second = m.term == leader_term_ && !leader_of_term_.empty() && leader_of_term_ != from.id;
  if (m.term >= leader_term_ && m.term >= voter_.promised() && !second) return false;
  ++counters_.stale_term_refused;
  return true;
}

void election::on_accept(const member_ref& from, const election_message& m) {
  auto answer = make(election_kind::accept_answer);
  answer.term = m.term;
  answer.at = m.record->at;
  answer.echo = m.sequence;
  if (store_) return;
  const bool wanted =
      has_cluster() || (m.record->has_voter(voter_.id()) && m.record->expected_members == options_.expected_members &&
                        m.record->cluster_name == options_.cluster_name);
  if (!wanted) return;
  if (stale(from, m)) {
    answer.promised = std::max(leader_term_, voter_.promised());
    answer.why = refusal::promised;
    return send(from, std::move(answer));
  }
  if (reign_ && !hands_over_to(from)) end_reign("higher_term");
  const auto said = voter_.accept(m.record, from, m.lease, now_);
  answer.granted = said.granted();
  answer.why = said.why;
  answer.promised = voter_.promised();
  answer.cluster = m.cluster;
  hear(m.term);
  if (!said.granted()) {
    ++counters_.stale_term_refused;
    return send(from, std::move(answer));
  }
  adopted();
  note_leader_sign(from, m.lease);
  wait_for_coordinator();
  send_when_durable(from, std::move(answer));
}

// COORDINATOR and RENEW. Everyone answers, voter or not: the answer says who it is and asks for a lease.
void election::on_renew(const member_ref& from, const election_message& m) {
  auto answer = make(election_kind::renew_answer);
  answer.term = m.term;
  answer.echo = m.sequence;
  if (m.cluster.empty() || m.term == 0) return;
  if (has_cluster() && stale(from, m)) {
    answer.promised = std::max(leader_term_, voter_.promised());
    answer.why = refusal::promised;
    return send(from, std::move(answer));
  }
  if (voter_.founding()) on_founded(from, m);
  if (founded()) {
    const auto said = voter_.renew(m.term, from, m.lease, now_);
    answer.granted = said.granted();
    answer.why = said.why;
    hear(m.term);
  }
  answer.promised = voter_.promised();
  if (founded() && answer.granted) {
    follow(from, m);
    on_committed(from, m.at);
  }
  answer.sequence = ++ask_;
  asks_[ask_] = now_;
  while (asks_.size() > 8) asks_.erase(asks_.begin());
  if (committed_) answer.at = committed_->at;
  send_when_durable(from, std::move(answer));
}

void election::on_release(const member_ref& from, const election_message& m) {
  voter_.release(m.term, from);
  if (leader_ && leader_->who == from && leader_->term <= m.term)
    lose_leader(m.cause.empty() ? "stepped_down" : m.cause);
  if (m.granted && !leader_) wait_for_coordinator();
}

// The leader told how long this node may act, counted from when this node asked.
void election::on_lease(const member_ref& from, const election_message& m) {
  const auto asked = asks_.find(m.echo);
  if (asked == asks_.end() || !leader_ || leader_->who != from || leader_->term != m.term) return;
  // It counts only beside the record that it names, which may still be on its way.
  auto& given = kept_leases_[m.at];
  given = {m.term, std::max(given.until, asked->second + m.lease)};
  use_kept_leases();
  // Of those that wait the oldest stay: while newer records come without end, theirs comes first.
  std::erase_if(kept_leases_, [this](const auto& kept) { return kept.second.until <= now_; });
  if (kept_leases_.size() > kept_leases_max) kept_leases_.erase(std::prev(kept_leases_.end()));
}

void election::use_kept_leases() {
  std::erase_if(kept_leases_, [this](const auto& kept) {
    const auto& [at, lease] = kept;
    if (!committed_ || at > committed_->at) return false;
    if (lease.term == committed_->at.term) own_lease_ = {lease.term, std::max(own_lease_.until, lease.until)};
    return true;
  });
}

}  // namespace troupe
