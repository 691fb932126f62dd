#include "runtime/cache/waiting_line.hpp"

#include <algorithm>

namespace troupe {

void waiting_line::answer(client& c, errc code) {
  if (!c.done) return;
  called_.push_back({owned_reply::failed(code), std::exchange(c.done, nullptr)});
}

void waiting_line::end_at(client& c, time_point until) noexcept {
  c.asked.until = until;
  soonest_ = std::min(soonest_, until);
}

void waiting_line::call(client& c, time_point now) {
  c.now = state::called;
  end_at(c, now + call_max);
  answer(c, errc::ok);
}

void waiting_line::wait(request r, reply_callback done, time_point now, holds held) {
  std::sort(r.keys.begin(), r.keys.end());
  r.keys.erase(std::unique(r.keys.begin(), r.keys.end()), r.keys.end());
  auto at = clients_.find(r.id);
  if (at != clients_.end()) {
    answer(at->second, errc::not_found);  // of the attempt before, if it still waits
    at->second.now = state::waiting;
    end_at(at->second, r.until);
    at->second.done = std::move(done);
  } else {
    if (clients_.size() >= clients_max || keys_ + r.keys.size() > keys_max) {
      called_.push_back(
          {owned_reply::failed(errc::unavailable, "too many clients wait for keys of the shard"), std::move(done)});
      return;
    }
    at = clients_.try_emplace(r.id).first;
    at->second.since = now - std::max(r.waited, duration::zero());
    at->second.done = std::move(done);
    for (const auto& key : r.keys) by_key_[{r.cache, key}].emplace(at->second.since, r.id);
    keys_ += r.keys.size();
    at->second.asked = std::move(r);
    end_at(at->second, at->second.asked.until);
  }
  for (const auto& key : at->second.asked.keys) call_first(at->second.asked.cache, key, now, held);
}

// The first who wants what the key holds; nobody else while that one is called, or has not come back to wait.
void waiting_line::call_first(cache_id cache, std::string_view key, time_point now, holds held) {
  const auto line = by_key_.find(std::pair(cache, key));
  if (line == by_key_.end()) return;
  const auto there = look(cache, key, held);
  if (there.none()) return;
  for (const auto& [since, id] : line->second) {
    auto& c = clients_.at(id);
    if (!there.wants(c)) continue;
    if (c.now == state::waiting) call(c, now);
    return;
  }
}

void waiting_line::on_written(cache_id cache, std::string_view key, time_point now, holds held) {
  call_first(cache, key, now, held);
}

void waiting_line::remove(client_map::iterator at, time_point now, holds held) {
  auto gone = std::move(at->second);
  const auto id = at->first;
  clients_.erase(at);
  answer(gone, errc::not_found);
  keys_ -= gone.asked.keys.size();
  for (const auto& key : gone.asked.keys) {
    const auto line = by_key_.find(std::pair(gone.asked.cache, std::string_view(key)));
    line->second.erase({gone.since, id});
    if (line->second.empty()) by_key_.erase(line);
  }
  // What it was called for, or would have been, is the next one's.
  for (const auto& key : gone.asked.keys) call_first(gone.asked.cache, key, now, held);
}

void waiting_line::leave(std::uint64_t id, time_point now, holds held) {
  if (const auto at = clients_.find(id); at != clients_.end()) remove(at, now, held);
}

void waiting_line::on_tick(time_point now, holds held) {
  if (now < soonest_) return;
  soonest_ = time_point::max();
  for (auto next = clients_.begin(); next != clients_.end();) {
    const auto at = next++;
    auto& c = at->second;
    if (c.asked.until > now) {
      end_at(c, c.asked.until);
      continue;
    }
    if (c.now != state::waiting) {
      remove(at, now, held);
      continue;
    }
    answer(c, errc::not_found);
    c.now = state::away;
    end_at(c, now + away_max);
  }
}

void waiting_line::give_up() {
  for (auto& [id, c] : clients_) answer(c, errc::not_owner);
  clients_.clear();
  by_key_.clear();
  keys_ = 0;
}

bool waiting_line::is_ahead_of(std::uint64_t id, time_point since, cache_id cache,
                               const std::vector<std::string_view>& keys, holds held) const {
  const auto mine = clients_.find(id);
  // One who is not here yet comes behind those of the same moment.
  const place limit = mine == clients_.end() ? place{since, UINT64_MAX} : place{mine->second.since, id};
  return std::any_of(keys.begin(), keys.end(), [&](std::string_view key) {
    const auto line = by_key_.find(std::pair(cache, key));
    if (line == by_key_.end()) return false;
    const auto there = look(cache, key, held);
    for (const auto& other : line->second) {
      if (there.none() || other.second == id || other > limit) break;
      if (there.wants(clients_.at(other.second))) return true;
    }
    return false;
  });
}

}  // namespace troupe
