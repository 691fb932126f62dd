// Names over time: those that fail and come back too often, and those that an operator declares gone.
#include <algorithm>
#include <utility>

#include "runtime/membership/swim.hpp"

namespace troupe::membership {

namespace {
constexpr std::size_t dismissals_max = 64;
constexpr int dismissal_asks = 5;
}  // namespace

/// `r` came back from a failure.
void swim::note_return(record& r, time_point now, output& out) {
  ++version_;
  ++counters_.returns;
  if (!r.flapping.note_return(settings_.flaps, now)) return;
  ++counters_.quarantines;
  next_release_ = std::min(next_release_, r.flapping.quarantined_until);
  out.events.push_back({event_kind::member_quarantined, r.name, r.id,
                        "came back " + std::to_string(r.flapping.flaps()) + " times from a failure lately"});
}

void swim::step_quarantines(time_point now, output& out) {
  if (now < next_release_) return;
  next_release_ = time_point::max();
  for (const auto& [name, known] : table_.all()) {
    if (!known.flapping.quarantined()) continue;
    record& r = *table_.find(name);
    if (r.flapping.release(now)) {
      ++version_;
      out.events.push_back({event_kind::member_released, r.name, r.id});
    } else {
      next_release_ = std::min(next_release_, r.flapping.quarantined_until);
    }
  }
}

void swim::decay_flaps(time_point now) {
  for (const auto& [name, known] : table_.all()) {
    if (known.flapping.penalty <= 0) continue;
    record& r = *table_.find(name);
    const auto before = r.flapping.flaps();
    r.flapping.decay(settings_.flaps, now);
    if (r.flapping.flaps() != before) ++version_;
  }
}

expected<void> swim::force_leave(std::string_view name, time_point now, output& out) {
  if (phase_ != phase::working) return fail(errc::unavailable, "this node is leaving");
  if (name == self_.name) return fail(errc::condition_failed, "this node lives: let it leave");
  const record* r = table_.find(name);
  if (r == nullptr) return fail(errc::not_found, "no member '" + std::string(name) + "'");
  if (r->state == member_state::departed || dismissals_.count(name) > 0) return {};
  if (r->state != member_state::failed) {
    return fail(errc::condition_failed, "'" + r->name + "' is " + std::string(troupe::name_of(r->state)));
  }
  if (dismissals_.size() >= dismissals_max) return fail(errc::unavailable, "too many are asked at this moment");
  note_time(now);
  const auto sequence = next_sequence_++;
  dismissals_[r->name] = {r->id, sequence, now, now + 2 * settings_.probe_timeout};
  send_ping(*r, sequence, channel::stream, now, out);
  step_dismissals(now, out);
  plan();
  return {};
}

/// Asks again until the time is over; who is still failed then has departed.
void swim::step_dismissals(time_point now, output& out) {
  std::vector<std::string> over;
  for (auto& [name, d] : dismissals_) {
    const record* r = table_.find(name);
    const bool failed = r != nullptr && r->id == d.id && r->state == member_state::failed;
    if (!failed || now >= d.until) {
      over.push_back(name);
    } else if (now >= d.next_ask) {
      d.next_ask = now + settings_.probe_timeout / dismissal_asks;
      send_ping(*r, d.sequence, channel::datagram, now, out);
    }
  }
  for (const auto& name : over) {
    const auto id = dismissals_.find(name)->second.id;
    record* r = table_.find(name);
    if (r != nullptr && (r->id != id || is_live(r->state))) {
      refuse_dismissal(name, out);
      continue;
    }
    dismissals_.erase(name);
    if (r == nullptr || r->state != member_state::failed) continue;
    ++counters_.forced_departures;
    r->was_departing = true;
    declare_failed(*r, "by an operator's word", now, out);
  }
}

void swim::refuse_dismissal(const std::string& name, output& out) {
  const auto at = dismissals_.find(name);
  if (at == dismissals_.end()) return;
  out.events.push_back({event_kind::force_leave_refused, name, at->second.id, "it answers"});
  dismissals_.erase(at);
}

}  // namespace troupe::membership
