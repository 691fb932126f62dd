// How news spreads: piggybacked, in rounds of gossip, and by comparing whole tables.
#include <algorithm>
#include <utility>

#include "runtime/membership/swim.hpp"

namespace troupe::membership {

namespace {
constexpr std::size_t state_datagrams_max = 16;  // a larger table goes over the link
constexpr std::size_t farewells_max = 64;        // members told directly by one that departs
constexpr int quick_rounds_per_interval = 4;     // when there is something new
constexpr int leave_rounds = 3;
constexpr std::size_t state_ride_max = 32;
}  // namespace

packet swim::header(packet_kind kind) const {
  packet p;
  p.cluster = cluster_;
  p.from = self_.name;
  p.from_id = self_.id;
  p.digest = digest_;
  p.kind = kind;
  return p;
}

update swim::update_of(const record& r, bool whole, time_point now) const {
  update u;
  u.name = r.name;
  u.id = r.id;
  u.incarnation = r.incarnation;
  u.state = r.state;
  if (r.state == member_state::suspect) {
    const auto accused = suspicions_.find(r.name);  // whoever tells on what it heard is no accuser
    u.by = accused == suspicions_.end() ? self_.name : accused->second.first_accuser();
  }
  if (!is_live(r.state)) u.age = std::max(duration::zero(), now - r.since);
  if (!whole) return u;
  u.told_at = r.told_at;
  u.address = r.address;
  u.told = r.told;
  return u;
}

/// Adds as much news as fits.
void swim::send(const packet& p, std::string_view address, const std::string& peer, channel how, output& out) {
  std::string bytes = encode(p);
  if (!queue_.empty()) {
    const auto limit = retransmit_limit(settings_, live_count());
    queue_.offer(limit, [&bytes](const std::string& encoded) { return append_update(bytes, encoded); });
  }
  board(bytes, p.kind);
  send_bytes(std::move(bytes), address, peer, how, out);
}

void swim::send_bytes(std::string bytes, std::string_view address, const std::string& peer, channel how, output& out) {
  ++counters_.packets_out;
  counters_.bytes_out += bytes.size();
  out.packets.push_back({std::string(address), peer, how, std::move(bytes)});
}

void swim::announce(time_point now) {
  ++version_;
  spread(self_, now);
}

void swim::spread(const record& r, time_point now) {
  const bool whole = r.state == member_state::alive || r.state == member_state::departing;
  queue_.push(r.name, encode(update_of(r, whole, now)));
  gossip_soon(now);
}

/// `by` suspects `r`; the first who does so, or one more.
void swim::spread_suspicion(const record& r, const accusation& a, bool first, time_point now) {
  update u = update_of(r, false, now);
  u.by = a.by;
  u.link_closed = a.link_closed;
  if (first) {
    queue_.push(r.name, encode(u));
  } else {
    queue_.add(r.name, a.by, encode(u));
  }
  gossip_soon(now);
}

/// Fresh news does not wait for the interval, but rounds keep a distance.
void swim::gossip_soon(time_point now) {
  const duration gap = settings_.gossip_interval / quick_rounds_per_interval;
  const time_point soon = now + rng_.between(duration::zero(), gap / 4);
  next_gossip_ = std::min(next_gossip_, std::max(soon, last_gossip_ + gap));
}

void swim::gossip_round(time_point now, output& out) {
  last_gossip_ = now;
  const auto hears = [this](const record& r) { return r.state != member_state::suspect || !settings_.lifeguard; };
  for (const auto* r : table_.pick(settings_.gossip_nodes, rng_, hears)) {
    if (!has_gossip()) break;
    send(header(packet_kind::news), r->address, r->name, channel::datagram, out);
  }
  if (table_.live_count() == 0) queue_ = {};
  if (table_.live_count() == 0 && rider_ != nullptr) rider_->drop_waiting();
  next_gossip_ = has_gossip() ? now + settings_.gossip_interval : time_point::max();
}

/// One packet that says what we hold of `about`. It may go to one who cannot hear: no other news rides on
/// it, whose sendings are counted.
void swim::tell(const record& about, std::string_view address, time_point now, output& out) {
  packet p = header(packet_kind::news);
  p.updates.push_back(update_of(about, true, now));
  send_bytes(encode(p), address, {}, channel::datagram, out);
}

void swim::compare_tables(record* with, time_point now, output& out) {
  if (with == nullptr) {
    compare_wait_ = std::min(compare_wait_ * 2, push_pull_interval(settings_, live_count()));
    next_compare_ = now + compare_wait_ / 2 + rng_.between(duration::zero(), compare_wait_);
    const auto picked = table_.pick(1, rng_, [](const record&) { return true; });
    if (picked.empty()) return;
    with = picked.front();
  }
  ++counters_.tables_compared;
  packet p = header(packet_kind::state_hash);
  p.hash = table_.live_hash(self_);
  send(p, with->address, with->name, channel::datagram, out);
}

void swim::on_state_hash(const sender& s, time_point now, output& out) {
  if (s.said.hash == table_.live_hash(self_)) return;
  send_state(s.address, s.said.from, false, true, now, out);
}

void swim::on_state(const sender& s, time_point now, output& out) {
  if (!s.said.want) return;
  // The tables differed: look again soon.
  const duration first = settings_.gossip_interval * 2;
  compare_wait_ = std::max(first, compare_wait_ / 4);
  next_compare_ = std::min(next_compare_, now + compare_wait_ / 2 + rng_.between(duration::zero(), compare_wait_));
  send_state(s.address, s.said.from, false, false, now, out);
}

/// Each packet stands by itself: a lost one only leaves its part for the next comparison.
void swim::send_state(std::string_view address, const std::string& peer, bool welcome, bool want, time_point now,
                      output& out) {
  ++counters_.tables_sent;
  packet head = header(packet_kind::state);
  head.welcome = welcome;
  head.want = want;
  if (rider_ != nullptr) head.talk = rider_->board(packet_kind::state, state_ride_max, 0);
  std::vector<std::string> parts = {encode(head)};
  head.want = false;
  const auto add = [&](const record& r) {
    const std::string encoded = encode(update_of(r, true, now));
    if (append_update(parts.back(), encoded)) return;
    parts.push_back(encode(head));
    append_update(parts.back(), encoded);
  };
  add(self_);
  for (const auto& [name, r] : table_.all()) add(r);
  const channel how = parts.size() > state_datagrams_max ? channel::stream : channel::datagram;
  for (auto& part : parts) send_bytes(std::move(part), address, peer, how, out);
}

void swim::depart(time_point now, output&) {
  if (phase_ != phase::working || self_.state == member_state::departing) return;
  note_time(now);
  self_.state = member_state::departing;
  self_.since = now;
  self_.told_at = ++self_.incarnation;
  announce(now);
  plan();
}

void swim::leave(time_point now, output& out) {
  if (phase_ != phase::working) return;
  note_time(now);
  self_.state = member_state::departed;
  self_.since = now;
  self_.told_at = ++self_.incarnation;
  ++version_;
  phase_ = phase::leaving;
  probes_.clear();
  suspicions_.clear();
  claims_.clear();
  dismissals_.clear();
  left_at_ = now;
  if (table_.live_count() > 0 && joined_) {
    left_at_ = now + std::min(settings_.leave_timeout, settings_.gossip_interval * leave_rounds);
    announce(now);
  }
  step_leaving(now, out);
  plan();
}

/// Tells as many as it can directly, each round of gossip again, until left_at_.
void swim::step_leaving(time_point now, output& out) {
  if (now >= left_at_) {
    phase_ = phase::left;
    out.events.push_back({event_kind::left, self_.name, self_.id});
    return;
  }
  for (const auto* r : table_.pick(farewells_max, rng_, [](const record&) { return true; })) {
    tell(self_, r->address, now, out);
  }
  next_gossip_ = now + settings_.gossip_interval;
}

}  // namespace troupe::membership
