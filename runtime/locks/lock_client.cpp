#include "runtime/locks/lock_client.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

constexpr std::size_t asks_kept = 16;
/// What was let go of is said so long; then the end of the ttl says it.
constexpr duration drop_said_for = std::chrono::seconds(10);

}  // namespace

expected<claim_number> lock_client::claim(lock_request request, bool stays, time_point now) {
  if (auto fault = fault_of(request); !fault.empty()) return fail(errc::invalid_argument, std::move(fault));
  if (claims_.size() >= lock_claims_max) return fail(errc::unavailable, "too many locks are claimed here");
  entry e;
  e.stays = stays;
  e.request = std::move(request);
  if (!stays) e.give_up = now + (e.request.wait > duration::zero() ? e.request.wait : lock_answer_max);
  claims_.emplace(++last_claim_, std::move(e));
  next_ask_ = now;
  return last_claim_;
}

void lock_client::begin_drop(entry& e, time_point now) {
  if (e.now == state::dropping) return;
  e.now = state::dropping;
  e.until = time_point::min();
  e.give_up = now + drop_said_for;
  next_ask_ = now;
}

void lock_client::drop(claim_number claim, time_point now) {
  if (const auto found = claims_.find(claim); found != claims_.end()) begin_drop(found->second, now);
}

void lock_client::drop_all(time_point now) {
  for (auto& [claim, e] : claims_) {
    if (e.now == state::held) lose(claim, e, "this node lets go of all");
    if (e.now == state::wanting)
      events_.push_back({claim, lock_event::kind::refused, 0, {errc::unavailable, "this node is leaving"}});
    begin_drop(e, now);
  }
}

expected<void> lock_client::keep(claim_number claim, time_point until) {
  const auto found = claims_.find(claim);
  if (found == claims_.end() || found->second.now == state::dropping) return fail(errc::not_found, "not held here");
  found->second.keep_until = until;
  return {};
}

void lock_client::on_leader(const std::optional<member_ref>& leader, time_point now) {
  if (leader == leader_) return;
  leader_ = leader;
  if (leader_ && !claims_.empty()) next_ask_ = now;
}

void lock_client::lose(claim_number claim, entry& e, const char* why) {
  e.until = time_point::min();
  events_.push_back({claim, lock_event::kind::lost, e.token, {errc::unavailable, why}});
  e.token = 0;
}

void lock_client::end_what_is_over(time_point now) {
  for (auto at = claims_.begin(); at != claims_.end();) {
    auto& [claim, e] = *at;
    if (e.now != state::dropping && now >= e.keep_until) begin_drop(e, now);
    if (e.now == state::held && now >= e.until) {
      lose(claim, e, "the leader was not heard for the whole ttl");
      if (e.stays)
        e.now = state::wanting;
      else
        begin_drop(e, now);
    } else if (e.now == state::wanting && now >= e.give_up) {
      const bool waited = e.request.wait > duration::zero();
      events_.push_back({claim, lock_event::kind::refused, 0,
                         waited ? error{errc::deadline_exceeded, "it was not free in time"}
                                : error{errc::unavailable, "no leader answers"}});
      begin_drop(e, now);
    } else if (e.now == state::dropping && now >= e.give_up) {
      at = claims_.erase(at);
      continue;
    }
    ++at;
  }
}

void lock_client::run(time_point now, std::vector<lock_packet>& out) {
  end_what_is_over(now);
  if (claims_.empty()) {
    next_ask_ = time_point::max();
  } else if (now >= next_ask_ && leader_) {
    ask(now, out);
  }
}

void lock_client::ask(time_point now, std::vector<lock_packet>& out) {
  lock_message m{++sequence_, false, {}};
  auto interval = lock_ask_interval;
  for (const auto& [claim, e] : claims_) {
    interval = std::min<duration>(interval, e.request.ttl / 4);
    lock_item item;
    item.what = e.now == state::wanting ? lock_word::want : e.now == state::held ? lock_word::hold : lock_word::drop;
    item.claim = claim;
    item.key = {e.request.kind, e.request.name};
    item.permits = e.request.permits;
    item.ttl = e.request.ttl;
    item.token = e.token;
    item.at_once = !e.stays && e.request.wait == duration::zero();
    m.items.push_back(std::move(item));
  }
  sent_[sequence_] = now;
  if (sent_.size() > asks_kept) sent_.erase(sent_.begin());
  next_ask_ = now + interval;
  out.push_back({*leader_, std::move(m)});
}

void lock_client::on_answer(const lock_message& answer, time_point now) {
  const auto sent = sent_.find(answer.sequence);
  if (!answer.answer || sent == sent_.end()) return;
  for (const auto& item : answer.items) on_item(item, answer.sequence, sent->second, now);
}

void lock_client::on_item(const lock_item& item, std::uint64_t sequence, time_point sent, time_point now) {
  const auto found = claims_.find(item.claim);
  if (found == claims_.end() || sequence < found->second.answered) return;
  auto& e = found->second;
  if (item.key != lock_key{e.request.kind, e.request.name}) return;
  e.answered = sequence;
  if (item.what == lock_word::held && e.now != state::dropping) {
    const auto until = sent + std::min(item.ttl, e.request.ttl);
    if (until <= now) return;
    if (e.now == state::wanting) events_.push_back({item.claim, lock_event::kind::granted, item.token, {}});
    e.now = state::held;
    e.token = item.token;
    e.until = std::max(e.until, until);
  } else if (item.what == lock_word::gone && e.now == state::dropping) {
    claims_.erase(found);
  } else if (item.what == lock_word::gone && e.now == state::held) {
    lose(item.claim, e, "the leader has given it to others");
    if (e.stays) {
      e.now = state::wanting;
      next_ask_ = now;
    } else {
      claims_.erase(found);
    }
  } else if (item.what == lock_word::refused && e.now == state::wanting) {
    if (e.stays && item.code == errc::unavailable) return;  // it asks again
    events_.push_back({item.claim, lock_event::kind::refused, 0, {item.code, item.reason}});
    claims_.erase(found);
  }
}

time_point lock_client::next_tick() const {
  auto next = leader_ ? next_ask_ : time_point::max();
  for (const auto& [claim, e] : claims_) {
    if (e.now == state::held) next = std::min(next, e.until);
    if (e.now != state::held) next = std::min(next, e.give_up);
    if (e.now != state::dropping) next = std::min(next, e.keep_until);
  }
  return next;
}

time_point lock_client::held_until(claim_number claim) const {
  const auto found = claims_.find(claim);
  return found != claims_.end() && found->second.now == state::held ? found->second.until : time_point::min();
}

std::uint64_t lock_client::token_of(claim_number claim) const {
  const auto found = claims_.find(claim);
  return found == claims_.end() ? 0 : found->second.token;
}

std::vector<lock_client::holding> lock_client::holdings() const {
  std::vector<holding> found;
  for (const auto& [claim, e] : claims_) {
    if (e.now == state::held) found.push_back({claim, {e.request.kind, e.request.name}, e.token, e.until});
  }
  return found;
}

}  // namespace troupe
