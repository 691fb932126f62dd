// Probes: the round, hints, asking others, and the answers.
#include <algorithm>
#include <utility>

#include "runtime/membership/swim.hpp"

namespace troupe::membership {

namespace {
constexpr std::size_t relays_max = 4096;
constexpr int nack_share = 5;  // the last fifth of the asker's patience is left for the way back

std::uint32_t milliseconds_of(duration d) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, 0, patience_ms_max));
}

}  // namespace

void swim::start_round_probe(time_point now, output& out) {
  next_probe_ = now + health_.stretch(settings_.probe_interval);
  const auto idle = [this](const record& r) {
    return std::none_of(probes_.begin(), probes_.end(), [&r](const auto& p) { return p.second.target == r.name; });
  };
  record* target = table_.next_to_probe(rng_, idle);
  if (target == nullptr) return;
  ++counters_.probes;
  const auto sequence = next_sequence_++;
  const time_point indirect_at = now + health_.stretch(settings_.probe_timeout);
  probes_[sequence] = {target->name, target->id, indirect_at, now + health_.stretch(settings_.probe_interval)};
  send_ping(*target, sequence, channel::datagram, now, out);
}

/// Probes `target` now, directly and by others at once. `over_link` tries the stream too: a refused
/// connection comes back as on_link_lost(closed).
void swim::hint_probe(record& target, bool link_closed, bool over_link, time_point now, output& out) {
  auto at =
      std::find_if(probes_.begin(), probes_.end(), [&target](const auto& p) { return p.second.target == target.name; });
  if (at == probes_.end()) {
    ++counters_.probes;
    const auto sequence = next_sequence_++;
    probe fresh{target.name, target.id, now, now + health_.stretch(settings_.probe_timeout)};
    at = probes_.emplace(sequence, std::move(fresh)).first;
    send_ping(target, sequence, channel::datagram, now, out);
  }
  auto& p = at->second;
  if (link_closed && !p.link_closed) {
    p.link_closed = true;
    p.verdict_at = std::min(p.verdict_at, now + settings_.closed_link_timeout);
  }
  if (!p.asked_others) ask_others(at->first, p, over_link, now, out);
}

void swim::ask_others(std::uint64_t sequence, probe& p, bool over_link, time_point now, output& out) {
  p.asked_others = true;
  const record* target = table_.find(p.target);
  if (target == nullptr) return;
  if (over_link) send_ping(*target, sequence, channel::stream, now, out);
  const auto patience = settings_.lifeguard ? milliseconds_of(p.verdict_at - now) : 0;
  p.nacks_by = p.verdict_at;
  const auto helper = [&p](const record& r) { return r.state == member_state::alive && r.name != p.target; };
  for (const auto* r : table_.pick(settings_.indirect_probes, rng_, helper)) {
    ++counters_.probes_indirect;
    packet request = header(packet_kind::ping_request);
    request.sequence = sequence;
    request.target = target->name;
    request.target_id = target->id;
    request.target_address = target->address;
    request.patience_ms = patience;
    if (patience > 0) p.silent.push_back(r->name);
    send(request, r->address, r->name, channel::datagram, out);
  }
}

void swim::step_probes(time_point now, output& out) {
  std::vector<probe> silent;
  for (auto at = probes_.begin(); at != probes_.end();) {
    auto& p = at->second;
    if (now >= p.verdict_at) {
      silent.push_back(std::move(p));
      at = probes_.erase(at);
      continue;
    }
    if (!p.asked_others && now >= p.indirect_at) ask_others(at->first, p, true, now, out);
    ++at;
  }
  for (const auto& p : silent) {
    record* r = table_.find(p.target);
    if (r == nullptr || r->id != p.id || !is_live(r->state)) continue;
    ++counters_.probes_failed;
    if (now >= p.nacks_by) judge_own_health(p);  // a closed link shortened it: helpers owe nothing yet
    if (may_accuse(p, now)) {
      suspect(*r, {self_.name, p.link_closed}, now, out);
    } else if (!p.second_look) {
      look_again(*r, p.link_closed, now, out);
    }
  }
}

/// Each helper that did not even say NACK speaks against this member rather than against the target.
void swim::judge_own_health(const probe& failed) {
  const bool asked = failed.helper_heard || !failed.silent.empty();
  counters_.nacks_missing += failed.silent.size();
  health_.raise(asked ? failed.silent.size() : 1);
}

