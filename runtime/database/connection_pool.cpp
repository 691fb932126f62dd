#include "runtime/database/connection_pool.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"

namespace troupe {

circuit_state connection_pool::breaker() const noexcept {
  if (!refuses_all()) return circuit_state::closed;
  return dialling_ > 0 ? circuit_state::half_open : circuit_state::open;
}

std::size_t connection_pool::in_use() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const auto& s) { return s.second.uses > 0; }));
}

void connection_pool::want(ticket who, pool_use use, time_point deadline, time_point now, output& out) {
  if (stopped_) return out.refused.push_back({who, errc::unavailable, "the database is being closed"});
  if (refuses_all()) return out.refused.push_back({who, errc::unavailable, "no connection: " + last_failure_});
  if (deadline <= now) return out.refused.push_back({who, errc::deadline_exceeded, ""});
  if (queue_of(use).empty() && grant_now(who, use, now, out)) {
    const bool crowded = use == pool_use::shared && slots_.at(out.granted.back().where).uses > 1;
    if (crowded && wants_more_width(now)) dial_more(now, true, out);
    return;
  }
  if (waiting() >= limits_.queue_max)
    return out.refused.push_back({who, errc::unavailable, "too many wait for a connection"});
  const bool later = deadline - now > limits_.queue_timeout;
  const auto until = later ? now + limits_.queue_timeout : deadline;
  queue_of(use).emplace(++arrivals_, waiter{who, deadline, until});
  expiring_.emplace(until, arrivals_);
  settle(now, out);
}

bool connection_pool::grant_now(ticket who, pool_use use, time_point now, output& out) {
  const auto chosen = use == pool_use::shared ? pick_shared(now) : pick_idle();
  if (chosen == slots_.end()) return false;
  slot& s = chosen->second;
  if (s.uses == 0) s.moved = now;
  ++s.uses;
  s.last_use = now;
  s.exclusive = use == pool_use::exclusive;
  if (s.exclusive) s.reserved = false;
  out.granted.push_back({who, chosen->first});
  return true;
}

bool connection_pool::stalled(const slot& s, time_point now) const {
  return s.uses > 0 && now - s.moved > limits_.stall;
}

bool connection_pool::wants_more_width(time_point now) const {
  std::size_t moving = 0;
  for (const auto& [id, s] : slots_) {
    if (s.state == phase::retired) continue;
    if (s.state != phase::ready) return false;  // one is on its way already
    if (!s.exclusive && !stalled(s, now)) ++moving;
  }
  return moving < limits_.shared_width;
}

// The least loaded of those that carry statements, an idle one as long as fewer than shared_width do. One that stands
// still is the last choice.
std::map<connection_pool::connection, connection_pool::slot>::iterator connection_pool::pick_shared(time_point now) {
  auto carrying = slots_.end();
  auto idle = slots_.end();
  auto standing = slots_.end();
  std::size_t width = 0;
  for (auto it = slots_.begin(); it != slots_.end(); ++it) {
    const slot& s = it->second;
    if (s.state != phase::ready || s.exclusive || s.reserved || s.uses >= limits_.depth_max) continue;
    auto& place = s.uses == 0 ? idle : stalled(s, now) ? standing : carrying;
    if (place == slots_.end() || s.uses < place->second.uses) place = it;
    if (s.uses > 0 && !stalled(s, now)) ++width;
  }
  if (idle != slots_.end() && (carrying == slots_.end() || width < limits_.shared_width)) return idle;
  return carrying != slots_.end() ? carrying : standing;
}

std::map<connection_pool::connection, connection_pool::slot>::iterator connection_pool::pick_idle() {
  const auto alone = std::count_if(slots_.begin(), slots_.end(), [](const auto& s) { return s.second.exclusive; });
  const std::size_t alone_max = std::max<std::size_t>(1, limits_.connections_max - 1);  // one stays for statements
  if (static_cast<std::size_t>(alone) >= alone_max) return slots_.end();
  return std::find_if(slots_.begin(), slots_.end(),
                      [](const auto& s) { return s.second.state == phase::ready && s.second.uses == 0; });
}

