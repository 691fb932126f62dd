// The side of a hand-over that has the shard.
#include <algorithm>
#include <utility>

#include "runtime/sharding/hand_over.hpp"

namespace troupe {

namespace {

/// What may be sent at once after a silence, in time.
constexpr duration burst = std::chrono::milliseconds(10);

// The copy that the row asks for first; 0: none.
std::uint64_t taker_of(const shard_row& row) {
  if (row.heir != 0) return row.heir;
  for (const auto pid : row.replicas) {
    if (!row.has_in_sync(pid)) return pid;
  }
  return 0;
}

}  // namespace

void hand_over::on_table(const shard_table& t, std::uint64_t my_pid, time_point now, hand_over_output& out) {
  table_ = &t;
  my_pid_ = my_pid;
  const auto wanted = [&](std::uint32_t shard) {
    const auto& row = t.rows[shard];
    return my_pid != 0 && row.primary == my_pid ? taker_of(row) : 0;
  };
  // What the stores noted and released goes with the row's epoch.
  std::erase_if(givings_, [&](const auto& entry) {
    const auto& [shard, g] = entry;
    const bool stays = shard < t.rows.size() && wanted(shard) == g.to && t.rows[shard].epoch == g.epoch;
    if (!stays && g.calm_until != time_point{}) contents_.stir(shard, g.epoch);
    if (g.state == phase::given && shard < t.rows.size()) {
      counters_.shards_given += t.rows[shard].primary == g.to ? 1 : 0;
      counters_.replicas_made += t.rows[shard].has_in_sync(g.to) && !g.inherits ? 1 : 0;
    }
    return !stays;
  });
  std::erase_if(laggards_, [&](const auto& entry) {
    const auto shard = entry.first.first;
    return shard >= t.rows.size() || t.rows[shard].primary != my_pid || t.rows[shard].epoch != entry.second;
  });
  std::erase_if(takings_, [&](const auto& entry) {
    return entry.first >= t.rows.size() || t.rows[entry.first].epoch != entry.second.epoch;
  });
  for (std::uint32_t shard = 0; shard < t.rows.size(); ++shard) {
    if (const auto to = wanted(shard); to != 0) {
      const auto g = givings_.try_emplace(shard).first;
      g->second.to = to;
      g->second.epoch = t.rows[shard].epoch;
      g->second.inherits = t.rows[shard].heir == to;
      g->second.has_all = t.rows[shard].has_in_sync(to);
    }
  }
  start_some(now, out);
}

void hand_over::on_leader(std::uint64_t pid, time_point now, hand_over_output& out) {
  if (std::exchange(leader_, pid) == pid) return;
  for (auto& [shard, g] : givings_) {
    if (g.state == phase::given) tell_leader(shard, g, now, out);
  }
  if (!laggards_.empty()) laggards_again_ = now;
}

void hand_over::on_laggard(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid, time_point now,
                           hand_over_output& out) {
  if (table_ == nullptr || shard >= table_->rows.size() || table_->rows[shard].epoch != epoch) return;
  if (table_->rows[shard].primary != my_pid_ || !laggards_.try_emplace({shard, pid}, epoch).second) return;
  ++counters_.replicas_dropped;
  tell({copy_kind::dropped, shard, epoch, my_pid_, pid}, out);
  laggards_again_ = std::min(laggards_again_, now + limits_.tell_again);
}

void hand_over::on_tick(time_point now, hand_over_output& out) {
  for (auto& [shard, g] : givings_) {
    if (g.state != phase::waiting && now >= g.again) step(shard, g, now, out);
  }
  if (now >= laggards_again_) {
    for (const auto& [who, epoch] : laggards_) tell({copy_kind::dropped, who.first, epoch, my_pid_, who.second}, out);
    laggards_again_ = laggards_.empty() ? time_point::max() : now + limits_.tell_again;
  }
  start_some(now, out);
}

time_point hand_over::next_tick() const {
  auto soonest = laggards_again_;
  const bool full = std::count_if(givings_.begin(), givings_.end(), [](const auto& entry) {
                      return entry.second.state != phase::waiting && entry.second.state != phase::given;
                    }) >= limits_.at_once;
  for (const auto& [shard, g] : givings_) {
    if (g.state != phase::waiting || !full) soonest = std::min(soonest, g.again);
  }
  return soonest;
}

void hand_over::start_some(time_point now, hand_over_output& out) {
  std::uint32_t active = 0;
  for (const auto& [shard, g] : givings_) active += g.state != phase::waiting && g.state != phase::given ? 1 : 0;
  for (auto& [shard, g] : givings_) {
    if (active >= limits_.at_once) return;
    if (g.state != phase::waiting || now < g.again) continue;
    ++active;
    begin(shard, g, now, out);
  }
}

void hand_over::begin(std::uint32_t shard, giving& g, time_point now, hand_over_output& out) {
  g = giving{.to = g.to,
             .epoch = g.epoch,
             .inherits = g.inherits,
             .has_all = g.has_all,
             .attempt = next_attempt_++,
             .answered = now};
  if (g.inherits && g.has_all) {
    g.state = phase::draining;
    return drain(shard, g, now, out);
  }
  contents_.watch(shard, g.epoch);
  g.state = phase::reading;
  send_next(shard, g, now, out);
}

void hand_over::drain(std::uint32_t shard, giving& g, time_point now, hand_over_output& out) {
  if (!g.released && !is_calm(shard, g, now)) return;
  if (!g.released && !stop_noting(shard, g, now)) return give_up(shard, g, limits_.again, now);
  if (contents_.drained(shard)) {
    g.state = phase::given;
    return tell_leader(shard, g, now, out);
  }
  if (now - g.answered >= limits_.patience) return give_up(shard, g, limits_.silence, now);
  g.again = now + limits_.drain_again;
}

// Nothing was heard in time, or it is time to go on.
void hand_over::step(std::uint32_t shard, giving& g, time_point now, hand_over_output& out) {
  if (g.state == phase::given) return tell_leader(shard, g, now, out);
  if (g.state == phase::draining) return drain(shard, g, now, out);
  if ((g.released || g.joining) && now - g.answered >= time_for(g)) return give_up(shard, g, limits_.silence, now);
  send_next(shard, g, now, out);
}

void hand_over::send_next(std::uint32_t shard, giving& g, time_point now, hand_over_output& out) {
  if (g.released && g.page.empty() && !contents_.drained(shard)) {
    if (now - g.answered >= limits_.patience) return give_up(shard, g, limits_.silence, now);
    g.again = now + limits_.drain_again;
    return;
  }
  if (!g.released && now < paid_until_ - burst) {
    g.again = paid_until_ - burst;
    return;
  }
  if (g.page.empty()) make_page(shard, g, now);
  const bool calming = std::exchange(g.calming, false);
  const bool waits = g.released ? !contents_.drained(shard) : calming;
  if (g.page.empty() && waits) return;  // g.again is set
  if (g.page.empty()) return give_up(shard, g, limits_.again, now);
  if (limits_.rate_max > 0) {
    const auto cost = std::chrono::nanoseconds(g.page.size() * 1'000'000'000ULL / limits_.rate_max);
    paid_until_ = std::max(paid_until_, now) + cost;
  }
  counters_.bytes_sent += g.page.size();
  out.messages.push_back({g.to, g.page});
  g.again = now + time_for(g);
}

// For the answer to the page in flight: a large value takes a while on a slow network.
duration hand_over::time_for(const giving& g) const {
  const auto way = std::chrono::nanoseconds(g.page.size() * 1'000'000'000ULL / limits_.slow_rate);
  return way + (g.released ? limits_.patience : limits_.silence);
}

// Leaves the page empty when this node does not serve the shard any more.
void hand_over::make_page(std::uint32_t shard, giving& g, time_point now) {
  copy_message head;
  head.shard = shard;
  head.epoch = g.epoch;
  head.attempt = g.attempt;
  head.sequence = g.sequence;
  page_writer page(head);
  const auto add = [&page](const copied_entry& e) { page.add(e); };
  const bool noting = !g.released && !g.joining;
  if (noting && contents_.changed_bytes(shard) > limits_.changed_bytes_max && !stop_noting(shard, g, now)) return;
  if (g.state == phase::reading) {
    g.cursor = contents_.read(shard, g.cursor, limits_.page_bytes, now, add);
    if (g.cursor == 0) g.state = phase::catching_up;
    g.page = page.bytes();
    return;
  }
  const bool little = contents_.changed_bytes(shard) <= limits_.rest_bytes || g.rounds >= limits_.rounds_max;
  if (!g.released && !g.joining && little) {
    if (!is_calm(shard, g, now)) return;
    if (!stop_noting(shard, g, now)) return;
    if (g.released && !contents_.drained(shard)) {  // send_next comes again
      g.again = now + limits_.drain_again;
      return;
    }
  }
  const bool none_left = contents_.read_changes(shard, limits_.page_bytes, now, add);
  if (none_left) ++g.rounds;
  const bool stopped = g.released || g.joining;
  if (stopped) g.state = phase::finishing;
  if (stopped && none_left) {
    page.finish(contents_.version(shard), g.joining ? g.stream : contents_.sequence(shard));
    g.last = true;
  }
  g.page = page.bytes();
}

// To an heir. Otherwise g.again is set.
bool hand_over::is_calm(std::uint32_t shard, giving& g, time_point now) {
  if (!g.inherits) return true;
  if (g.calm_until == time_point{}) g.calm_until = now + limits_.calm_max;
  if (contents_.calm(shard, g.epoch) || now >= g.calm_until) return true;
  g.again = now + limits_.drain_again;
  g.calming = true;
  return false;
}

// From now on no key has to be noted: nobody writes, or writes go to the taker one by one.
bool hand_over::stop_noting(std::uint32_t shard, giving& g, time_point now) {
  g.answered = now;
  if (g.inherits) return g.released = contents_.release(shard, g.epoch);
  g.joining = contents_.begin_join(shard, g.epoch, g.to);
  g.stream = contents_.sequence(shard);
  return g.joining;
}

void hand_over::give_up(std::uint32_t shard, giving& g, duration pause, time_point now) {
  if (g.released) contents_.reopen(shard, g.epoch);
  if (g.calm_until != time_point{}) contents_.stir(shard, g.epoch);
  if (g.joining) contents_.abandon_join(shard, g.epoch, g.to);
  contents_.unwatch(shard, g.epoch);
  ++counters_.attempts_failed;
  g = giving{.to = g.to, .epoch = g.epoch, .inherits = g.inherits, .has_all = g.has_all, .again = now + pause};
}

void hand_over::tell_leader(std::uint32_t shard, giving& g, time_point now, hand_over_output& out) {
  g.again = now + limits_.tell_again;
  tell({g.inherits ? copy_kind::released : copy_kind::joined, shard, g.epoch, my_pid_, g.to}, out);
}

void hand_over::tell(const shard_word& w, hand_over_output& out) const {
  if (leader_ == my_pid_) {
    out.words.push_back(w);
  } else if (leader_ != 0) {
    copy_message m;
    m.kind = w.what;
    m.shard = w.shard;
    m.epoch = w.epoch;
    m.to = w.to;
    out.messages.push_back({leader_, encode(m)});
  }
}

void hand_over::on_answer(std::uint64_t from, const copy_message& m, time_point now, hand_over_output& out) {
  const auto found = givings_.find(m.shard);
  if (found == givings_.end()) return;
  auto& g = found->second;
  const bool mine = from == g.to && m.epoch == g.epoch && m.attempt == g.attempt && m.sequence == g.sequence;
  if (!mine || g.page.empty() || g.state == phase::given || g.state == phase::waiting) return;
  switch (m.outcome) {
    case page_outcome::taken: break;
    case page_outcome::not_yet: g.again = now + limits_.again; return;
    case page_outcome::no_room: ++counters_.refused_for_room; return give_up(m.shard, g, limits_.full_pause, now);
    case page_outcome::refused: return give_up(m.shard, g, limits_.again, now);
  }
  g.answered = now;
  g.page.clear();
  ++g.sequence;
  if (!g.last) return send_next(m.shard, g, now, out);
  g.state = phase::given;
  contents_.unwatch(m.shard, g.epoch);
  if (g.joining) contents_.confirm_join(m.shard, g.epoch, g.to);
  tell_leader(m.shard, g, now, out);
  start_some(now, out);
}

}  // namespace troupe
