// The term: a candidate asks the voters for highest heard + 1.
//
// It asks its own voter last, when that grant would complete the majority: a member that only lost its
// leader from sight is refused by the others' leases and so never raises its own promise. Whose voters
// count is told by the highest record shown, this node's own included: a committed change of the voters was
// accepted by a majority of the old list and of the new one, so it cannot be missed.
#include <algorithm>

#include "runtime/election/election.hpp"

namespace troupe {

// `handed_over`: the word of a leader that wants this node in its place; `by`: it leads on meanwhile.
void election::stand(const election_message* handed_over, const incarnation_id& by) {
  ++counters_.candidacies;
  candidacy c;
  c.term = term_heard() + 1;
  if (c.term >= term_max) return give_up_candidacy(timing_.candidacy());
  c.best = voter_.accepted();
  c.give_up = now_ + (by.empty() ? timing_.candidacy() : timing_.handover());
  c.inherited = now_;
  c.handed_over = handed_over != nullptr;
  c.leave = by;
  c.cause = handed_over != nullptr && !handed_over->cause.empty() ? handed_over->cause : last_loss_;
  candidacy_ = std::move(c);
  called_.reset();
  phase_ = phase::asking;
  if (store_) {
    store_->attempts.clear();
    store_->again = now_;
    return;
  }
  ask_voters();
  count_grants();
}

void election::ask_voters() {
  auto& c = *candidacy_;
  for (const auto& v : c.best->voters) {
    if (v.name == options_.self.name || c.granted.contains(v.id)) continue;
    const auto planned = c.ask_at.find(v.name);
    if (planned != c.ask_at.end() && now_ < planned->second) continue;
    c.ask_at[v.name] = now_ + timing_.ask_retry();
    const auto to = reach(v.name);
    if (!to) continue;
    auto ask = make(election_kind::ask_term);
    ask.term = c.term;
    ask.at = voter_.accepted_at();
    ask.leave = c.leave;
    send(*to, std::move(ask));
  }
  std::erase_if(c.ask_at, [&](const auto& entry) { return entry.second <= now_; });
}

void election::on_term_answer(const member_ref& from, const election_message& m) {
  if (phase_ != phase::asking || m.term != candidacy_->term) return;
  auto& c = *candidacy_;
  if (!m.granted) {
    if (m.why == refusal::promised && m.promised >= c.term) {
      // Somebody else was faster with this term: ask for the next one, after a while that differs.
      return give_up_candidacy(timing_.rank_step() + rng_.between({}, timing_.rank_step() * 2));
    }
    if (m.why == refusal::lease) {
      // A voter that has not yet heard that its leader handed over will know in a moment.
      c.ask_at[from.name] = now_ + (c.handed_over ? timing_.rank_step() : std::max(m.lease, timing_.rank_step() / 8));
      if (c.leave.empty()) c.give_up = std::max(c.give_up, now_ + m.lease + timing_.ask_retry());
    }
    return;
  }
  c.inherited = std::max(c.inherited, now_ + m.lease);
  if (m.record && m.record->at > c.best->at) {
    c.best = m.record;
    ask_voters();
  }
  c.granted.insert(m.voter);
  c.ask_at[from.name] = c.give_up;
  count_grants();
}

void election::count_grants() {
  auto& c = *candidacy_;
  // This node may have learned a record since it began to ask; voters do not show what it told them it has.
  if (voter_.accepted_at() > c.best->at) c.best = voter_.accepted();
  const auto& voters = c.best->voters;
  const auto granted = static_cast<std::size_t>(
      std::count_if(voters.begin(), voters.end(), [&](const auto& v) { return c.granted.contains(v.id); }));
  const auto needed = majority_of(voters.size());
  if (granted >= needed) return take_over();
  const bool own_counts = c.best->has_voter(voter_.id()) && !c.granted.contains(voter_.id());
  if (own_counts && !c.own_asked && granted + 1 >= needed && now_ >= c.own_at) ask_own_voter();
}

void election::ask_own_voter() {
  auto& c = *candidacy_;
  const auto answer = voter_.ask_term(c.term, options_.self, now_, c.leave);
  if (answer.why == refusal::lease) {
    c.own_at = now_ + answer.lease_left;
    if (c.leave.empty()) c.give_up = std::max(c.give_up, c.own_at + timing_.ask_retry());
    return;
  }
  if (!answer.granted()) return give_up_candidacy(timing_.rank_step() + rng_.between({}, timing_.rank_step() * 2));
  c.own_asked = true;
  auto message = make(election_kind::term_answer);
  message.term = c.term;
  message.granted = true;
  message.lease = answer.lease_left;
  send_when_durable(options_.self, std::move(message));
}

void election::run_candidacy() {
  if (phase_ != phase::asking) return;
  if (now_ >= candidacy_->give_up) return give_up_candidacy(rng_.between({}, timing_.ask_retry()));
  if (store_) return;
  ask_voters();
  count_grants();
}

void election::give_up_candidacy(duration pause) {
  candidacy_.reset();
  const bool led = leader_ && leader_->who != options_.self && now_ < leader_until_;  // it stood by the leader's leave
  phase_ = led ? phase::following : phase::waiting_rank;
  deadline_ = now_ + pause;
}

}  // namespace troupe