void connection_pool::finished(connection c, time_point now, output& out) {
  const auto found = slots_.find(c);
  if (found == slots_.end()) return;
  TROUPE_CHECK(found->second.uses > 0);
  --found->second.uses;
  found->second.exclusive = false;
  found->second.moved = now;
  found->second.last_use = now;
  if (waiting() > 0) settle(now, out);
  if (slots_.size() > limits_.connections_max) close_surplus(out);
}

void connection_pool::on_dialled(connection c, time_point now, output& out) {
  const auto found = slots_.find(c);
  if (found == slots_.end() || found->second.state != phase::dialling) return;
  --dialling_;
  ++ready_;
  failures_ = 0;
  dial_.reset();
  dial_at_ = now;
  found->second = {phase::ready, 0, false, false, now, now};
  settle(now, out);
}

void connection_pool::on_dial_failed(connection c, std::string why, time_point now, output& out) {
  const auto found = slots_.find(c);
  if (found == slots_.end() || found->second.state != phase::dialling) return;
  slots_.erase(found);
  --dialling_;
  ++failures_;
  ++dial_failures_;
  last_failure_ = std::move(why);
  dial_at_ = now + dial_.next(rng_);
  if (refuses_all()) return refuse_all("no connection: " + last_failure_, out);
  settle(now, out);
}

void connection_pool::on_lost(connection c, time_point now, output& out) {
  const auto found = slots_.find(c);
  if (found == slots_.end()) return;
  if (found->second.state == phase::dialling) return on_dial_failed(c, "it was given up", now, out);
  --(found->second.state == phase::retired ? retired_ : ready_);
  slots_.erase(found);
  settle(now, out);
}

void connection_pool::on_retired(connection c, time_point now, output& out) {
  const auto found = slots_.find(c);
  if (found == slots_.end() || (found->second.state != phase::ready && found->second.state != phase::checking)) return;
  found->second.state = phase::retired;
  --ready_;
  ++retired_;
  settle(now, out);
}

void connection_pool::set_connections_max(std::size_t most, time_point now, output& out) {
  limits_.connections_max = std::max<std::size_t>(1, most);
  limits_.connections_min = std::min(limits_.connections_min, limits_.connections_max);
  close_surplus(out);
  settle(now, out);
}

void connection_pool::close_surplus(output& out) {
  for (auto it = slots_.begin(); it != slots_.end() && slots_.size() > limits_.connections_max;) {
    if (it->second.state != phase::ready || it->second.uses > 0) {
      ++it;
      continue;
    }
    out.close.push_back(it->first);
    --ready_;
    it = slots_.erase(it);
  }
}

void connection_pool::on_checked(connection c, time_point now, output& out) {
  const auto found = slots_.find(c);
  if (found == slots_.end() || found->second.state != phase::checking) return;
  found->second.state = phase::ready;
  found->second.moved = now;
  if (slots_.size() > limits_.connections_max) close_surplus(out);
  settle(now, out);
}

void connection_pool::on_tick(time_point now, output& out) {
  expire(now, out);
  if (stopped_) return;
  look_after_idle(now, out);
  settle(now, out);
}

void connection_pool::expire(time_point now, output& out) {
  while (!expiring_.empty() && expiring_.begin()->first <= now) {
    const auto arrival = expiring_.begin()->second;
    expiring_.erase(expiring_.begin());
    auto& q = shared_.count(arrival) > 0 ? shared_ : exclusive_;
    const waiter w = q.at(arrival);
    q.erase(arrival);
    if (w.deadline <= now)
      out.refused.push_back({w.who, errc::deadline_exceeded, "no connection was free"});
    else
      out.refused.push_back({w.who, errc::unavailable,
                             ready_ > 0 ? "no connection was free in time" : "no connection: " + last_failure_});
  }
}