/// Beyond the bound of a minute, this member doubts itself first: its score rises, it probes once more, and it
/// accuses only when a helper answered it meanwhile, or when nobody is left to ask.
bool swim::may_accuse(const probe& failed, time_point now) {
  if (!settings_.lifeguard) return true;
  const bool bound_kept = accusations_.allows(now);
  const bool sound = failed.second_look && (failed.helper_heard || failed.silent.empty());
  if (!bound_kept && !sound) {
    health_.raise(1);
    return false;
  }
  accusations_.note(now);
  return true;
}

void swim::look_again(record& r, bool link_closed, time_point now, output& out) {
  ++counters_.accusations_doubted;
  hint_probe(r, link_closed, true, now, out);
  for (auto& [sequence, p] : probes_) p.second_look = p.second_look || p.target == r.name;
}

void swim::send_ping(const record& to, std::uint64_t sequence, channel how, time_point now, output& out) {
  if (const auto at = probes_.find(sequence); at != probes_.end() && at->second.sent == time_point{}) {
    if (how == channel::datagram) at->second.sent = now;
  }
  packet p = header(packet_kind::ping);
  p.sequence = sequence;
  p.target = to.name;
  p.target_id = to.id;
  // A suspect is told first: it can refute in its answer.
  if (to.state == member_state::suspect) {
    p.updates.push_back(update_of(to, false, now));
    send_bytes(encode(p), to.address, to.name, how, out);
  } else {
    send(p, to.address, to.name, how, out);
  }
}

void swim::on_ping(const sender& s, time_point now, output& out) {
  const packet& p = s.said;
  const bool for_me = p.target == self_.name && p.target_id == self_.id;
  if (!for_me) return tell(self_, s.address, now, out);  // another process had this address before
  packet ack = header(packet_kind::ack);
  ack.sequence = p.sequence;
  send(ack, s.address, p.from, s.how, out);
}

void swim::on_ack(const sender& s, output& out) {
  const packet& p = s.said;
  if (probes_.erase(p.sequence) > 0) health_.lower();
  for (const auto& [name, d] : dismissals_) {
    if (d.sequence != p.sequence) continue;
    refuse_dismissal(std::string(name), out);
    break;
  }
  if (const auto at = relays_.find(p.sequence); at != relays_.end()) {
    packet ack = header(packet_kind::ack);
    ack.sequence = at->second.sequence;
    send(ack, at->second.origin, {}, at->second.how, out);
    relays_.erase(at);
  }
  for (auto at = claims_.begin(); at != claims_.end(); ++at) {
    if (at->second.sequence != p.sequence) continue;
    packet joiner;
    joiner.from = at->second.joiner.name;
    joiner.from_id = at->second.joiner.id;
    refuse(joiner, at->second.reply_to, join_refusal::name_in_use,
           "the name '" + joiner.from + "' is borne by another live process", out);
    claims_.erase(at);
    break;
  }
}

/// A helper lives and hears us: its NACK clears this member, not the target.
void swim::on_nack(const sender& s) {
  const auto at = probes_.find(s.said.sequence);
  if (at == probes_.end() || std::erase(at->second.silent, s.said.from) == 0) return;
  ++counters_.nacks_in;
  at->second.helper_heard = true;
}

void swim::step_relays(time_point now, output& out) {
  if (now < next_nack_) return;
  next_nack_ = time_point::max();
  for (auto& [sequence, r] : relays_) {
    if (now < r.nack_at) {
      next_nack_ = std::min(next_nack_, r.nack_at);
      continue;
    }
    r.nack_at = time_point::max();  // a late answer is still passed on
    ++counters_.nacks_out;
    packet nack = header(packet_kind::nack);
    nack.sequence = r.sequence;
    send(nack, r.origin, {}, r.how, out);
  }
}

void swim::on_ping_request(const sender& s, time_point now, output& out) {
  const packet& p = s.said;
  if (p.target.empty() || p.target_address.empty() || p.target == self_.name) return;
  if (relays_.size() >= relays_max) {
    std::erase_if(relays_, [now](const auto& entry) { return entry.second.until < now; });
    if (relays_.size() >= relays_max) return;
  }
  const auto sequence = next_sequence_++;
  const duration patience = std::chrono::milliseconds(p.patience_ms);
  relay r{std::string(s.address), s.how, p.sequence, now + std::max(settings_.probe_interval, patience)};
  if (p.patience_ms > 0) r.nack_at = now + patience - patience / nack_share;
  next_nack_ = std::min(next_nack_, r.nack_at);
  relays_[sequence] = std::move(r);
  record to;
  to.name = p.target;
  to.id = p.target_id;
  to.address = p.target_address;
  send_ping(to, sequence, channel::datagram, now, out);
}

}  // namespace troupe::membership
