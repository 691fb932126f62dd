#include "runtime/membership/swim.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"

namespace troupe::membership {

namespace {

constexpr duration prune_interval = std::chrono::minutes(1);

record record_of(const local_member& m) {
  record r;
  r.name = m.name;
  r.id = m.id;
  r.incarnation = m.first_incarnation;
  r.address = m.address;
  r.told = m.told;
  r.told.protocol = m.speaks.max;
  r.told.protocol_min = m.speaks.min;
  r.told_at = m.first_incarnation;
  return r;
}

expected<void> check_size(const record& r) {
  update u;
  u.name = r.name;
  u.id = r.id;
  u.incarnation = incarnation_max;
  u.told_at = incarnation_max;
  u.address = r.address;
  u.told = r.told;
  if (encode(u).size() <= update_bytes_max) return {};
  return fail(errc::too_large, "a member and its attributes exceed " + std::to_string(update_bytes_max) + " bytes");
}

}  // namespace

expected<void> check(const local_member& m) {
  if (m.name.empty() || !is_text(m.name, name_bytes_max)) return fail(errc::invalid_argument, "the member's name");
  if (m.address.empty() || !is_text(m.address, address_bytes_max)) return fail(errc::invalid_argument, "its address");
  if (m.cluster.empty() || !is_text(m.cluster, text_bytes_max))
    return fail(errc::invalid_argument, "the cluster's name");
  if (m.id.empty()) return fail(errc::invalid_argument, "the member has no incarnation id");
  if (m.first_incarnation == 0 || m.first_incarnation > incarnation_max / 2)
    return fail(errc::invalid_argument, "its first incarnation");
  if (auto sound = check(m.told); !sound) return sound;
  return check_size(record_of(m));
}

swim::swim(const local_member& self, const settings& s, random rng)
    : self_(record_of(self)),
      cluster_name_(self.cluster),
      cluster_(cluster_hash(cluster_name_, self.expected_members)),
      expected_members_(self.expected_members),
      accept_joiners_(self.accept_joiners),
      settings_(s),
      rng_(rng),
      health_(s.lifeguard ? s.health_max : 1),
      accusations_(s.accusations_per_minute_max),
      silent_backoff_(s.join_retry_min, s.join_retry_max),
      refused_backoff_(s.join_refused_min * 2, s.join_retry_max),
      next_sequence_(rng_.next()) {
  TROUPE_CHECK(check(self).has_value());
}

void swim::join(std::vector<std::string> seeds, time_point now, output& out, bool more_may_come) {
  TROUPE_CHECK(phase_ == phase::idle);
  phase_ = phase::working;
  self_.since = now;
  take_seeds(std::move(seeds));
  word_on_silence_ = now + settings_.join_unanswered_after;
  next_probe_ = now + rng_.between(duration::zero(), settings_.probe_interval);
  compare_wait_ = settings_.gossip_interval * 2;
  next_compare_ = now + compare_wait_;
  next_reconnect_ = now + settings_.reconnect_interval;
  next_prune_ = now + prune_interval;
  if (seeds_.empty() && !more_may_come) {
    found_alone(out);
  } else {
    contact_seeds(now, out);
  }
  plan();
}

const record* swim::find(std::string_view name) const { return name == self_.name ? &self_ : table_.find(name); }

void swim::on_packet(std::string_view from_address, channel how, std::string_view bytes, time_point now, output& out) {
  if (phase_ != phase::working && phase_ != phase::leaving) return;
  note_time(now);
  heard_at_ = now;
  ++counters_.packets_in;
  counters_.bytes_in += bytes.size();
  const auto p = decode(bytes);
  if (!p) {
    ++(p.error().code == errc::too_large ? counters_.dropped_oversize : counters_.dropped_corrupt);
  } else if (p->from_id != self_.id) {
    heard_ = true;
    dispatch(*p, from_address, how, now, out);
  }
  plan();
}

/// Joins and refusals cross the border of clusters, to say why; nothing else does.
bool swim::of_this_cluster(const packet& p, std::string_view from, output& out) {
  if (p.protocol != protocol_version) {
    ++counters_.dropped_protocol;
    if (p.kind == packet_kind::join) {
      refuse(
          p, from, join_refusal::protocol,
          "protocol version " + std::to_string(protocol_version) + " is spoken here, not " + std::to_string(p.protocol),
          out);
    }
    return p.kind == packet_kind::refusal;
  }
  if (p.kind == packet_kind::join || p.kind == packet_kind::refusal) return true;
  if (p.cluster != cluster_) ++counters_.dropped_cluster;
  return p.cluster == cluster_;
}

void swim::dispatch(const packet& p, std::string_view from, channel how, time_point now, output& out) {
  if (!of_this_cluster(p, from, out)) return;
  if (p.kind == packet_kind::join) return on_join(p, from, now, out);
  if (p.kind == packet_kind::refusal) return on_refusal(p, now, out);
  const bool welcome = p.kind == packet_kind::state && p.welcome;
  if (!joined_ && !welcome) return;
  // A node that takes no joiners is alone for ever: what others tell it is a misunderstanding.
  if (!accept_joiners_ && table_.all().empty() && !welcome) return;
  if (welcome && !joined_) on_welcome(now, out);
  const bool newcomer = welcome && now < newcomer_until_;
  const bool state = p.kind == packet_kind::state;
  const sender s{from, how, newcomer ? source::welcome : state ? source::state : source::gossip, p};
  for (const auto& u : p.updates) {
    apply(u, s, now, out);
    if (!joined_ || phase_ == phase::expelled) return;
  }
  note_sender(s, now, out);
  take_ride(s, now, out);
  switch (p.kind) {
    case packet_kind::ping: return on_ping(s, now, out);
    case packet_kind::ack: return on_ack(s, out);
    case packet_kind::nack: return on_nack(s);
    case packet_kind::ping_request: return on_ping_request(s, now, out);
    case packet_kind::state_hash: return on_state_hash(s, now, out);
    case packet_kind::state: return on_state(s, now, out);
    case packet_kind::news:
    case packet_kind::join:
    case packet_kind::refusal: return;
  }
}

/// A sender that is thought dead, or bears a name that another has, is told so: it can answer for itself.
void swim::note_sender(const sender& s, time_point now, output& out) {
  const packet& p = s.said;
  record* known = table_.find(p.from);
  if (known == nullptr) {
    if (p.from == self_.name || now - strangers_asked_ < settings_.gossip_interval) return;
    strangers_asked_ = now;
    packet ask = header(packet_kind::state_hash);
    ask.hash = table_.live_hash(self_);
    send(ask, s.address, {}, channel::datagram, out);
    return;
  }
  const bool same = known->id == p.from_id;
  if (same && is_live(known->state) && known->digest != p.digest) {
    known->digest = p.digest;
    out.events.push_back({event_kind::digest_changed, known->name, known->id, p.digest});
  }
  const bool fine = same && (known->state == member_state::alive || known->state == member_state::departing);
  if (fine || now - known->hinted < settings_.gossip_interval) return;
  known->hinted = now;
  tell(*known, s.address, now, out);
}

void swim::on_tick(time_point now, output& out) {
  if (phase_ != phase::working && phase_ != phase::leaving) return;
  note_time(now);
  step_probes(now, out);
  step_suspicions(now, out);
  step_claims(now, out);
  step_relays(now, out);
  step_dismissals(now, out);
  step_quarantines(now, out);
  if (phase_ == phase::leaving) {
    step_leaving(now, out);
  } else {
    if (now >= next_probe_) start_round_probe(now, out);
    if (now >= next_compare_) compare_tables(nullptr, now, out);
    if (now >= next_reconnect_) contact_failed(now, out);
    if (now >= next_join_) contact_seeds(now, out);
    if (!joined_ && now >= word_on_silence_) note_silence(now, out);
  }
  if (now >= next_gossip_) gossip_round(now, out);
  if (now >= next_prune_) prune(now);
  plan();
}

/// When this process did not run for a while (stopped, starved), the silence of others says nothing:
/// their answers wait in its sockets. Probes under way are void, suspicions last longer by the pause.
void swim::note_time(time_point now) {
  if (!settings_.lifeguard) return;
  if (planned_ == time_point::max() || now < planned_ + settings_.probe_timeout) return;
  const duration late = now - planned_;
  ++counters_.stalls;
  health_.raise(1);
  probes_.clear();
  for (auto& [name, s] : suspicions_) s.extend(late);
  planned_ = now;
}

void swim::plan() {
  if (phase_ != phase::working && phase_ != phase::leaving) {
    planned_ = time_point::max();
    return;
  }
  planned_ = std::min({next_gossip_, next_prune_, next_nack_, next_release_, left_at_});
  if (phase_ == phase::working) {
    planned_ = std::min({planned_, next_probe_, next_compare_, next_reconnect_, next_join_});
    if (!joined_) planned_ = std::min(planned_, word_on_silence_);
  }
  for (const auto& [sequence, p] : probes_) {
    planned_ = std::min(planned_, p.asked_others ? p.verdict_at : std::min(p.indirect_at, p.verdict_at));
  }
  for (const auto& [name, s] : suspicions_) planned_ = std::min(planned_, s.deadline());
  for (const auto& [name, c] : claims_) planned_ = std::min({planned_, c.next_ask, c.until});
  for (const auto& [name, d] : dismissals_) planned_ = std::min({planned_, d.next_ask, d.until});
}

void swim::prune(time_point now) {
  next_prune_ = now + prune_interval;
  std::vector<std::string> old;
  for (const auto& [name, r] : table_.all()) {
    const bool failed = r.state == member_state::failed && now - r.since > settings_.failed_retention;
    const bool departed = r.state == member_state::departed && now - r.since > settings_.departed_retention;
    if (failed || departed) old.push_back(name);
  }
  for (const auto& name : old) table_.erase(name);
  if (!old.empty()) ++version_;
  decay_flaps(now);
  std::erase_if(relays_, [now](const auto& entry) { return entry.second.until < now; });
}

void swim::on_link_lost(std::string_view peer, link_loss how, time_point now, output& out) {
  if (phase_ != phase::working) return;
  note_time(now);
  record* r = table_.find(peer);
  if (r == nullptr || !is_live(r->state)) return;
  ++counters_.link_hints;
  hint_probe(*r, how == link_loss::closed, false, now, out);
  plan();
}

void swim::on_link_refused(std::string_view address, time_point now, output& out) {
  for (const auto& [name, r] : table_.all()) {
    if (r.address == address && is_live(r.state)) return on_link_lost(name, link_loss::closed, now, out);
  }
}

expected<void> swim::set_local(attributes told, time_point now, output&) {
  if (auto sound = check(told); !sound) return sound;
  record next = self_;
  next.told = std::move(told);
  next.told.protocol = self_.told.protocol;
  next.told.protocol_min = self_.told.protocol_min;
  if (next.told == self_.told) return {};
  next.told_at = ++next.incarnation;
  if (auto fits = check_size(next); !fits) return fits;
  self_ = std::move(next);
  announce(now);
  plan();
  return {};
}

expected<void> swim::set_local_meta(std::string meta, time_point now, output& out) {
  attributes told = self_.told;
  told.meta = std::move(meta);
  return set_local(std::move(told), now, out);
}

expected<void> swim::set_local_digest(std::string digest) {
  if (digest.size() > digest_bytes_max) return fail(errc::too_large, "digest of a member");
  digest_ = std::move(digest);
  return {};
}

}  // namespace troupe::membership