// Checks those that nobody used for a while, and closes them when there are more than the least.
void connection_pool::look_after_idle(time_point now, output& out) {
  for (auto it = slots_.begin(); it != slots_.end();) {
    slot& s = it->second;
    const bool silent = s.state == phase::checking && now - s.moved >= limits_.check_timeout;
    const bool unused = s.state == phase::ready && s.uses == 0;
    const bool spare = unused && now - s.last_use >= limits_.idle && ready_ > limits_.connections_min;
    if (silent || spare) {
      out.close.push_back(it->first);
      --ready_;
      it = slots_.erase(it);
      continue;
    }
    if (unused && limits_.health_interval > duration::zero() && now - s.moved >= limits_.health_interval) {
      s.state = phase::checking;
      s.moved = now;
      out.check.push_back(it->first);
    }
    ++it;
  }
}

// In the order in which they came; a kind whose first finds nothing is left.
void connection_pool::settle(time_point now, output& out) {
  if (stopped_) return;
  expire(now, out);  // the time of one may have passed just now
  bool shared = !shared_.empty();
  bool exclusive = !exclusive_.empty();
  while (shared || exclusive) {
    const bool take_shared = shared && (!exclusive || shared_.begin()->first < exclusive_.begin()->first);
    auto& q = take_shared ? shared_ : exclusive_;
    const auto first = q.begin();
    const bool given = grant_now(first->second.who, take_shared ? pool_use::shared : pool_use::exclusive, now, out);
    if (given) {
      expiring_.erase({first->second.until, first->first});
      q.erase(first);
    }
    (take_shared ? shared : exclusive) = given && !q.empty();
  }
  reserve_for_waiting();
  dial_more(now, false, out);
}

// One connection for each exclusive use that waits takes no more statements, so that its turn comes.
void connection_pool::reserve_for_waiting() {
  std::size_t wanted = 0;
  if (slots_.size() >= limits_.connections_max) wanted = exclusive_.size();
  std::size_t shared = 0;
  for (auto& [id, s] : slots_) {
    s.reserved = false;
    if (s.state == phase::ready && !s.exclusive) ++shared;
  }
  const std::size_t left_for_statements = limits_.connections_max > 1 ? 1 : 0;
  for (auto it = slots_.rbegin(); it != slots_.rend() && wanted > 0 && shared > left_for_statements; ++it) {
    if (it->second.state != phase::ready || it->second.exclusive) continue;
    it->second.reserved = true;
    --wanted;
    --shared;
  }
}

void connection_pool::dial_more(time_point now, bool wider, output& out) {
  if (stopped_ || now < dial_at_) return;
  std::size_t wanted = exclusive_.size();
  if (wider || !shared_.empty()) ++wanted;
  const bool trial = failures_ > 0 && ready_ == 0;
  if (slots_.size() - retired_ < limits_.connections_min) wanted = std::max(wanted, limits_.connections_min - ready_);
  if (trial) wanted = 1;
  while (dialling_ < wanted && slots_.size() < limits_.connections_max) {
    const connection c = next_++;
    slots_.emplace(c, slot{});
    ++dialling_;
    out.dial.push_back(c);
  }
}

void connection_pool::refuse_all(const std::string& why, output& out) {
  shared_.merge(exclusive_);
  for (const auto& [arrival, w] : shared_) out.refused.push_back({w.who, errc::unavailable, why});
  shared_.clear();
  exclusive_.clear();
  expiring_.clear();
}

time_point connection_pool::next_tick() const {
  auto at = time_point::max();
  if (!expiring_.empty()) at = expiring_.begin()->first;
  if (stopped_) return at;
  const bool short_of =
      slots_.size() - retired_ < limits_.connections_min || waiting() > 0 || (failures_ > 0 && ready_ == 0);
  if (short_of && dialling_ == 0 && slots_.size() < limits_.connections_max) at = std::min(at, dial_at_);
  for (const auto& [id, s] : slots_) {
    if (s.state == phase::checking) at = std::min(at, s.moved + limits_.check_timeout);
    if (s.state != phase::ready || s.uses > 0) continue;
    if (limits_.health_interval > duration::zero()) at = std::min(at, s.moved + limits_.health_interval);
    if (ready_ > limits_.connections_min) at = std::min(at, s.last_use + limits_.idle);
  }
  return at;
}

void connection_pool::stop(output& out) {
  stopped_ = true;
  refuse_all("the database is being closed", out);
}

}  // namespace troupe
