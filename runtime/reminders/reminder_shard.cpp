#include "runtime/reminders/reminder_shard.hpp"

#include <algorithm>

namespace troupe {

namespace {

duration retry_after(const reminder_limits& l, std::uint32_t failures) {
  auto wait = l.retry_first;
  for (std::uint32_t i = 1; i < failures && wait < l.retry_max; ++i) wait *= 2;
  return std::min(wait, l.retry_max);
}

}  // namespace

void reminder_shard::on_tenure(std::uint64_t tenure) {
  if (tenure == tenure_) return;
  clear();
  tenure_ = tenure;
  whole_ = false;
}

void reminder_shard::clear() {
  while (!records_.empty()) forget(records_.begin());
}

// ---- queues ----

void reminder_shard::arm(place p) {
  p->second.at = state::armed;
  p->second.order = next_order_++;
  due_.emplace(std::pair(p->second.is.due, p->second.order), p);
}

void reminder_shard::put(place p, state at, time_point until) {
  auto& r = p->second;
  r.at = at;
  r.until = until;
  r.order = next_order_++;
  until_.emplace(std::pair(until, r.order), p);
}

void reminder_shard::take_out(place p) {
  auto& r = p->second;
  if (r.at == state::armed) due_.erase({r.is.due, r.order});
  if (r.at == state::firing || r.at == state::waiting || r.at == state::settling) until_.erase({r.until, r.order});
  if (r.at == state::firing) ledger_.end();
  if (r.number != 0) numbers_.erase(std::exchange(r.number, 0));
}

void reminder_shard::forget(place p) {
  take_out(p);
  records_.erase(p);
  ledger_.disarm();
}

// ---- what the store has ----

void reminder_shard::on_entry(std::string_view key, const entry& e) {
  if (tenure_ == 0) return;
  auto p = records_.find(key);
  if (p != records_.end() && p->second.is.version >= e.version) return;
  if (p == records_.end()) {
    p = records_.emplace(std::string(key), record{}).first;
    ledger_.arm();
  } else {
    take_out(p);
  }
  p->second = record{};
  p->second.is = e;
  arm(p);
}

void reminder_shard::on_gone(std::string_view key, std::uint64_t version) {
  const auto p = records_.find(key);
  if (p != records_.end() && p->second.is.version <= version) forget(p);
}

void reminder_shard::on_all_gone(std::uint16_t cache, std::uint64_t version) {
  for (auto p = records_.begin(); p != records_.end();) {
    const auto here = p++;
    if (here->second.is.cache == cache && here->second.is.version <= version) forget(here);
  }
}

// ---- time ----

void reminder_shard::on_tick(bool leased, time_point now, std::uint64_t wall, reminder_output& out) {
  if (tenure_ == 0) return;
  while (!until_.empty() && until_.begin()->first.first <= now) {
    const auto p = until_.begin()->second;
    const auto was = p->second.at;
    if (was == state::settling) {
      settle(p, now, out);
    } else if (was == state::firing) {
      fail(p, now);
    } else {
      until_.erase(until_.begin());
      arm(p);
    }
  }
  while (leased && !due_.empty() && due_.begin()->first.first <= wall && ledger_.begin())
    fire(due_.begin()->second, now, wall, out);
}

time_point reminder_shard::next_tick(time_point now, std::uint64_t wall) const {
  auto next = until_.empty() ? time_point::max() : until_.begin()->first.first;
  if (due_.empty()) return next;
  const auto due = due_.begin()->first.first;
  if (due <= wall) return std::min(next, now + crowded_tick);
  constexpr std::uint64_t far = 1000ULL * 3600 * 24 * 365;  // what is later is asked again before
  return std::min(next, now + std::chrono::milliseconds(std::min(due - wall, far)));
}

// It counts as firing already. What it is counted for in the ledger ends with the state.
void reminder_shard::fire(place p, time_point now, std::uint64_t wall, reminder_output& out) {
  auto& r = p->second;
  due_.erase({r.is.due, r.order});
  put(p, state::firing, now + ledger_.limits().answer_max);
  r.number = next_number_++;
  r.missed = r.is.period == 0 ? 0 : (wall - r.is.due) / r.is.period;
  numbers_.emplace(r.number, p);
  out.fired.push_back({p->first, r.is.version, r.number, r.is.due, r.missed, r.is.wakes, r.failures + 1});
}

void reminder_shard::fail(place p, time_point now) {
  auto& r = p->second;
  take_out(p);
  put(p, state::waiting, now + retry_after(ledger_.limits(), ++r.failures));
}

void reminder_shard::settle(place p, time_point now, reminder_output& out) {
  auto& r = p->second;
  take_out(p);
  put(p, state::settling, now + ledger_.limits().answer_max);
  r.number = next_number_++;
  numbers_.emplace(r.number, p);
  reminder_output::write w{p->first, r.is.version, r.number, {}};
  if (r.is.period != 0) w.due = r.is.due + (r.missed + 1) * r.is.period;
  out.writes.push_back(std::move(w));
}

// ---- what became of it ----

void reminder_shard::on_answer(std::uint64_t number, bool handled, time_point now, reminder_output& out) {
  const auto found = numbers_.find(number);
  if (found == numbers_.end() || found->second->second.at != state::firing) return;
  const auto p = found->second;
  if (!handled) return fail(p, now);
  p->second.failures = 0;
  if (!p->second.is.wakes) return settle(p, now, out);
  take_out(p);
  p->second.at = state::woken;
}

void reminder_shard::on_written(std::uint64_t number, errc code, time_point now) {
  const auto found = numbers_.find(number);
  if (found == numbers_.end() || found->second->second.at != state::settling) return;
  const auto p = found->second;
  if (code == errc::ok || code == errc::not_found || code == errc::condition_failed) return forget(p);
  take_out(p);
  put(p, state::settling, now + ledger_.limits().write_retry);
}

void reminder_shard::on_ended(std::string_view key, time_point now) {
  const auto p = records_.find(key);
  if (p != records_.end() && p->second.at == state::woken) put(p, state::waiting, now + ledger_.limits().retry_first);
}

std::string reminder_shard::key_of(std::uint64_t number) const {
  const auto found = numbers_.find(number);
  return found == numbers_.end() ? std::string() : found->second->first;
}

std::vector<std::string> reminder_shard::keys_of(std::string_view prefix) const {
  std::vector<std::string> keys;
  for (auto p = records_.upper_bound(prefix); p != records_.end() && p->first.starts_with(prefix); ++p)
    keys.push_back(p->first);
  return keys;
}

}  // namespace troupe
