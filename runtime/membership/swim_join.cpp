// How members find each other: seeds, joiners, names that two want, and those lost from sight.
#include <algorithm>
#include <utility>

#include "runtime/membership/swim.hpp"

namespace troupe::membership {

namespace {
constexpr std::size_t seeds_at_once_max = 8;
constexpr std::size_t claims_max = 64;
constexpr int claim_asks = 5;
constexpr std::size_t refusals_told_max = 64;  // joiners
constexpr duration refusal_told_again = std::chrono::seconds(10);
}  // namespace

void swim::take_seeds(std::vector<std::string> seeds) {
  std::erase(seeds, self_.address);
  std::sort(seeds.begin(), seeds.end());
  seeds.erase(std::unique(seeds.begin(), seeds.end()), seeds.end());
  seeds_ = std::move(seeds);
}

void swim::found_alone(output& out) {
  joined_ = true;
  next_join_ = time_point::max();
  out.events.push_back({event_kind::joined, self_.name, self_.id, "no seeds: a cluster of its own"});
}

void swim::set_seeds(std::vector<std::string> seeds, bool complete, time_point now, output& out) {
  const auto before = seeds_;
  take_seeds(std::move(seeds));
  if (phase_ != phase::working) return;
  if (!joined_ && seeds_.empty() && complete) {
    found_alone(out);
  } else if (!std::includes(before.begin(), before.end(), seeds_.begin(), seeds_.end())) {
    const bool searching = !joined_ || table_.live_count() == 0;
    next_join_ = searching ? now : std::min(next_join_, now + settings_.join_retry_max);
    if (searching) contact_seeds(now, out);
  }
  plan();
}

/// A word now and then while nobody can be heard at all: a refusal would have said why.
void swim::note_silence(time_point now, output& out) {
  word_on_silence_ = now + settings_.join_unanswered_again;
  if (std::exchange(heard_, false)) return;
  std::string text = seeds_.empty() ? "no seed is known yet" : "no seed says anything that this member can read:";
  for (const auto& address : seeds_) {
    if (text.size() + address.size() < text_bytes_max) text += " " + address;
  }
  out.events.push_back({event_kind::join_unanswered, self_.name, self_.id, std::move(text)});
}

/// Until accepted, and when alone: seeds, several at once. Later: one that is no live member, so that two
/// halves of a cluster which know each other only by seeds find together.
void swim::contact_seeds(time_point now, output& out) {
  const bool searching = !joined_ || table_.live_count() == 0;
  ++counters_.join_attempts;
  next_join_ = now + (searching ? silent_backoff_.next(rng_) : settings_.join_retry_max);
  std::vector<std::string> strangers = seeds_;
  for (const auto& [name, r] : table_.all()) {
    if (is_live(r.state)) std::erase(strangers, r.address);
  }
  rng_.shuffle(strangers);
  strangers.resize(std::min(strangers.size(), searching ? seeds_at_once_max : 1));
  packet p = header(packet_kind::join);
  p.cluster_name = cluster_name_;
  p.expected_members = expected_members_;
  p.want = table_.live_count() > 0;
  p.updates.push_back(update_of(self_, true, now));
  const std::string bytes = encode(p);
  for (const auto& address : strangers) send_bytes(bytes, address, {}, channel::datagram, out);
}

/// A member that failed may live behind a split: told that it is thought dead, it answers for itself.
void swim::contact_failed(time_point now, output& out) {
  next_reconnect_ =
      now + settings_.reconnect_interval / 2 + rng_.between(duration::zero(), settings_.reconnect_interval);
  if (const record* r = table_.pick_failed(rng_); r != nullptr) tell(*r, r->address, now, out);
}

void swim::on_join(const packet& p, std::string_view from, time_point now, output& out) {
  const auto sound = [&p](const update& u) { return u.name == p.from && u.id == p.from_id && !u.address.empty(); };
  if (p.updates.size() != 1 || !sound(p.updates.front())) {
    ++counters_.dropped_corrupt;
    return;
  }
  if (phase_ == phase::leaving) return;
  if (p.cluster_name != cluster_name_) {
    return refuse(p, from, join_refusal::cluster_name,
                  "this is cluster '" + cluster_name_ + "', not '" + p.cluster_name + "'", out);
  }
  if (!accept_joiners_) {
    return refuse(p, from, join_refusal::no_joiners, "'" + self_.name + "' runs alone and takes no joiners", out);
  }
  if (p.expected_members != expected_members_) {
    return refuse(
        p, from, join_refusal::expected_members,
        "expected_members is " + std::to_string(expected_members_) + " here, not " + std::to_string(p.expected_members),
        out);
  }
  const update& joiner = p.updates.front();
  if (const minor_range ours = shared_minors(), its{joiner.told.protocol_min, joiner.told.protocol};
      ours.shared_with(its).empty()) {
    return refuse(p, from, join_refusal::protocol,
                  "this cluster speaks protocol " + text_of(protocol_version, ours) + ", '" + p.from + "' speaks " +
                      text_of(protocol_version, its),
                  out);
  }
  if (p.from == self_.name) {
    if (joiner.address == self_.address) return;
    return refuse(p, from, join_refusal::name_in_use, "the name '" + self_.name + "' is mine", out);
  }
  record* known = table_.find(p.from);
  if (known != nullptr && known->id == p.from_id && known->state == member_state::departed) {
    return refuse(p, from, join_refusal::departed, "this incarnation of '" + p.from + "' has departed", out);
  }
  const bool other = known != nullptr && known->id != p.from_id;
  // A process whose name another one took on its own address is gone: that is a recorded join, unless the
  // holder does not answer.
  const bool was_replaced = std::find(replaced_.begin(), replaced_.end(), p.from_id) != replaced_.end();
  if (other && is_live(known->state) && (known->address != joiner.address || was_replaced)) {
    return begin_claim(p, from, now, out);
  }
  admit(joiner, from, p.want, now, out);
  if (!joined_) on_welcome(now, out);
}

minor_range swim::shared_minors() const {
  minor_range shared{self_.told.protocol_min, self_.told.protocol};
  for (const auto& [name, r] : table_.all()) {
    if (is_live(r.state)) shared = shared.shared_with({r.told.protocol_min, r.told.protocol});
  }
  return shared;
}

void swim::admit(const update& joiner, std::string_view reply_to, bool want, time_point now, output& out) {
  record* known = table_.find(joiner.name);
  if (known == nullptr && table_.all().size() >= members_max) {
    packet p;
    p.from = joiner.name;
    p.from_id = joiner.id;
    return refuse(p, reply_to, join_refusal::full, "the table of members is full", out);
  }
  update numbered = joiner;
  numbered.state = joiner.state == member_state::departing ? member_state::departing : member_state::alive;
  const packet none;
  const sender by_itself{reply_to, channel::datagram, source::gossip, none};
  if (known == nullptr) {
    ++counters_.joins_accepted;
    learn(numbered, by_itself, now, out);
  } else if (known->id != joiner.id) {
    ++counters_.joins_accepted;
    numbered.incarnation = std::max(numbered.incarnation, known->incarnation + 1);
    replace(*known, numbered, by_itself, now, out);
  }
  // One that we hold for failed or suspect reads so in our table, and refutes.
  send_state(reply_to, joiner.name, true, want, now, out);
}

void swim::refuse(const packet& p, std::string_view to, join_refusal why, std::string text, output& out) {
  ++counters_.joiners_refused;
  if (!is_text(text, text_bytes_max)) text = name_of(why);
  packet no = header(packet_kind::refusal);
  no.refusal = why;
  no.text = text;
  send_bytes(encode(no), to, {}, channel::datagram, out);
  if (worth_telling(p.from)) {
    out.events.push_back({event_kind::joiner_refused, p.from, p.from_id, std::move(text), why});
  }
}

/// Strangers may knock as often as they like: an event tells of each now and then, the counter of all.
bool swim::worth_telling(const std::string& joiner) {
  std::erase_if(refusals_told_, [this](const auto& told) { return heard_at_ - told.second > refusal_told_again; });
  return refusals_told_.size() < refusals_told_max && refusals_told_.emplace(joiner, heard_at_).second;
}

/// The joiner waits until the holder of the name has answered, or has not, however often it was asked.
void swim::begin_claim(const packet& p, std::string_view from, time_point now, output& out) {
  const update& joiner = p.updates.front();
  if (claims_.count(joiner.name) > 0 || claims_.size() >= claims_max) return;
  const auto sequence = next_sequence_++;
  claims_[joiner.name] = {joiner, std::string(from), p.want, sequence, now, now + settings_.probe_timeout};
  send_ping(*table_.find(joiner.name), sequence, channel::stream, now, out);
  step_claims(now, out);
}

void swim::step_claims(time_point now, output& out) {
  std::vector<claim> granted;
  std::erase_if(claims_, [&](auto& entry) {
    const bool over = now >= entry.second.until;
    if (over) granted.push_back(std::move(entry.second));
    return over;
  });
  for (const auto& c : granted) admit(c.joiner, c.reply_to, c.want, now, out);
  for (auto& [name, c] : claims_) {
    if (now < c.next_ask) continue;
    c.next_ask = now + settings_.probe_timeout / claim_asks;
    if (const record* holder = table_.find(name); holder != nullptr) {
      send_ping(*holder, c.sequence, channel::datagram, now, out);
    }
  }
}

void swim::on_refusal(const packet& p, time_point now, output& out) {
  if (seeds_.empty()) return;
  ++counters_.joins_refused;
  out.events.push_back({event_kind::join_refused, p.from, p.from_id, p.text, p.refusal});
  if (!joined_) next_join_ = std::max(next_join_, now + refused_backoff_.next(rng_));
}

void swim::on_welcome(time_point now, output& out) {
  joined_ = true;
  newcomer_until_ = now + settings_.probe_interval;
  silent_backoff_.reset();
  refused_backoff_.reset();
  next_join_ = seeds_.empty() ? time_point::max() : now + settings_.join_retry_max;
  compare_wait_ = settings_.gossip_interval;
  next_compare_ = now + settings_.gossip_interval + rng_.between(duration::zero(), settings_.gossip_interval);
  out.events.push_back({event_kind::joined, self_.name, self_.id});
}

}  // namespace troupe::membership
