// What is believed: every piece of news is weighed here, and every change of a member's state is made here.
#include <algorithm>
#include <utility>

#include "runtime/membership/swim.hpp"

namespace troupe::membership {

namespace {

/// How many members check a suspicion that they hear of with a probe of their own, on average.
constexpr double confirmers_wanted = 12.0;
constexpr std::size_t replaced_max = 256;  // ids of former processes that are remembered

record record_of(const update& u, time_point now) {
  record r;
  r.name = u.name;
  r.id = u.id;
  r.incarnation = u.incarnation;
  r.state = u.state;
  r.address = u.address;
  r.told = u.told;
  r.told_at = u.told_at;
  r.since = now - u.age;
  r.was_departing = u.state == member_state::departing;
  return r;
}

}  // namespace

void swim::apply(const update& u, const sender& s, time_point now, output& out) {
  ++counters_.updates_in;
  if (u.name == self_.name) return on_news_of_self(u, s, now, out);
  record* known = table_.find(u.name);
  if (known == nullptr) return learn(u, s, now, out);
  if (known->id != u.id) {
    if (!u.address.empty() && succeeds(u, *known)) return replace(*known, u, s, now, out);
    ++counters_.updates_stale;
    return;
  }
  bool changed = false;
  if (!u.address.empty() && u.told_at > known->told_at) {
    changed = known->told != u.told && is_live(known->state);
    known->told = u.told;
    known->told_at = u.told_at;
    known->address = u.address;
    ++version_;
  }
  update news = u;
  if (s.kind != source::gossip && u.state == member_state::failed && is_live(known->state)) {
    // A whole table may come from the other side of a split that has healed: its dead may live here.
    news.state = member_state::suspect;
    news.by = s.said.from;
    news.link_closed = false;
  } else if (u.state == member_state::failed && is_live(known->state) &&
             !failure_is_confirmed(u, *known, s.said.from, now)) {
    // One member's word: it counts as its accusation, and the member itself is asked.
    ++counters_.failures_unconfirmed;
    news.state = member_state::suspect;
    news.by = s.said.from;
  }
  const bool same = news.incarnation == known->incarnation;
  if (same && news.state == member_state::suspect && known->state == member_state::suspect) {
    confirm(*known, {news.by, news.link_closed}, now);
  } else if (supersedes(news, *known)) {
    change(*known, news, s, now, out);
  } else {
    ++counters_.updates_stale;
  }
  if (changed) out.events.push_back({event_kind::member_updated, known->name, known->id});
}

/// A member not known before. News without an address cannot introduce anybody.
void swim::learn(const update& u, const sender& s, time_point now, output& out) {
  if (u.address.empty()) return;
  if (table_.all().size() >= members_max) {
    ++counters_.dropped_table_full;
    return;
  }
  ++version_;
  update alive = u;
  if (u.state == member_state::suspect) alive.state = member_state::alive;
  record& r = table_.put(record_of(alive, now), rng_);
  if (is_live(r.state)) {
    out.events.push_back({event_kind::member_joined, r.name, r.id});
    // What the cluster told a newcomer is no news to the cluster.
    if (s.kind != source::welcome) spread(r, now);
  } else if (r.state == member_state::failed) {
    out.events.push_back({event_kind::member_failed, r.name, r.id, "known as failed before"});
  }
  if (u.state == member_state::suspect) suspect(r, {u.by, u.link_closed}, now, out);
}

/// A later process took the name.
void swim::replace(record& known, const update& u, const sender& s, time_point now, output& out) {
  ++version_;
  replaced_.push_back(known.id);
  if (replaced_.size() > replaced_max) replaced_.pop_front();
  const bool was_live = is_live(known.state);
  if (was_live) {
    const bool moved = known.address != u.address && is_live(u.state);
    out.events.push_back({moved ? event_kind::name_conflict : event_kind::member_failed, known.name, known.id,
                          moved ? "taken over by a process at " + u.address : "replaced by a new incarnation"});
  }
  suspicions_.erase(known.name);
  queue_.erase(known.name);
  std::erase_if(probes_, [&known](const auto& p) { return p.second.target == known.name; });
  const bool moved_alive = was_live && known.address != u.address;
  const bool came_back =
      is_live(u.state) && known.state != member_state::departed && !known.was_departing && !moved_alive;
  const flap_history flapping = known.flapping;
  const bool departed = known.state == member_state::departed && !is_live(u.state);
  if (departed) return;
  if (was_live) table_.set_state(known, member_state::failed, now);
  learn(u, s, now, out);
  if (known.id != u.id) return;  // not taken
  known.flapping = flapping;
  if (came_back) note_return(known, now, out);
}

/// `u` supersedes what is known of this incarnation id.
void swim::change(record& known, const update& u, const sender& s, time_point now, output& out) {
  const member_state before = known.state;
  ++version_;
  known.incarnation = u.incarnation;
  switch (u.state) {
    case member_state::alive:
    case member_state::departing: {
      if (const auto at = suspicions_.find(known.name); at != suspicions_.end()) {
        ++counters_.suspicions_refuted;
        if (at->second.accused_by(self_.name)) ++counters_.suspicions_false;
        suspicions_.erase(at);
      }
      known.was_departing = u.state == member_state::departing;
      table_.set_state(known, u.state, now);
      if (before == member_state::failed) note_return(known, now, out);
      if (before == member_state::suspect || before == member_state::failed) {
        out.events.push_back({event_kind::member_alive, known.name, known.id});
      }
      if (known.was_departing && before != member_state::departing) {
        out.events.push_back({event_kind::member_departing, known.name, known.id});
      }
      spread(known, now);
      if (before == member_state::failed) compare_tables(&known, now, out);
      return;
    }
    case member_state::suspect:
      // Raised above the suspicion that we hold: that one is refuted, this one is new.
      if (before == member_state::suspect) suspicions_.erase(known.name);
      if (before == member_state::suspect) table_.set_state(known, member_state::alive, now);
      if (before == member_state::failed) out.events.push_back({event_kind::member_alive, known.name, known.id});
      suspect(known, {u.by, u.link_closed}, now, out);
      if (s.kind != source::gossip) tell(known, known.address, now, out);
      return;
    case member_state::failed: return declare_failed(known, "told by " + s.said.from, now, out);
    case member_state::departed: known.was_departing = true; return declare_failed(known, {}, now, out);
  }
}

void swim::suspect(record& r, const accusation& a, time_point now, output& out) {
  if (r.state == member_state::suspect) return confirm(r, a, now);
  ++version_;
  const std::size_t members = live_count();
  const auto confirmations_wanted = settings_.lifeguard ? std::int64_t{settings_.suspicion_mult} - 2 : 0;
  const auto k = static_cast<std::size_t>(std::max<std::int64_t>(0, confirmations_wanted));
  suspicion::bounds b;
  b.shortest = suspicion_min(settings_, members);
  b.longest = b.shortest * static_cast<int>(settings_.suspicion_max_mult);
  b.wanted = members < k + 2 ? 0 : static_cast<std::uint32_t>(k);
  b.closed_wanted = static_cast<std::uint32_t>(std::min<std::size_t>(2, std::max<std::size_t>(1, members - 1)));
  b.closed_length = settings_.closed_link_suspicion;
  auto& s = suspicions_[r.name] = suspicion(b, a.by, now);
  if (a.link_closed) s.confirm_closed(a.by, now);
  table_.set_state(r, member_state::suspect, now);
  ++counters_.suspicions;
  out.events.push_back({event_kind::member_suspect, r.name, r.id, a.by});
  spread_suspicion(r, a, true, now);
  if (a.by == self_.name) {
    if (settings_.lifeguard) tell(r, r.address, now, out);
  } else if ((a.link_closed || settings_.lifeguard) && rng_.chance(confirmers_wanted / static_cast<double>(members))) {
    hint_probe(r, false, true, now, out);
  }
}

/// Another member suspects it too.
void swim::confirm(record& r, const accusation& a, time_point now) {
  const auto at = suspicions_.find(r.name);
  if (at == suspicions_.end()) return;
  const bool more = at->second.confirm(a.by);
  const bool closed_more = a.link_closed && at->second.confirm_closed(a.by, now);
  // Time that this member spent deaf may have passed already, and the answer may be on its way.
  if (more && settings_.lifeguard) at->second.allow_answer(now + settings_.probe_timeout);
  if (more || closed_more) spread_suspicion(r, a, false, now);
}

/// A departing member that falls silent has departed: it was about to.
void swim::declare_failed(record& r, std::string why, time_point now, output& out) {
  ++version_;
  const bool departed = r.was_departing;
  suspicions_.erase(r.name);
  table_.set_state(r, departed ? member_state::departed : member_state::failed, now);
  if (!departed) ++counters_.failures;
  out.events.push_back(
      {departed ? event_kind::member_departed : event_kind::member_failed, r.name, r.id, std::move(why)});
  spread(r, now);
}

void swim::step_suspicions(time_point now, output& out) {
  std::vector<std::string> over;
  for (const auto& [name, s] : suspicions_) {
    if (now >= s.deadline()) over.push_back(name);
  }
  for (const auto& name : over) {
    record& r = *table_.find(name);
    auto& s = suspicions_.find(name)->second;
    // Only we say so, and we doubt ourselves: not so soon. A pair has nobody who could say NACK.
    const bool doubtful = s.accusers() == 1 && s.accused_by(self_.name) && live_count() > 2;
    const time_point not_before = doubtful ? s.doubtful_deadline(health_.value()) : now;
    if (now < not_before) {
      s.postpone(not_before);
    } else if (s.accusers() >= accusers_needed(r)) {
      declare_failed(r, "did not answer", now, out);
    } else {
      ++counters_.failures_unconfirmed;
      s.postpone(now + settings_.probe_interval);
      hint_probe(r, false, true, now, out);
    }
  }
}

/// Two from two_accusers_from live members on, as long as there is another who could have noticed: a lone
/// survivor judges alone.
std::size_t swim::accusers_needed(const record& r) const {
  if (!settings_.lifeguard || live_count() < settings_.two_accusers_from) return 1;
  const std::size_t others = table_.live_count() - suspicions_.size() - (r.state == member_state::suspect ? 0 : 1);
  return others > 0 ? 2 : 1;
}

/// Whether those whom we heard accuse this incarnation are enough, `teller`, who holds it failed, among them.
/// Where one is enough, the member has had the time to answer us.
bool swim::failure_is_confirmed(const update& u, const record& known, const std::string& teller, time_point now) const {
  if (!settings_.lifeguard) return true;
  const auto at = suspicions_.find(known.name);
  if (at == suspicions_.end() || u.incarnation != known.incarnation) return false;
  const auto needed = accusers_needed(known);
  if (needed == 1) return at->second.age(now) >= settings_.probe_timeout;
  return at->second.accusers() + (at->second.accused_by(teller) ? 0 : 1) >= needed;
}

void swim::on_news_of_self(const update& u, const sender& s, time_point now, output& out) {
  if (u.id != self_.id) return on_other_bearer(u, s, now, out);
  if (self_.state == member_state::departed) return;
  switch (u.state) {
    case member_state::alive:
    case member_state::departing:
      // The cluster that welcomed us knows an earlier process of our name and numbers us above it.
      if (u.incarnation > self_.incarnation) {
        self_.incarnation = self_.told_at = u.incarnation;
        ++version_;
        if (u.state != self_.state || u.told != self_.told) refute(u.incarnation, s, now, out);
      }
      return;
    case member_state::suspect:
    case member_state::failed:
      if (u.incarnation >= self_.incarnation) {
        ++counters_.refutations;
        health_.raise(1);
        out.events.push_back({event_kind::refuted, self_.name, self_.id, u.by.empty() ? s.said.from : u.by});
        refute(u.incarnation, s, now, out);
      } else {
        tell(self_, s.address, now, out);
      }
      return;
    case member_state::departed:
      // Whoever holds us for departed never takes us back, however often we have refuted meanwhile.
      if (phase_ == phase::leaving) return;
      out.events.push_back({event_kind::expelled, self_.name, self_.id, "declared departed by " + s.said.from});
      phase_ = phase::expelled;
      return;
  }
}

/// Our name with another incarnation id: a process before us, or one beside us.
void swim::on_other_bearer(const update& u, const sender& s, time_point now, output& out) {
  const bool beside = u.address != self_.address && is_live(u.state) && !u.address.empty();
  if (!succeeds(u, self_)) {
    tell(self_, s.address, now, out);
  } else if (beside && joined_) {
    lose_name(u, now, out);
  } else {
    refute(u.incarnation, s, now, out);
  }
}

/// Raises the incarnation above `above` and says so, first to the one who told us.
void swim::refute(std::uint64_t above, const sender& s, time_point now, output& out) {
  self_.incarnation = std::max(self_.incarnation, above) + 1;
  self_.told_at = self_.incarnation;
  announce(now);
  tell(self_, s.address, now, out);
}

/// Two live processes bear our name and the other one prevails: we are no member any more and ask anew.
void swim::lose_name(const update& winner, time_point now, output& out) {
  out.events.push_back({event_kind::name_conflict, self_.name, winner.id, "borne by a process at " + winner.address});
  constexpr std::size_t remembered_max = 8;
  for (const auto* r : table_.pick(remembered_max, rng_, [](const record&) { return true; })) {
    if (std::find(seeds_.begin(), seeds_.end(), r->address) == seeds_.end()) seeds_.push_back(r->address);
  }
  ++version_;
  joined_ = false;
  table_.clear();
  queue_ = {};
  suspicions_.clear();
  probes_.clear();
  claims_.clear();
  dismissals_.clear();
  next_gossip_ = time_point::max();
  next_join_ = now + refused_backoff_.next(rng_);
}

}  // namespace troupe::membership
