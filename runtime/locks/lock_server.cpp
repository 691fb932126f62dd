#include "runtime/locks/lock_server.hpp"

#include <algorithm>
#include <utility>

#include "runtime/election/options.hpp"

namespace troupe {

void lock_server::begin(time_point now) {
  leads_ = true;
  since_ = now;
}

void lock_server::end() {
  leads_ = false;
  heard_.clear();
  dropped_.clear();
  waiters_.clear();
}

// The clocks' rates may differ: the holder's ttl is over before it is here.
time_point lock_server::over_at(const lock_grant& g) const {
  const auto found = heard_.find(g.token);
  return (found == heard_.end() ? since_ : found->second) + g.ttl + g.ttl / clock_rate_margin;
}

void lock_server::forget(const member_ref& who, claim_number claim) {
  std::erase_if(waiters_, [&](const waiter& w) { return w.who == who && w.item.claim == claim; });
}

void lock_server::on_ask(const member_ref& from, const lock_message& ask, time_point now,
                         std::vector<lock_packet>& out) {
  if (!leads_) return;
  lock_message answer{ask.sequence, true, {}};
  for (const auto& item : ask.items) {
    if (item.what > lock_word::drop) continue;
    auto said = answer_to(from, item, ask.sequence, now);
    if (said.what != lock_word::want) answer.items.push_back(std::move(said));
  }
  if (!answer.items.empty()) out.push_back({from, std::move(answer)});
}

/// `want` itself: nothing is to be said yet.
lock_item lock_server::answer_to(const member_ref& from, const lock_item& item, std::uint64_t sequence,
                                 time_point now) {
  auto said = item;
  const auto* grant = table_.find(item.key, from, item.claim);
  if (item.what == lock_word::drop) {
    forget(from, item.claim);
    if (grant != nullptr) dropped_.insert(grant->token);
    said.what = grant != nullptr ? lock_word::want : lock_word::gone;
    return said;
  }
  // What is over stays over: a table without it may be on its way to be committed.
  if (grant != nullptr && !dropped_.contains(grant->token) && now < over_at(*grant)) {
    auto& heard = heard_[grant->token];
    heard = std::max(heard, now);
    said.what = lock_word::held;
    said.token = grant->token;
    said.ttl = grant->ttl;
    return said;
  }
  if (item.what == lock_word::hold) {
    said.what = lock_word::gone;
    return said;
  }
  if (auto refusal = wait(from, item, sequence, now)) {
    ++counts_.refused;
    return std::move(*refusal);
  }
  return said;
}

/// The refusal, if it may not wait.
std::optional<lock_item> lock_server::wait(const member_ref& from, const lock_item& item, std::uint64_t sequence,
                                           time_point now) {
  const auto refuse = [&](errc code, std::string why) {
    forget(from, item.claim);
    auto said = item;
    said.what = lock_word::refused;
    said.code = code;
    said.reason = std::move(why);
    return said;
  };
  if (auto fault = fault_of(lock_request{item.key.kind, item.key.name, item.permits, item.ttl, {}}); !fault.empty()) {
    return refuse(errc::invalid_argument, std::move(fault));
  }
  const auto row = table_.rows.find(item.key);
  if (row != table_.rows.end() && row->second.permits != item.permits) {
    return refuse(errc::invalid_argument, "it has " + std::to_string(row->second.permits) + " permits");
  }
  auto known = std::find_if(waiters_.begin(), waiters_.end(),
                            [&](const waiter& w) { return w.who == from && w.item.claim == item.claim; });
  if (known == waiters_.end()) {
    if (waiters_.size() >= lock_waiters_max) return refuse(errc::unavailable, "too many wait for locks");
    known = waiters_.insert(waiters_.end(), {from, item, sequence, now});
  }
  known->sequence = std::max(known->sequence, sequence);
  known->heard = now;
  if (!item.at_once) return std::nullopt;
  const auto next = next_table(now);
  if (next && next->find(item.key, from, item.claim) != nullptr) return std::nullopt;
  const auto& rows = next ? next->rows : table_.rows;
  const auto holders = rows.find(item.key);
  if (holders == rows.end()) return refuse(errc::unavailable, "too many locks");
  return refuse(errc::condition_failed, "held by " + holders->second.grants.front().holder.name);
}

bool lock_server::give(const waiter& w, lock_table& table) const {
  const auto& item = w.item;
  if (table.find(item.key, w.who, item.claim) != nullptr) return false;
  const auto found = table.rows.find(item.key);
  const bool is_new = found == table.rows.end();
  if (is_new ? table.rows.size() >= lock_rows_max
             : found->second.permits != item.permits || found->second.grants.size() >= item.permits) {
    return false;
  }
  if (table.grants() >= lock_grants_max || table.last_token + 1 >= term_max) return false;
  auto& row = table.rows[item.key];
  row.permits = item.permits;
  row.grants.push_back({++table.last_token, w.who, item.claim, std::chrono::ceil<std::chrono::milliseconds>(item.ttl)});
  return true;
}

std::optional<lock_table> lock_server::next_table(time_point now) {
  if (!leads_) return std::nullopt;
  std::erase_if(waiters_, [now](const waiter& w) { return now - w.heard >= lock_waiter_kept; });
  auto next = table_;
  bool changed = false;
  for (auto row = next.rows.begin(); row != next.rows.end();) {
    auto& grants = row->second.grants;
    changed = std::erase_if(grants,
                            [&](const lock_grant& g) { return dropped_.contains(g.token) || now >= over_at(g); }) > 0 ||
              changed;
    row = grants.empty() ? next.rows.erase(row) : std::next(row);
  }
  for (const auto& w : waiters_) changed = give(w, next) || changed;
  return changed ? std::optional(std::move(next)) : std::nullopt;
}

void lock_server::on_table(const lock_table& committed, time_point now, std::vector<lock_packet>& out) {
  const auto before = std::exchange(table_, committed);
  if (!leads_) return;
  std::set<std::uint64_t> there;
  for (const auto& [key, row] : table_.rows) {
    for (const auto& g : row.grants) {
      there.insert(g.token);
      if (g.token <= before.last_token) continue;
      ++counts_.granted;
      const auto w = std::find_if(waiters_.begin(), waiters_.end(), [&g = g](const waiter& each) {
        return each.who == g.holder && each.item.claim == g.claim;
      });
      if (w == waiters_.end()) {  // it let go meanwhile
        heard_[g.token] = now;
        dropped_.insert(g.token);
        continue;
      }
      heard_[g.token] = w->heard;
      lock_item said = w->item;
      said.what = lock_word::held;
      said.token = g.token;
      said.ttl = g.ttl;
      out.push_back({g.holder, {w->sequence, true, {std::move(said)}}});
      waiters_.erase(w);
    }
  }
  for (const auto& [key, row] : before.rows) {
    for (const auto& g : row.grants) {
      if (there.contains(g.token)) continue;
      ++(dropped_.contains(g.token) ? counts_.released : counts_.expired);
    }
  }
  std::erase_if(heard_, [&](const auto& entry) { return !there.contains(entry.first); });
  std::erase_if(dropped_, [&](const auto token) { return !there.contains(token); });
}

time_point lock_server::next_tick() const {
  auto next = time_point::max();
  if (!leads_) return next;
  for (const auto& [key, row] : table_.rows) {
    for (const auto& g : row.grants) next = std::min(next, over_at(g));
  }
  for (const auto& w : waiters_) next = std::min(next, w.heard + lock_waiter_kept);
  return next;
}

}  // namespace troupe
