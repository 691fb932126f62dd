// A leader store in the voters' place: it stands in the record's list of voters, alone, and what a majority
// of voters would grant, accept and renew, one compare-and-set grants, accepts or renews.
//
//   takes a term   by setting max(its term, the highest heard or on this disk) + 1 over an entry that was
//                  released, or has not changed for a whole lease by this node's clock
//   accepts        a record by setting it; it also counts as a renewal
//   renews         by changing the entry's version; members are told that version with the leader's renewal,
//                  so their wait counts from the renewal and not from their first look
//
// A store that may forget: whatever it shows after it may have restarted, and nothing where a term is
// known, counts as seen just now, so the leader's lease, if there is one, is over before anybody else's
// turn. That leader finds its entry gone or older, writes it again under the term that it has, and is
// not fenced until every member has shown its highest term (reason store_forgot).
#include <algorithm>
#include <utility>

#include "runtime/election/election.hpp"
#include "runtime/election/store_entry.hpp"

namespace troupe {

namespace {

constexpr int guest_leases = 3;
constexpr std::uint64_t forgotten_terms = 1'000'000;  // more than were given while nobody here heard of them

}  // namespace

duration election::store_wait(const leader_entry* entry) const {
  const auto lease = entry == nullptr ? timing_.lease : std::max(timing_.lease, entry->lease);
  return lease + lease / clock_rate_margin;
}

void election::ask_store(store_call what, std::uint64_t version, leader_entry next) {
  auto& s = *store_;
  store_request r{what, ++s.next_number, version, std::move(next), timing_.store_call()};
  s.under_way = r;
  s.sent = now_;
  if (what == store_call::read) s.hint_due = time_point::max();
  out_->store = std::move(r);
}

leader_entry election::store_entry_of(std::uint64_t term, const cluster_record& record) {
  leader_entry e;
  e.version = rng_.next() | 1U;
  e.term = term;
  e.leader = options_.self.name;
  e.leader_id = options_.self.id;
  e.address = options_.address;
  e.lease = std::chrono::ceil<std::chrono::milliseconds>(timing_.lease);
  e.floor_open = store_->floor_open;
  e.record = encode(record);
  return e;
}

void election::on_store(const store_answer& answer, time_point now, election_output& out) {
  enter(now, out);
  if (store_ && store_->under_way && store_->under_way->number == answer.number) {
    auto& s = *store_;
    const auto asked = std::move(*s.under_way);
    s.under_way.reset();
    s.may_forget = answer.may_forget;
    if (!answer.result && answer.result.error().code != errc::condition_failed) {
      note_store_fault(describe(answer.result.error()));
    } else if (answer.result && asked.what != store_call::read) {
      note_store_fault({});
    }
    if (asked.what != store_call::read) {
      on_store_written(asked, answer.result ? errc::ok : answer.result.error().code);
    } else if (answer.result) {
      on_store_reading(*answer.result);
    } else {
      s.again = now_ + timing_.renewal();
    }
    refresh_fenced();
  }
  run_timers();
  finish(out);
}

void election::note_store_fault(std::string reason) {
  if (store_->fault == reason) return;
  store_->fault = std::move(reason);
  out_->events.emplace_back(store_changed{store_->fault});
}

// A version that was not there before was written a moment ago, for all that is known.
void election::observe_store(std::uint64_t version) {
  auto& s = *store_;
  if (s.seen == version) return;
  s.seen = version;
  s.seen_since = now_;
}

// By its leader's word, which goes to the store first and then to the members: what a hint is about.
void election::heard_of_store(std::uint64_t version) {
  if (store_->seen != version) store_->hint_due = time_point::max();
  observe_store(version);
}

void election::on_store_changed(time_point now, election_output& out) {
  enter(now, out);
  ++counters_.store_hints;
  if (store_ && !reign_) {
    auto& s = *store_;
    const auto due = phase_ == phase::following ? now_ + timing_.store_hint_patience() : now_;
    s.hint_due = std::min(s.hint_due, std::max(due, s.sent + timing_.store_hint_gap()));
  }
  run_timers();
  finish(out);
}

std::optional<store_sight> election::sight_of_store() const {
  if (!store_ || reign_ || !store_->seen) return std::nullopt;
  return store_sight{*store_->seen, store_->readings};
}

void election::on_store_reading(const leader_reading& reading) {
  auto& s = *store_;
  ++s.readings;
  if (s.run != reading.run) {
    s.run = reading.run;
    s.run_since = now_;
    s.seen_since = now_;
  }
  observe_store(reading.entry ? reading.entry->version : 0);
  record_ptr record;
  if (reading.entry) {
    auto read = record_in_store(*reading.entry);
    if (!read) {
      s.again = now_ + timing_.renewal();
      note_store_fault(read.error().context);
      if (reign_ && read.error().code == errc::condition_failed) end_reign("store_foreign");
      return;
    }
    record = std::move(*read);
    hear(reading.entry->term);
    note_address_in(*reading.entry);
  }
  note_store_fault({});
  if (reign_) return read_as_leader(reading.entry);
  if (phase_ == phase::asking) return read_as_candidate(reading.entry, record);
  s.again = now_ + (founded() ? timing_.lease : timing_.hello_interval());
  if (!founded()) read_as_joiner(record);
}

// --- as a candidate

void election::read_as_candidate(const std::optional<leader_entry>& entry, const record_ptr& record) {
  auto& s = *store_;
  auto& c = *candidacy_;
  if (entry && s.attempts.contains(entry->version)) return term_taken(entry->version);
  // Who is not in the record was perhaps refused: those who are go first.
  const auto& pids = (record ? record : voter_.accepted())->pids;
  const bool guest = !pids.empty() && std::none_of(pids.begin(), pids.end(), [this](const auto& p) {
    return p.first.name == options_.self.name;
  });
  const auto whole = store_wait(entry ? &*entry : nullptr) * (guest ? guest_leases : 1);
  // Less than what is known here: whatever the entry says of its leader, there may be a later one.
  const bool went_back = !record || (committed_ && record->at < committed_->at);
  const bool sure = s.may_forget.empty() || now_ - s.run_since >= whole;
  const bool own = entry && entry->leader_id == options_.self.id;
  const bool open = !went_back && sure && !guest && (entry->released || entry->term == 0 || own);
  if (went_back) ask_members_for_more();
  const auto pause = c.handed_over ? timing_.rank_step() : timing_.renewal();
  if (went_back && !c.members_asked) c.members_asked = now_;
  const bool asked = !went_back || now_ >= *c.members_asked + pause;
  if (const auto from = s.seen_since + whole; !asked || (!open && now_ < from)) {
    s.again = now_ + pause;
    if (from > now_) s.again = std::min(s.again, from);
    if (!asked) s.again = std::max(s.again, *c.members_asked + pause);
    c.give_up = std::max(c.give_up, std::max(from, s.again) + timing_.ask_retry());
    return;
  }
  // Of a store that forgot: higher than a term that nobody here heard of, and at random, so that none is given twice.
  const auto unheard = went_back ? forgotten_terms + rng_.below(forgotten_terms) : 0;
  c.term = std::max(term_heard(), entry ? entry->term : 0) + 1 + unheard;
  if (c.term + 1 >= term_max) {
    note_store_fault("the term is at its limit");
    return give_up_candidacy(timing_.candidacy());
  }
  c.best = voter_.accepted();
  if (record && record->at > c.best->at) c.best = record;
  c.inherited = open ? now_ + whole : now_;
  s.floor_open = went_back || entry->floor_open;
  auto next = store_entry_of(c.term, *c.best);
  s.attempts.clear();
  s.attempts[next.version].sent = now_;
  ask_store(store_call::set, entry ? entry->version : 0, std::move(next));
}

// The store forgot: what the others have of the record and of terms is all that there is.
void election::ask_members_for_more() {
  auto ask = make(election_kind::record_ask);
  if (committed_) ask.at = committed_->at;
  for (const auto& [name, row] : roll_.all()) {
    if (row.present() && name != options_.self.name) send({name, row.id}, ask);
  }
}

void election::term_taken(std::uint64_t version) {
  auto& s = *store_;
  s.taken_at = s.attempts.at(version).sent;
  s.attempts.clear();
  s.held = version;
  observe_store(version);
  take_over();
}

/// The beginnings of a reign by the store's leave: the lease counts from when it was asked.
void election::seat_reign() {
  auto base = *reign_->base;
  base.voters = {store_voter(options_.store_kind)};
  reign_->answered[base.voters.front().id] = store_->taken_at;
  reign_->rounds[1] = store_->taken_at;
  reign_->base = std::make_shared<const cluster_record>(std::move(base));
  store_->floor_heard.clear();
  store_->again = now_;
  store_->hint_due = time_point::max();
}

// --- as the leader

void election::on_store_written(const store_request& asked, errc code) {
  auto& s = *store_;
  const auto version = asked.next.version;
  s.again = now_;
  if (asked.what == store_call::release) {
    s.held = 0;
    return;
  }
  if (code == errc::ok && s.attempts.contains(version)) {
    if (reign_) return write_landed(version);
    if (phase_ == phase::asking) return term_taken(version);
  }
  if (code == errc::ok && !reign_ && asked.version != 0 && founded()) {
    s.held = version;  // an answer that came too late: this node has a lease that it will not use
    s.release_due = true;
    return;
  }
  if (code != errc::ok) s.again = now_ + rng_.between({}, timing_.rank_step());
  if (reign_) s.must_read = true;
}

void election::write_landed(std::uint64_t version) {
  auto& s = *store_;
  const auto landed = s.attempts.at(version);
  s.attempts.clear();
  s.held = version;
  s.must_read = false;
  observe_store(version);
  const auto id = reign_->base->voters.front().id;
  count_answer(id, landed.round);
  if (landed.at != stamp{} && landed.floor_open == s.floor_open) s.must_write = false;
  note_floor(options_.self.name);
  if (reign_->pending && reign_->pending->record->at == landed.at) reign_->pending->accepted.insert(id);
  if (std::exchange(s.renew_due, false) && phase_ == phase::leading) send_renewals(landed.round);
  consider_commit();
}

void election::read_as_leader(const std::optional<leader_entry>& entry) {
  auto& s = *store_;
  s.again = now_;
  s.must_read = false;
  if (entry && s.attempts.contains(entry->version)) return write_landed(entry->version);
  if (entry && entry->version == s.held) {
    s.renew_due = s.renew_due || phase_ == phase::leading;
    return;
  }
  const auto term = entry ? entry->term : 0;
  if (term > reign_->term || (term == reign_->term && entry->leader_id != options_.self.id)) {
    return end_reign("higher_term");
  }
  if (now_ >= lease_end()) return end_reign("lease_over");
  s.held = entry ? entry->version : 0;
  s.attempts.clear();
  s.floor_open = true;
  s.floor_heard.clear();
  s.must_write = true;
}

void election::tend_reign_in_store() {
  auto& s = *store_;
  if (s.must_read) return ask_store(store_call::read, 0, {});
  const auto id = reign_->base->voters.front().id;
  const bool proposes = reign_->pending && !reign_->pending->accepted.contains(id);
  if (!proposes && !s.must_write && !s.renew_due) return;
  const auto round = new_round();
  if (proposes || s.must_write) {
    const auto& record = reign_->pending ? reign_->pending->record : reign_->base;
    auto next = store_entry_of(reign_->term, *record);
    s.attempts[next.version] = {now_, record->at, round, s.floor_open};
    return ask_store(store_call::set, s.held, std::move(next));
  }
  leader_entry next;
  next.version = rng_.next() | 1U;
  s.attempts[next.version] = {now_, {}, round, s.floor_open};
  ask_store(store_call::renew, s.held, std::move(next));
}

void election::note_floor(const std::string& name) {
  if (!store_ || !store_->floor_open || phase_ != phase::leading) return;
  auto& s = *store_;
  s.floor_heard.insert(name);
  const auto& pids = reign_->base->pids;
  const bool all = std::all_of(pids.begin(), pids.end(), [&](const auto& entry) {
    const auto* row = roll_.find(entry.first.name);
    const bool away = row != nullptr && row->state == member_state::departed;
    return entry.first.name == options_.self.name || away || s.floor_heard.contains(entry.first.name);
  });
  if (!all) return;
  s.floor_open = false;
  s.must_write = true;
  refresh_fenced();
}

void election::leave_store() {
  auto& s = *store_;
  s.attempts.clear();
  s.must_read = s.must_write = s.renew_due = s.floor_open = false;
}

// --- both

std::string election::why_not_fenced() const {
  if (!store_) return options_.durable ? "" : "the votes are not on a durable disk";
  return store_->floor_open ? "store_forgot" : store_->may_forget;
}

void election::refresh_fenced() {
  if (phase_ != phase::leading || !leader_) return;
  auto why = why_not_fenced();
  if (why == leader_->fenced_reason) return;
  leader_->fenced = why.empty();
  leader_->fenced_reason = std::move(why);
  out_->events.emplace_back(leader_elected{leader_->who, leader_->pid, leader_->term, leader_->fenced,
                                           leader_->fenced_reason, leader_->cause});
}

time_point election::next_store_tick() const {
  if (!store_) return time_point::max();
  const auto& s = *store_;
  if (s.under_way) return s.sent + timing_.candidacy();
  if (!reign_) return std::min(s.again, s.hint_due);
  if (s.release_due) return s.again;
  const bool proposes = reign_->pending && !reign_->pending->accepted.contains(reign_->base->voters.front().id);
  return s.must_read || s.must_write || s.renew_due || proposes ? s.again : time_point::max();
}

void election::run_store() {
  if (!store_ || now_ < next_store_tick()) return;
  auto& s = *store_;
  if (s.under_way) {  // the answer went astray
    s.under_way.reset();
    s.must_read = reign_.has_value();
  }
  if (std::exchange(s.release_due, false)) {
    leader_entry next;
    next.version = rng_.next() | 1U;
    return ask_store(store_call::release, s.held, std::move(next));
  }
  if (reign_) return tend_reign_in_store();
  ask_store(store_call::read, 0, {});
}

}  // namespace troupe
