// A planned hand-over: the leader leads on while its successor takes the next term by its leave, and stops when
// that one has everything but its word.
//
//   leader    stand ->                                   ready <-   (stops)   go ->
//   successor          ask_term, accept (voters) ...   ->                          acts, COORDINATOR
//
// So nobody leads for one packet's way alone. The voters' leases to the old leader do not hinder who has its leave,
// but each grant tells how long its lease may run: a successor that hears no `go` acts not before. A leader whose
// successor is silent leads on, under a term of its own when the voters have promised a higher one meanwhile.
#include <algorithm>

#include "runtime/election/election.hpp"

namespace troupe {

bool election::hands_over_to(const member_ref& who) const {
  return phase_ == phase::leading && reign_->handover && reign_->handover->to == who;
}

std::optional<member_ref> election::best_heir() const {
  std::optional<std::pair<member_rank, member_ref>> best;
  for (const auto& [name, row] : roll_.all()) {
    if (name == options_.self.name || row.state != member_state::alive || !row.vetted) continue;
    auto rank = roll_.rank_of(name, row, reign_->base.get());
    if (!best || rank > best->first) best = {std::move(rank), {name, row.id}};
  }
  return best ? std::optional(best->second) : std::nullopt;
}

expected<void> election::transfer(const std::string& name, time_point now, election_output& out) {
  enter(now, out);
  expected<void> done;
  if (phase_ == phase::leading) {
    done = transfer_here(name, std::nullopt);
  } else if (!leader_) {
    done = fail(errc::unavailable, "no leader is known");
  } else if (name == leader_->who.name) {
    done = fail(errc::not_found, name + " leads already");
  } else {
    auto ask = make(election_kind::transfer_asked);
    ask.reason = name.substr(0, record_text_max);
    send(leader_->who, std::move(ask));
  }
  finish(out);
  return done;
}

expected<void> election::transfer_here(const std::string& name, const std::optional<member_ref>& asked_by) {
  if (!may_act(now_)) return fail(errc::unavailable, "this node does not lead");
  if (reign_->handover) return fail(errc::unavailable, "the lead is being handed over to " + reign_->handover->to.name);
  const auto* row = roll_.find(name);
  auto to = name.empty() ? best_heir() : std::nullopt;
  if (name == options_.self.name) return fail(errc::not_found, name + " leads already");
  const bool can = row != nullptr && row->state == member_state::alive && row->vetted;
  if (!name.empty() && can) to = member_ref{name, row->id};
  if (!to) return fail(errc::not_found, name.empty() ? "no other member can lead" : "no member " + name + " can lead");
  begin_handover(*to, name.empty() ? "resigned" : "transferred", asked_by);
  return {};
}

void election::on_transfer_asked(const member_ref& from, const election_message& m) {
  const auto begun = transfer_here(m.reason, from);
  if (begun) return;
  auto answer = make(election_kind::transfer_failed);
  answer.cause = m.reason;
  answer.reason = begun.error().context.substr(0, record_text_max);
  send(from, std::move(answer));
}

// A store has no second entry in which a successor could prepare itself: there the lead is given back at once.
void election::begin_handover(const member_ref& to, const std::string& reason,
                              const std::optional<member_ref>& asked_by) {
  ++counters_.handovers_begun;
  if (store_) {
    resign(reason, to);
    out_->events.emplace_back(handover_ended{to.name, {}});
    return;
  }
  reign_->handover = planned_handover{to, reason, asked_by, false, false, now_ + timing_.reign()};
  next_change();
}

/// What was proposed before is committed; from here on the voters may belong to the other.
void election::tell_successor() {
  auto& h = *reign_->handover;
  if (h.told) return;
  h.told = true;
  h.deadline = now_ + timing_.handover();
  auto word = make(election_kind::stand);
  word.granted = true;
  word.cause = h.reason;
  send(h.to, std::move(word));
}

void election::run_handover() {
  if (phase_ == phase::taking_over) return consider_commit();
  if (phase_ != phase::leading || !reign_->handover || now_ < reign_->handover->deadline) return;
  handover_failed(reign_->handover->to.name + " did not get ready in time");
}

void election::handover_failed(const std::string& fault) {
  const auto h = std::move(*reign_->handover);
  reign_->handover.reset();
  ++counters_.handovers_failed;
  out_->events.emplace_back(handover_ended{h.to.name, fault});
  if (h.asked_by) {
    auto answer = make(election_kind::transfer_failed);
    answer.cause = h.to.name;
    answer.reason = fault.substr(0, record_text_max);
    send(*h.asked_by, std::move(answer));
  }
  if (leaving_) return resign("leaving", std::nullopt);
  if (h.outbid) return outbid();
  next_change();
}

/// Everything is there but the word of the leader before.
void election::say_ready() {
  if (now_ < reign_->ready_again) return;
  reign_->ready_again = now_ + timing_.rank_step();
  for (const auto& [name, row] : roll_.all()) {
    if (row.id != reign_->leave) continue;
    auto word = make(election_kind::ready);
    send({name, row.id}, std::move(word));
  }
}

void election::on_ready(const member_ref& from, const election_message& m) {
  const bool leads = phase_ == phase::leading;
  if (leads && (!hands_over_to(from) || m.term <= reign_->term)) return;  // the end of the lease decides
  auto word = make(election_kind::go);
  word.term = m.term;
  send(from, std::move(word));
  if (!leads) return;
  quiet_until_ = now_ + timing_.resigned_quiet();
  end_reign(std::string(reign_->handover->reason));
  wait_for_coordinator();
}

void election::on_go(const member_ref& from, const election_message& m) {
  if (phase_ != phase::taking_over || reign_->leave != from.id || m.term != reign_->term) return;
  reign_->not_before = time_point::min();
  consider_commit();
}

// Not pre-emption: the leader itself gives the lead to a member of higher priority that has been alive for the
// whole hold-down, so that one that comes and goes takes nothing.
void election::consider_priority() {
  const bool due = options_.take_over && !leaving_ && !reign_->handover && now_ >= take_over_at_ &&
                   now_ - reign_->since >= options_.hold_down;
  if (!due) return;
  std::optional<std::pair<member_rank, member_ref>> best;
  for (const auto& [name, row] : roll_.all()) {
    const bool stable = row.state == member_state::alive && row.vetted && now_ - row.since >= options_.hold_down;
    if (!stable || !row.asks(now_, timing_.answered_lately()) || row.priority <= options_.priority) continue;
    auto rank = roll_.rank_of(name, row, reign_->base.get());
    if (rank.pid != 0 && (!best || rank > best->first)) best = {std::move(rank), {name, row.id}};
  }
  if (!best) return;
  take_over_at_ = now_ + options_.hold_down;
  begin_handover(best->second, "priority", std::nullopt);
}

}  // namespace troupe
