// Leading: taking over, the lease, and changes of the record.
//
// Every renewal and every proposal is a round, known by a number and the moment it was sent. A voter's
// answer to a round counts from that moment; the lease lasts two thirds of election.lease from the
// latest moment that a majority of the committed voters answered to.
#include <algorithm>
#include <utility>

#include "runtime/election/election.hpp"
#include "runtime/election/upkeep.hpp"

namespace troupe {
namespace {

constexpr std::size_t rounds_kept = 16;

bool has_majority(const std::vector<record_voter>& voters, const std::set<voter_id>& accepted) {
  const auto count =
      std::count_if(voters.begin(), voters.end(), [&](const auto& v) { return accepted.contains(v.id); });
  return static_cast<std::size_t>(count) >= majority_of(voters.size());
}

}  // namespace

void election::take_over() {
  reign r;
  r.term = candidacy_->term;
  r.base = candidacy_->best;
  r.inherited = candidacy_->inherited;
  r.since = now_;
  r.cause = r.base->at.term == 0 ? "founded" : candidacy_->cause;
  r.leave = candidacy_->leave;
  if (!r.leave.empty()) r.not_before = r.inherited;
  candidacy_.reset();
  reign_ = std::move(r);
  if (store_) seat_reign();
  phase_ = phase::taking_over;
  deadline_ = now_ + timing_.candidacy();
  reign_->next_renewal = now_ + timing_.renewal();
  auto next = *reign_->base;
  give_pids(next, {roll_, options_.self, now_, now_, {}, reign_->answered});
  start_change(std::move(next), 0);
}

std::uint64_t election::new_round() {
  auto& rounds = reign_->rounds;
  const auto number = rounds.empty() ? 1 : rounds.rbegin()->first + 1;
  rounds[number] = now_;
  if (rounds.size() > rounds_kept) rounds.erase(rounds.begin());
  return number;
}

void election::start_change(cluster_record next, std::uint64_t proposal) {
  next.at = {reign_->term, reign_->base->at.epoch + 1};
  reign_->pending =
      pending_change{std::make_shared<const cluster_record>(std::move(next)), reign_->base->voters, {}, proposal};
  send_accepts();
}

void election::send_accepts() {
  auto& change = *reign_->pending;
  auto accept = make(election_kind::accept);
  accept.record = change.record;
  accept.at = change.record->at;
  if (!store_) accept.sequence = new_round();  // the store's rounds are its requests
  accept.cluster = change.record->cluster;
  std::set<std::string> sent;
  for (const auto* voters : {&std::as_const(change).old_voters, &change.record->voters}) {
    for (const auto& v : *voters) {
      if (change.accepted.contains(v.id) || !sent.insert(v.name).second) continue;
      const auto to = v.name == options_.self.name ? std::nullopt : reach(v.name);
      if (to) send(*to, accept);
    }
  }
  if (change.accepted.contains(voter_.id())) return;
  // Also a leader that does not vote keeps the record on its disk before anybody acts on it.
  const auto said = voter_.accept(change.record, options_.self, timing_.lease, now_);
  auto answer = make(election_kind::accept_answer);
  answer.at = change.record->at;
  answer.echo = accept.sequence;
  answer.granted = said.granted();
  answer.why = said.why;
  answer.promised = voter_.promised();
  send_when_durable(options_.self, std::move(answer));
}

void election::on_accept_answer(const member_ref&, const election_message& m) {
  if (!reign_ || m.term != reign_->term) return;
  if (!m.granted) {
    if (m.promised > reign_->term) outbid();
    return;
  }
  count_answer(m.voter, m.echo);
  if (!reign_->pending || reign_->pending->record->at != m.at) return;
  reign_->pending->accepted.insert(m.voter);
  consider_commit();
}

void election::consider_commit() {
  if (!reign_ || !reign_->pending) return;
  const auto& change = *reign_->pending;
  const bool own = change.accepted.contains(voter_.id());
  if (!own || !has_majority(change.old_voters, change.accepted)) return;
  if (!has_majority(change.record->voters, change.accepted)) return;
  if (now_ < reign_->not_before) return say_ready();
  commit();
}

void election::commit() {
  const auto change = std::move(*reign_->pending);
  reign_->pending.reset();
  reign_->base = change.record;
  voter_.mark_committed(change.record->at);
  const bool first = phase_ == phase::taking_over;
  // The voters' answers took their time: a lease that ended meanwhile is no leadership.
  if (first && now_ >= lease_end()) return end_reign("lease_over");
  phase_ = phase::leading;
  publish_committed();
  if (change.proposal != 0) out_->events.emplace_back(proposal_ended{change.proposal, change.record->at});
  publish(change);
  if (first) announce();
  next_change();
}

void election::publish(const pending_change& change) {
  auto full = make(election_kind::record);
  full.at = change.record->at;
  full.record = change.record;
  auto known = make(election_kind::committed);
  known.at = change.record->at;
  for (const auto& [name, row] : roll_.all()) {
    const member_ref to{name, row.id};
    if (to == options_.self || !row.serves()) continue;
    if (!row.voter.empty() && change.accepted.contains(row.voter)) {
      send(to, known);
    } else if (row.vetted || change.record->pids.contains(to)) {
      send(to, full);
    }
  }
}

void election::announce() {
  ++counters_.terms_led;
  reign_->since = now_;
  leader_term_ = reign_->term;
  leader_of_term_ = options_.self.id;
  passed_over_.clear();
  const auto why = why_not_fenced();
  const auto& cause = reign_->cause;
  if (leader_) out_->events.emplace_back(leader_lost{leader_->who, leader_->term, cause});
  leader_ = known_leader{options_.self, pid(), reign_->term, why.empty(), why, now_, cause};
  out_->events.emplace_back(became_leader{reign_->term, reign_->inherited});
  out_->events.emplace_back(leader_elected{options_.self, pid(), reign_->term, why.empty(), why, cause});
  auto news = make(election_kind::coordinator);
  news.at = reign_->base->at;
  news.sequence = new_round();
  for (const auto& [name, row] : roll_.all()) {
    if (row.serves() && name != options_.self.name) send({name, row.id}, news);
  }
}

void election::renew() {
  reign_->next_renewal = now_ + timing_.renewal();
  if (store_) {
    store_->renew_due = true;  // members are told when the store has said yes
    return;
  }
  const auto round = new_round();
  send_renewals(round);
  if (voter_.renew(reign_->term, options_.self, timing_.lease, now_).granted()) count_answer(voter_.id(), round);
}

void election::send_renewals(std::uint64_t round) {
  auto news = make(election_kind::renew);
  news.at = committed_ && committed_->at.term == reign_->term ? committed_->at : stamp{};
  news.sequence = round;
  reign_->renewed_at = now_;
  for (const auto& [name, row] : roll_.all()) {
    if (name == options_.self.name || row.state == member_state::departed) continue;
    const bool votes = reign_->base->voter_named(name) != nullptr;
    if (votes || row.present() || row.state == member_state::departing) send({name, row.id}, news);
  }
}

void election::count_answer(const voter_id& id, std::uint64_t sequence) {
  const auto sent = reign_->rounds.find(sequence);
  const bool votes = reign_->base->has_voter(id) || (reign_->pending && reign_->pending->record->has_voter(id));
  if (sent == reign_->rounds.end() || !votes) return;
  auto& latest = reign_->answered.try_emplace(id, sent->second).first->second;
  latest = std::max(latest, sent->second);
  if (phase_ == phase::leading) give_leases();
}

time_point election::lease_end() const {
  if (!reign_) return time_point::min();
  std::vector<time_point> answered;
  for (const auto& v : reign_->base->voters) {
    const auto found = reign_->answered.find(v.id);
    if (found != reign_->answered.end()) answered.push_back(found->second);
  }
  const auto needed = majority_of(reign_->base->voters.size());
  if (answered.size() < needed) return time_point::min();
  std::sort(answered.begin(), answered.end(), std::greater<>());
  return answered[needed - 1] + timing_.reign();
}

bool election::may_act(time_point now) const { return phase_ == phase::leading && now < lease_end(); }

void election::on_renew_answer(const member_ref& from, const election_message& m) {
  if (phase_ != phase::leading || m.term != reign_->term) return;
  if (!m.granted && m.why == refusal::promised) {
    if (m.promised >= reign_->term) outbid();  // the same: it follows another leader of this term
    return;
  }
  const bool news = vet(from, m);
  if (m.granted) note_floor(from.name);
  auto* row = roll_.find(from);
  if (row != nullptr && row->vetted && m.granted) {
    row->ask = m.sequence;
    row->ask_received = now_;
    const auto before = reign_->leased_until;
    count_answer(m.voter, m.echo);
    if (reign_->leased_until == before) give_lease(from, *row);
  }
  // A step of the voters' list waits for fresh answers and is proposed while they are fresh.
  if (news || reign_->base->has_voter(m.voter)) next_change();
}

// A voter promised a higher term, to a candidate that may never have got it.
void election::outbid() {
  if (reign_->handover) {  // most likely by its successor
    reign_->handover->outbid = true;
    return;
  }
  const bool led = phase_ == phase::leading;
  end_reign("higher_term");
  if (keeps_out()) return;
  // Who led is the only one that the voters' leases let through at once; who tried waits its turn.
  if (led) return stand();
  deadline_ = std::max(deadline_, now_ + timing_.rank_step() + rng_.between({}, timing_.rank_step() * 4));
}

// What the member says of itself decides whether it belongs to this cluster.
bool election::vet(const member_ref& from, const election_message& m) {
  auto* row = roll_.find(from);
  if (row == nullptr) return false;
  if (auto fault = fault_of_joiner(from, m); !fault.empty()) {
    refuse_joiner(from, std::move(fault));
    return false;
  }
  const bool news = !row->vetted || row->voter != m.voter;
  row->vetted = true;
  row->voter = m.voter;
  if (!m.cluster.empty()) return news;
  auto record = make(election_kind::record);
  record.at = reign_->base->at;
  record.record = reign_->base;
  send(from, std::move(record));
  auto again = make(election_kind::renew);  // now that it has a record it can follow
  again.at = reign_->base->at;
  again.sequence = reign_->rounds.rbegin()->first;
  send(from, std::move(again));
  return news;
}

// Who has not answered the latest renewal yet is given its lease when it does.
void election::give_leases() {
  const auto end = lease_end();
  if (end <= reign_->leased_until || end <= now_) return;
  reign_->leased_until = end;
  for (const auto& [name, unused] : roll_.all()) {
    auto& row = *roll_.find(name);
    if (name != options_.self.name && row.ask_received >= reign_->renewed_at) give_lease({name, row.id}, row);
  }
}

// Counted by the member from its ask, and shortened by the time since that ask came in here: however
// long packets take, it ends no later than this node's own lease, by clocks whose rates differ a little.
void election::give_lease(const member_ref& to, roll_row& row) {
  const auto whole = reign_->leased_until - row.ask_received;
  const auto left = whole - whole / clock_rate_margin;
  if (!row.serves() || !row.vetted || row.ask == 0 || reign_->leased_until <= now_ || left > election_lease_max) return;
  auto lease = make(election_kind::lease);
  lease.echo = row.ask;
  // A change that waits behind the pending one was decided by the leases given until then: this one counts beside it.
  lease.at = reign_->pending ? reign_->pending->record->at : reign_->base->at;
  lease.at.epoch += reign_->queue.size();
  lease.lease = std::chrono::floor<std::chrono::microseconds>(left);
  row.granted_until = std::max(row.granted_until, reign_->leased_until);
  send(to, std::move(lease));
}

time_point election::lease_may_run_until(const std::string& name) const {
  if (name == options_.self.name) return lease_end();
  const auto* row = roll_.find(name);
  const auto inherited = reign_ ? reign_->inherited : time_point::min();
  return row == nullptr ? inherited : std::max(inherited, row->granted_until);
}

time_point election::earlier_lease_may_run_until(const std::string& name) const {
  const auto* row = roll_.find(name);
  const auto inherited = reign_ ? reign_->inherited : time_point::min();
  return row == nullptr ? inherited : std::max(inherited, row->granted_earlier);
}

time_point election::surely_lives_until(const member_ref& who) const {
  const auto* row = roll_.find(who.name);
  const bool asked = row != nullptr && row->id == who.id && row->ask != 0 && row->ask_received > row->since;
  return asked ? row->ask_received + timing_.answered_lately() : time_point::min();
}

}  // namespace troupe
