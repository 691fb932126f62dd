#include "runtime/election/election.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/base/check.hpp"

namespace troupe {
namespace {

std::uint64_t fold(const cluster_id& id) { return id.high ^ id.low; }

}  // namespace

election::election(election_options options, vote_file file, random rng, time_point now)
    : options_(std::move(options)),
      timing_{options_.lease},
      rng_(rng),
      voter_(std::move(file), options_.lease, now),
      now_(now) {
  TROUPE_CHECK(!options_.self.name.empty() && !options_.self.id.empty());
  TROUPE_CHECK(options_.lease > duration::zero() && options_.lease <= election_lease_max);
  TROUPE_CHECK(options_.expected_members >= 1 && options_.expected_members <= record_voters_max);
  roll_.put({options_.self, member_state::alive, options_.address, options_.priority}, now);
  auto& own = *roll_.find(options_.self.name);
  own.vetted = true;
  own.voter = voter_.id();
  heard_ = voter_.promised();
  next_hello_ = now;
  met_last_ = now;
  if (!options_.store_kind.empty()) {
    store_.emplace(store_seat{}).again = now;  // clang takes no emplace() of a nested class with initialisers
    store_->next_number = rng_.next() >> 1U;   // an answer to an earlier machine must not fit
    leader_term_ = voter_.promised();
    leader_of_term_ = voter_.holder().id;
  }
  if (!founded()) return;
  phase_ = phase::waiting_rank;
  // A leader that runs is heard within a third of a lease; nobody else could win sooner anyway.
  const bool alone = voter_.accepted()->voters.size() == 1 && voter_.accepted()->has_voter(voter_.id()) && !store_;
  quiet_until_ = alone ? now : now + timing_.start_quiet();
  deadline_ = quiet_until_;
}

void election::enter(time_point now, election_output& out) {
  now_ = std::max(now_, now);
  out_ = &out;
  if (phase_ == phase::leading && now_ >= lease_end()) end_reign("lease_over");
}

void election::finish(election_output& out) {
  if (auto write = voter_.take_write()) out.persist = std::move(write);
  out_ = nullptr;
}

void election::on_member(const election_member& m, time_point now, election_output& out) {
  if (m.who.name == options_.self.name) return;
  enter(now, out);
  const auto* before = roll_.find(m.who.name);
  const bool was_other = before != nullptr && before->id != m.who.id;
  if (roll_.put(m, now_)) {
    const auto& row = *roll_.find(m.who.name);
    if (row.present() && !founded()) {
      hellos_said_ = 0;
      met_last_ = now_;
      next_hello_ = std::min(next_hello_, now_ + timing_.hello_gap());
    }
    const bool leader_named = leader_ && leader_->who.name == m.who.name && leader_->who != options_.self;
    if (leader_named && row.id != leader_->who.id && was_other)
      lose_leader("restarted");
    else if (leader_named && row.id == leader_->who.id && row.state == member_state::failed)
      lose_leader("failed");
    else if (leader_named && row.id == leader_->who.id && row.state == member_state::departed)
      lose_leader("departed");
    if (phase_ == phase::leading) {
      if (row.present() && !row.vetted) send(m.who, make(election_kind::coordinator));
      next_change();
    }
  }
  run_timers();
  finish(out);
}

void election::on_message(const member_ref& from, std::string_view bytes, time_point now, election_output& out) {
  enter(now, out);
  auto message = decode_election_message(bytes);
  if (!message) {
    ++counters_.malformed;
  } else if (from != options_.self && belongs_here(from, *message)) {
    if (store_ && message->stored != 0 && message->term >= leader_term_) heard_of_store(message->stored);
    dispatch(from, *message);
  }
  run_timers();
  finish(out);
}

void election::on_digest(const member_ref& from, std::string_view bytes, time_point now, election_output& out) {
  enter(now, out);
  auto digest = decode_election_digest(bytes);
  if (!digest) {
    ++counters_.malformed;
  } else if (from != options_.self && digest->cluster != 0 && !founded()) {
    note_cluster(from);
  } else if (from != options_.self && digest->cluster != 0 && digest->cluster == fold(voter_.accepted()->cluster)) {
    hear(digest->term);
    if (!committed_ || digest->committed > committed_->at) ask_for_record(from);
  }
  run_timers();
  finish(out);
}

void election::on_start(bool by_seeds, time_point now, election_output& out) {
  options_.by_seeds = by_seeds;
  on_tick(now, out);
}

void election::on_tick(time_point now, election_output& out) {
  enter(now, out);
  run_timers();
  finish(out);
}

void election::on_persisted(std::uint64_t token, time_point now, election_output& out) {
  enter(now, out);
  voter_.on_persisted(token);
  release_deferred();
  publish_committed();
  consider_founded();
  consider_commit();
  run_timers();
  finish(out);
}

void election::run_timers() {
  run_join();
  run_candidacy();
  run_reign();
  run_bully();  // what ended above may begin anew at once
  run_store();
}

// Messages of another cluster, and those that only a member of this one may send, end here.
bool election::belongs_here(const member_ref& from, const election_message& m) {
  const auto& own = voter_.accepted();
  if (m.kind == election_kind::refused) return true;
  if (!m.cluster.empty() && own && own->cluster != m.cluster) {
    ++counters_.foreign_cluster;
    if (m.kind == election_kind::renew || m.kind == election_kind::hello || m.kind == election_kind::coordinator) {
      refuse_joiner(from, "it belongs to another cluster of the name " + own->cluster_name);
    }
    return false;
  }
  switch (m.kind) {
    case election_kind::hello:
    case election_kind::found:
    case election_kind::founded:
    case election_kind::renew:
    case election_kind::accept:
    case election_kind::record:
    case election_kind::coordinator: break;
    case election_kind::renew_answer: break;  // a joiner has no cluster yet
    default:
      if (m.cluster.empty() || !own) return false;
  }
  if (!m.cluster.empty() && own) {
    hear(m.term);
    hear(m.promised);
  }
  return true;
}

void election::dispatch(const member_ref& from, const election_message& m) {
  switch (m.kind) {
    case election_kind::hello: return on_hello(from, m);
    case election_kind::found: return on_found(from, m);
    case election_kind::found_accepted: return on_found_accepted(from, m);
    case election_kind::founded: return on_founded(from, m);
    case election_kind::refused: return on_refused(from, m);
    case election_kind::election: return on_election(from);
    case election_kind::ok: return on_ok(from);
    case election_kind::coordinator: return on_renew(from, m);
    case election_kind::ask_term: return on_ask_term(from, m);
    case election_kind::term_answer: return on_term_answer(from, m);
    case election_kind::accept: return on_accept(from, m);
    case election_kind::accept_answer: return on_accept_answer(from, m);
    case election_kind::renew: return on_renew(from, m);
    case election_kind::renew_answer: return on_renew_answer(from, m);
    case election_kind::lease: return on_lease(from, m);
    case election_kind::release: return on_release(from, m);
    case election_kind::record: return on_record(from, m);
    case election_kind::record_ask: return on_record_ask(from, m);
    case election_kind::committed: return on_committed(from, m.at);
    case election_kind::stand: return on_stand(from, m);
    case election_kind::ready: return on_ready(from, m);
    case election_kind::go: return on_go(from, m);
    case election_kind::transfer_asked: return on_transfer_asked(from, m);
    case election_kind::transfer_failed: out_->events.emplace_back(handover_ended{m.cause, m.reason}); return;
  }
}

void election::hear(std::uint64_t term) noexcept { heard_ = std::max(heard_, term); }

std::uint64_t election::term_heard() const noexcept { return std::max(heard_, voter_.promised()); }

election_message election::make(election_kind kind) const {
  election_message m;
  m.kind = kind;
  // An open founding is told when it is on disk, not before: others count on it.
  const bool told = founded() || (has_cluster() && voter_.accepted_is_durable());
  if (told) m.cluster = voter_.accepted()->cluster;
  m.founding = told && voter_.founding();
  m.voter = voter_.id();
  m.expected_members = options_.expected_members;
  if (kind == election_kind::hello || kind == election_kind::renew_answer) m.values = options_.equal_values;
  m.promised = voter_.promised();
  if (reign_) {
    m.term = reign_->term;
    m.lease = timing_.lease;
    m.pid = pid();
    m.cause = reign_->cause;
    m.reason = why_not_fenced().substr(0, record_text_max);
    m.fenced = m.reason.empty();
    if (store_) m.stored = store_->held;
  }
  return m;
}

void election::send(const member_ref& to, election_message m) {
  const bool bully =
      m.kind == election_kind::election || m.kind == election_kind::ok || m.kind == election_kind::coordinator;
  if (bully) ++counters_.bully_sent;
  out_->packets.push_back({to, encode(m)});
}

void election::send_when_durable(const member_ref& to, election_message m) {
  deferred_.push_back({voter_.version(), to, std::move(m)});
  release_deferred();
}

void election::release_deferred() {
  while (!deferred_.empty() && deferred_.front().version <= voter_.durable()) {
    const auto next = std::move(deferred_.front());
    deferred_.pop_front();
    if (next.to == options_.self) {
      dispatch(options_.self, next.message);
    } else {
      send(next.to, next.message);
    }
  }
}

std::optional<member_ref> election::reach(const std::string& name) const {
  const auto* row = roll_.find(name);
  if (row == nullptr || row->state == member_state::departed) return std::nullopt;
  return member_ref{name, row->id};
}

std::uint64_t election::pid() const { return committed_ ? committed_->pid_of(options_.self) : 0; }

member_lease election::own_lease() const {
  if (phase_ == phase::leading) return {reign_->term, lease_end()};
  return own_lease_;
}

std::string election::digest() const {
  election_digest d;
  if (founded()) d.cluster = fold(voter_.accepted()->cluster);
  if (committed_) d.committed = committed_->at;
  d.term = term_heard();
  if (leader_) d.leader = leader_->who.id.low;
  return encode(d);
}

time_point election::next_tick() const {
  auto next = next_store_tick();
  const auto at = [&](time_point t) { next = std::min(next, t); };
  if (!founded()) at(next_hello_);
  switch (phase_) {
    case phase::without_record: break;
    case phase::following: at(leader_until_); break;
    case phase::waiting_rank:
    case phase::waiting_ok:
    case phase::waiting_coordinator:
      if (!keeps_out()) at(std::max(deadline_, quiet_until_));
      break;
    case phase::asking:
      at(candidacy_->give_up);
      for (const auto& [name, t] : candidacy_->ask_at) at(t);
      if (candidacy_->own_at > now_) at(candidacy_->own_at);
      break;
    case phase::taking_over:
      at(deadline_);
      at(reign_->next_renewal);
      if (reign_->not_before > now_) at(reign_->not_before);
      break;
    case phase::leading:
      at(lease_end());
      at(reign_->next_renewal);
      if (reign_->handover) at(reign_->handover->deadline);
      break;
  }
  return next;
}

std::string_view election::phase_name() const noexcept {
  constexpr std::array<std::string_view, 8> names = {"without_record",      "following", "waiting_rank", "waiting_ok",
                                                     "waiting_coordinator", "asking",    "taking_over",  "leading"};
  return names[static_cast<std::size_t>(phase_)];
}

}  // namespace troupe
