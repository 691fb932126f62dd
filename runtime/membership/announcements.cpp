#include "runtime/membership/announcements.hpp"

#include <algorithm>
#include <utility>

namespace troupe::membership {

std::uint32_t announcements::hash_of(const incarnation_id& origin) noexcept {
  const std::uint64_t mixed = (origin.high ^ (origin.low << 1)) * 0x9e3779b97f4a7c15ULL;
  return static_cast<std::uint32_t>(mixed >> 32);
}

bool announcements::seen(const announcement_id& id) const {
  const auto& s = ring_[id.time % ring_slots];
  return s.time == id.time && std::find(s.origins.begin(), s.origins.end(), id.origin) != s.origins.end();
}

/// False: it is known, or there is no room to know it.
bool announcements::remember(const announcement_id& id) {
  auto& s = ring_[id.time % ring_slots];
  if (s.time != id.time) {
    s.time = id.time;
    s.origins.clear();
  }
  if (std::find(s.origins.begin(), s.origins.end(), id.origin) != s.origins.end()) {
    ++counters_.duplicates;
    return false;
  }
  if (s.origins.size() >= slot_ids_max) {
    ++counters_.dropped_full;
    return false;
  }
  s.origins.push_back(id.origin);
  return true;
}

/// A bucket that fills by the rate.
bool announcements::may_speak(time_point now) {
  const double seconds = std::chrono::duration<double>(now - allowance_at_).count();
  allowance_ = std::min(said_at_once_max, allowance_ + std::max(0.0, seconds) * said_per_second_max);
  allowance_at_ = now;
  if (allowance_ < 1) return false;
  allowance_ -= 1;
  return true;
}

expected<announcement_id> announcements::say(announcement a, const std::string& name, const incarnation_id& self,
                                             time_point now) {
  a.origin = name;
  a.id = {clock_ + 1, self};
  a.after = a.kind == announcement_kind::event ? last_event_ : 0;
  if (auto sound = check(a); !sound) return tl::unexpected(std::move(sound.error()));
  if (clock_ >= announcement_time_max) return fail(errc::unavailable, "the clock of events is at its end");
  if (!may_speak(now)) {
    ++counters_.refused_rate;
    return fail(errc::unavailable, "this member said more than " +
                                       std::to_string(static_cast<int>(said_per_second_max)) +
                                       " events and queries a second");
  }
  ++clock_;
  ++counters_.said;
  const auto id = a.id;
  if (a.kind == announcement_kind::event) last_event_ = id.time;
  (void)remember(id);
  take_in(std::move(a), now);
  return id;
}

bool announcements::hear(announcement a, time_point now) {
  if (a.id.time == 0 || a.id.time > announcement_time_max || a.id.time > clock_ + ahead_max) {
    ++counters_.dropped_ahead;
    return false;
  }
  clock_ = std::max(clock_, a.id.time);
  if (a.id.time <= floor_ || below_ring(a.id.time)) {
    ++counters_.dropped_old;
    return false;
  }
  if (!remember(a.id)) return false;
  take_in(std::move(a), now);
  return true;
}

void announcements::join_at(std::uint64_t clock) noexcept {
  if (std::exchange(joined_, true) || clock > announcement_time_max) return;
  clock_ = std::max(clock_, clock);
  floor_ = std::max(floor_, clock);
}

void announcements::take_in(announcement a, time_point now) {
  std::string encoded = encode(a);
  window_[a.id] = {encoded, now + (a.kind == announcement_kind::event ? window_age : a.timeout)};
  prune_window(now);
  spread(a, std::move(encoded));
  if (!must_wait(a)) return deliver(std::move(a));
  if (held_.size() >= held_max) {
    auto first = std::move(held_.begin()->second.a);
    held_.erase(held_.begin());
    deliver(std::move(first));
  }
  const auto id = a.id;
  held_.emplace(id, held{std::move(a), now + order_wait});
}

/// The event before it of the same origin may still come.
bool announcements::must_wait(const announcement& a) const {
  if (a.after == 0 || a.after >= a.id.time || a.after <= floor_ || below_ring(a.after)) return false;
  const announcement_id before{a.after, a.id.origin};
  return !seen(before) || held_.count(before) > 0;
}

/// And those that waited for it, one after the other.
void announcements::deliver(announcement a) {
  for (;;) {
    ++counters_.delivered;
    const auto id = a.id;
    const bool event = a.kind == announcement_kind::event;
    ready_.push_back(std::move(a));
    if (!event) return;
    auto& latest = delivered_[id.origin];
    if (id.time < latest) ++counters_.late;
    latest = std::max(latest, id.time);
    const auto next = std::find_if(held_.begin(), held_.end(), [&id](const auto& h) {
      return h.second.a.after == id.time && h.first.origin == id.origin;
    });
    if (next == held_.end()) return;
    a = std::move(next->second.a);
    held_.erase(next);
  }
}

std::vector<announcement> announcements::take_ready() { return std::exchange(ready_, {}); }

void announcements::on_tick(time_point now) {
  for (auto at = held_.begin(); at != held_.end();) {
    if (now < at->second.until) {
      ++at;
      continue;
    }
    auto a = std::move(at->second.a);
    held_.erase(at);
    deliver(std::move(a));
    at = held_.begin();  // what waited for it went with it
  }
  std::erase_if(delivered_, [this](const auto& d) { return below_ring(d.second); });
}

time_point announcements::next_tick() const {
  time_point next = time_point::max();
  for (const auto& [id, h] : held_) next = std::min(next, h.until);
  return next;
}

/// No origin takes more than its share of the queue, and all together no more than waiting_max.
void announcements::spread(const announcement& a, std::string encoded) {
  const auto drop_oldest = [this](auto&& of) {
    auto oldest = waiting_.end();
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
      if (of(*at) && (oldest == waiting_.end() || at->number < oldest->number)) oldest = at;
    }
    if (oldest->sent == 0) ++counters_.dropped_full;
    waiting_.erase(oldest);
  };
  const auto same = [&a](const waiting& w) { return w.id.origin == a.id.origin; };
  const auto of_origin = std::count_if(waiting_.begin(), waiting_.end(), same);
  if (static_cast<std::size_t>(of_origin) >= waiting_per_origin_max) {
    drop_oldest(same);
  } else if (waiting_.size() >= waiting_max) {
    drop_oldest([](const waiting&) { return true; });
  }
  waiting_.push_back({a.id, 0, next_number_++, std::move(encoded)});
}

