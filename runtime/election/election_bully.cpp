// Bully: who stands. ELECTION asks, OK says "I rank higher and am there", COORDINATOR announces. The cures
// of its known illnesses:
//   storms            everyone waits by its rank before it speaks, and asks only the highest above it (the
//                     next one if that is silent): one ELECTION, one OK, one COORDINATOR a member
//   after an OK       nobody asks again before the coordinator's time is over
//   lost COORDINATOR  every renewal says the same; the timer passes over who said OK and led to nothing
//   pre-emption       a member that ranks higher and sees a leader stands for nothing
//   a mute higher one that cannot reach the voters is passed over as well
#include <algorithm>

#include "runtime/election/election.hpp"

namespace troupe {
namespace {

constexpr std::int64_t rank_steps_max = 8;

}  // namespace

bool election::may_stand() const { return founded() && !keeps_out() && now_ >= quiet_until_; }

std::vector<member_ref> election::higher_present() const {
  const auto* record = voter_.accepted().get();
  const auto own = roll_.rank_of(options_.self.name, *roll_.find(options_.self.name), record);
  std::vector<std::pair<member_rank, member_ref>> higher;
  for (const auto& [name, row] : roll_.all()) {
    if (name == options_.self.name || !row.present() || passed_over_.contains(name)) continue;
    auto rank = roll_.rank_of(name, row, record);
    if (rank > own) higher.push_back({std::move(rank), {name, row.id}});
  }
  std::sort(higher.begin(), higher.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<member_ref> names;
  for (auto& entry : higher) names.push_back(std::move(entry.second));
  return names;
}

duration election::rank_delay() {
  const auto above = static_cast<std::int64_t>(higher_present().size());
  if (above == 0) return {};
  return timing_.rank_step() * std::min(above, rank_steps_max) + rng_.between({}, timing_.rank_step());
}

void election::begin_election() {
  if (!founded() || phase_ == phase::leading) return;
  ++counters_.elections_begun;
  called_.reset();
  candidacy_.reset();
  phase_ = phase::waiting_rank;
  deadline_ = now_ + rank_delay();
}

void election::run_bully() {
  if (phase_ == phase::following && now_ >= leader_until_) lose_leader("lease_over");
  // Each turn sends something or passes one member over, so this ends.
  while (!keeps_out() && now_ >= std::max(deadline_, quiet_until_)) {
    if (phase_ == phase::waiting_rank) {
      call_higher();
    } else if (phase_ == phase::waiting_ok || phase_ == phase::waiting_coordinator) {
      const bool was_ok = phase_ == phase::waiting_ok;
      if (called_) passed_over_.insert(called_->name);
      called_.reset();
      phase_ = phase::waiting_rank;
      deadline_ = was_ok ? now_ : now_ + rank_delay();
    } else {
      return;
    }
  }
}

void election::call_higher() {
  if (!may_stand()) return;
  const auto higher = higher_present();
  if (higher.empty()) return stand();
  called_ = higher.front();
  phase_ = phase::waiting_ok;
  deadline_ = now_ + timing_.ok_timeout();
  send(*called_, make(election_kind::election));
}

void election::on_election(const member_ref& from) {
  if (phase_ == phase::leading) {
    auto answer = make(election_kind::coordinator);
    answer.sequence = reign_->rounds.rbegin()->first;
    if (committed_) answer.at = committed_->at;
    return send(from, std::move(answer));
  }
  if (!may_stand()) return;  // its timer passes this node over
  const auto* row = roll_.find(from);
  const auto* record = voter_.accepted().get();
  const auto own = roll_.rank_of(options_.self.name, *roll_.find(options_.self.name), record);
  if (row == nullptr || roll_.rank_of(from.name, *row, record) > own) return;
  send(from, make(election_kind::ok));
  if (phase_ == phase::waiting_rank) {
    deadline_ = std::min(deadline_, now_ + rank_delay());
  } else if (phase_ == phase::waiting_coordinator && !called_ && higher_present().empty()) {
    begin_election();
  }
}

void election::on_ok(const member_ref& from) {
  if (phase_ != phase::waiting_ok || called_ != from) return;
  phase_ = phase::waiting_coordinator;
  deadline_ = now_ + timing_.coordinator_timeout() + rng_.between({}, timing_.rank_step());
}

/// A candidate or a leader to be was seen at work: leave it its time.
void election::wait_for_coordinator() {
  if (phase_ != phase::waiting_rank && phase_ != phase::waiting_ok && phase_ != phase::asking) return;
  candidacy_.reset();
  called_.reset();
  phase_ = phase::waiting_coordinator;
  deadline_ = now_ + timing_.coordinator_timeout() + rng_.between({}, timing_.rank_step());
}

// From the leader of the highest term seen; its departure may have been heard of before this message.
void election::on_stand(const member_ref& from, const election_message& m) {
  const bool by_leader = leader_ ? leader_->who == from && m.term >= leader_->term : m.term == leader_term_;
  if (!by_leader || keeps_out() || !founded() || candidacy_ || reign_) return;
  quiet_until_ = now_;
  if (m.granted) return stand(&m, from.id);
  voter_.release(m.term, from);
  lose_leader(m.cause);
  stand(&m);
}

void election::lose_leader(std::string reason) {
  if (!leader_) return;
  last_loss_ = reason;
  const bool follows = phase_ == phase::following;
  out_->events.emplace_back(leader_lost{leader_->who, leader_->term, std::move(reason)});
  leader_.reset();
  if (follows) begin_election();
}

void election::note_leader_sign(const member_ref& from, duration lease) {
  if (leader_ && leader_->who == from) leader_until_ = std::max(leader_until_, now_ + lease);
}

// COORDINATOR or a renewal of a term that is not below any seen: its sender leads.
void election::follow(const member_ref& from, const election_message& m) {
  if (reign_) end_reign("higher_term");
  leader_term_ = m.term;
  leader_of_term_ = from.id;
  const bool same = leader_ && leader_->who == from && leader_->term == m.term;
  leader_until_ = now_ + m.lease;
  if (!same) {
    if (leader_)
      out_->events.emplace_back(leader_lost{leader_->who, leader_->term, m.cause.empty() ? "replaced" : m.cause});
    leader_ = known_leader{from, m.pid, m.term, m.fenced, m.reason, now_, m.cause};
    out_->events.emplace_back(leader_elected{from, m.pid, m.term, m.fenced, m.reason, m.cause});
  } else if (leader_->fenced != m.fenced) {
    leader_->fenced = m.fenced;
    leader_->fenced_reason = m.reason;
    out_->events.emplace_back(leader_elected{from, m.pid, m.term, m.fenced, m.reason, m.cause});
  }
  if (!founded()) return;
  // Who stands by the leader's leave goes on while that one leads.
  if (candidacy_ && candidacy_->leave == from.id && m.term < candidacy_->term) return;
  candidacy_.reset();
  called_.reset();
  passed_over_.clear();
  phase_ = phase::following;
}

}  // namespace troupe
