// The leader's own changes and its owner's proposals, one at a time, and the ways a reign ends.
#include <algorithm>

#include "runtime/election/election.hpp"
#include "runtime/election/upkeep.hpp"

namespace troupe {
void apply(const record_change& change, cluster_record& record) {
  if (change.shard_table) record.shard_table = *change.shard_table;
  if (change.locks) record.locks = *change.locks;
  for (const auto& [key, value] : change.values) {
    if (value.empty()) {
      record.values.erase(key);
    } else {
      record.values[key] = value;
    }
  }
}

expected<std::uint64_t> election::propose(record_change change, time_point now, election_output& out) {
  enter(now, out);
  if (!may_act(now_) || reign_->handover) {
    const bool leads = may_act(now_);
    finish(out);
    return fail(errc::unavailable, leads ? "the lead is being handed over" : "this node does not lead");
  }
  auto trial = *reign_->base;
  apply(change, trial);
  const auto fault = fault_of(trial);
  const bool too_large = encode(trial).size() > (store_ ? store_record_bytes_max : record_bytes_max);
  const bool full = reign_->queue.size() >= proposals_max;
  if (!fault.empty() || too_large || full) {
    finish(out);
    if (too_large) return fail(errc::too_large, "the cluster record would exceed its limit");
    if (!fault.empty()) return fail(errc::invalid_argument, "cluster record: " + fault);
    return fail(errc::unavailable, "too many proposals wait");
  }
  const auto number = ++next_proposal_;
  reign_->queue.push_back({number, std::move(change)});
  next_change();
  finish(out);
  return number;
}

// One change is under way at a time. Proposals go first; the leader's own changes ride along.
void election::next_change() {
  if (phase_ != phase::leading || reign_->pending) return;
  auto next = *reign_->base;
  const upkeep_view view{roll_, options_.self, reign_->since, now_, timing_.answered_lately(), reign_->answered};
  std::uint64_t proposal = 0;
  if (!reign_->queue.empty()) {
    proposal = reign_->queue.front().number;
    apply(reign_->queue.front().change, next);
    reign_->queue.pop_front();
  }
  if (proposal == 0 && reign_->handover) return tell_successor();
  const bool pids = give_pids(next, view);
  const bool voters = !store_ && adjust_voters(next, view);
  if (proposal != 0 || pids || voters) start_change(std::move(next), proposal);
}

void election::run_reign() {
  if (phase_ == phase::taking_over && now_ >= deadline_) return end_reign("no_majority");
  if (phase_ == phase::leading && now_ >= lease_end()) return end_reign("lease_over");
  run_handover();
  if (!reign_ || now_ < reign_->next_renewal) return;
  if (phase_ == phase::leading) {
    renew();
    consider_priority();
    if (!reign_) return;
  }
  reign_->next_renewal = now_ + timing_.renewal();
  // Who waits for the word of the leader before it renews what the voters gave it.
  if (reign_->pending && now_ < reign_->not_before) reign_->pending->accepted.clear();
  if (reign_ && reign_->pending) send_accepts();
  if (reign_) next_change();
}

// Ends leadership or the attempt at it. A proposal that was sent may yet be committed by the next leader.
void election::end_reign(const std::string& reason) {
  const auto ended = std::move(*reign_);
  const bool led = phase_ == phase::leading;
  reign_.reset();
  if (led) last_loss_ = reason;
  if (const auto& h = ended.handover) {
    const bool done = reason == h->reason;
    if (!done) ++counters_.handovers_failed;
    out_->events.emplace_back(handover_ended{h->to.name, done ? "" : reason});
  }
  if (store_) leave_store();
  if (ended.pending && ended.pending->proposal != 0) {
    out_->events.emplace_back(proposal_ended{ended.pending->proposal, fail(errc::outcome_unknown, reason)});
  }
  for (const auto& waiting : ended.queue) {
    out_->events.emplace_back(proposal_ended{waiting.number, fail(errc::unavailable, reason)});
  }
  if (led) {
    out_->events.emplace_back(stepped_down{ended.term, reason});
    if (leader_) out_->events.emplace_back(leader_lost{leader_->who, leader_->term, reason});
    leader_.reset();
  }
  phase_ = phase::waiting_rank;
  begin_election();
}

// Members' leases are not given back: the voters tell the next leader how long they may run.
void election::resign(const std::string& reason, const std::optional<member_ref>& successor) {
  const auto term = reign_->term;
  auto release = make(election_kind::release);
  release.granted = successor.has_value();  // somebody stands already
  release.cause = reason;
  bool others = false;
  for (const auto& [name, row] : roll_.all()) {
    if (!row.present() || name == options_.self.name) continue;
    if (!successor || successor->name != name) send({name, row.id}, release);
    others = true;
  }
  if (successor) {
    auto stand_now = make(election_kind::stand);
    stand_now.cause = reason;
    send(*successor, std::move(stand_now));
  }
  voter_.release(term, options_.self);
  if (store_) store_->release_due = store_->held != 0;
  if (others) quiet_until_ = now_ + timing_.resigned_quiet();
  end_reign(reason);
}

void election::step_down(time_point now, election_output& out) {
  enter(now, out);
  if (phase_ == phase::leading) resign("resigned", std::nullopt);
  finish(out);
}

void election::stand_aside(bool aside, time_point now, election_output& out) {
  enter(now, out);
  aside_ = aside;
  if (aside && phase_ == phase::leading) resign("stands_aside", std::nullopt);
  if (aside && reign_) end_reign("stands_aside");
  if (aside && phase_ == phase::asking) give_up_candidacy(duration::zero());
  finish(out);
}

void election::leave(time_point now, election_output& out) {
  enter(now, out);
  leaving_ = true;
  if (phase_ == phase::leading) {
    if (const auto heir = best_heir(); !heir)
      resign("leaving", std::nullopt);
    else if (!reign_->handover)
      begin_handover(*heir, "leaving", std::nullopt);
  } else if (phase_ == phase::asking || phase_ == phase::taking_over) {
    if (reign_) end_reign("leaving");
    candidacy_.reset();
    phase_ = phase::waiting_rank;
  }
  finish(out);
}

}  // namespace troupe