void announcements::offer(std::uint32_t sendings_max, function_ref<bool(const std::string&)> take) {
  constexpr int refusals_max = 4;  // the packet is as good as full
  std::sort(waiting_.begin(), waiting_.end(), [](const waiting& a, const waiting& b) {
    return a.sent != b.sent ? a.sent < b.sent : a.number > b.number;
  });
  int refusals = 0;
  for (auto& w : waiting_) {
    if (take(w.encoded)) {
      ++w.sent;
    } else if (++refusals == refusals_max) {
      break;
    }
  }
  std::erase_if(waiting_, [sendings_max](const waiting& w) { return w.sent >= sendings_max; });
}

void announcements::prune_window(time_point now) {
  std::erase_if(window_, [now](const auto& w) { return now > w.second.until; });
  while (window_.size() > window_max) window_.erase(window_.begin());
}

std::vector<announcements::mention> announcements::window(time_point now) {
  prune_window(now);
  std::vector<mention> all;
  for (const auto& [id, w] : window_) all.push_back({id.time, hash_of(id.origin)});
  return all;
}

std::vector<std::string> announcements::missing_at(const std::vector<mention>& known, std::uint64_t floor) {
  std::vector<std::string> missing;
  for (const auto& [id, w] : window_) {
    const mention m{id.time, hash_of(id.origin)};
    if (id.time <= floor || std::find(known.begin(), known.end(), m) != known.end()) continue;
    missing.push_back(w.encoded);
    ++counters_.caught_up;
  }
  return missing;
}

bool announcements::lacks(const std::vector<mention>& known) const {
  return std::any_of(known.begin(), known.end(), [this](const mention& m) {
    if (m.time == 0 || m.time <= floor_ || m.time > announcement_time_max || below_ring(m.time)) return false;
    const auto& s = ring_[m.time % ring_slots];
    const auto is = [&m](const incarnation_id& origin) { return hash_of(origin) == m.origin; };
    return s.time != m.time || std::none_of(s.origins.begin(), s.origins.end(), is);
  });
}

}  // namespace troupe::membership
