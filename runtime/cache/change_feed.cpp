#include "runtime/cache/change_feed.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/random.hpp"

namespace troupe {

change_feed::change_feed(std::uint32_t shards, std::uint64_t seed)
    : shards_(shards), next_session_(random(seed).next() | 1) {}

// --- subscribers

void change_feed::add(std::uint64_t id, filter f) {
  const bool by_shard = f.by_shard;
  auto& s = subscribers_[id];
  s.wants = std::move(f);
  if (by_shard) s.heard.resize(shards_.size());
  revise_interests();
  s.revision = revision_;
  for (const auto& [owner, of] : sessions_) hear_shards(owner);
}

void change_feed::remove(std::uint64_t id) {
  if (subscribers_.erase(id) != 0) revise_interests();
}

// The sum of what is wanted, cache by cache.
void change_feed::revise_interests() {
  std::map<cache_id, change_interest> sums;
  for (const auto& [id, s] : subscribers_) {
    const auto [at, fresh] = sums.try_emplace(s.wants.cache);
    auto& sum = at->second;
    sum.cache = s.wants.cache;
    sum.value_bytes_max = std::max(sum.value_bytes_max, s.wants.value_bytes_max);
    const bool all = !fresh && sum.prefixes.empty();
    if (all || (!fresh && sum.covers(s.wants.prefix))) continue;
    if (s.wants.prefix.empty() || sum.prefixes.size() == change_interest::prefixes_max)
      sum.prefixes.clear();
    else
      sum.prefixes.push_back(s.wants.prefix);
  }
  std::vector<change_interest> interests;
  for (auto& [cache, sum] : sums) {
    if (interests.size() < change_poll::interests_max) interests.push_back(std::move(sum));
  }
  if (interests == interests_ && revision_ != 0) return;
  interests_ = std::move(interests);
  ++revision_;
}

// --- sessions

void change_feed::on_owners(const std::vector<std::uint64_t>& pids) {
  for (auto& [owner, s] : sessions_) s.leaving = std::find(pids.begin(), pids.end(), owner) == pids.end();
  for (const auto pid : pids) {
    if (pid == 0) continue;
    const auto [at, fresh] = sessions_.try_emplace(pid);
    if (fresh) at->second.number = next_session_++;
  }
}

bool change_feed::is_source(std::uint64_t owner) const noexcept {
  return std::any_of(shards_.begin(), shards_.end(),
                     [owner](const auto& s) { return s.source == owner || s.claimant == owner; });
}

std::vector<change_feed::outgoing> change_feed::on_tick(time_point now) {
  std::vector<outgoing> out;
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    auto& [owner, s] = *at;
    if (s.polling && now - s.sent >= poll_max) {
      lose(owner);
      s.again = now + retry;
    }
    if (subscribers_.empty() || (s.leaving && !is_source(owner))) {
      if (s.next > 1) out.push_back({owner, {s.number, 0, 0, {}}});
      lose_sources(owner);
      s = {.number = next_session_++, .leaving = s.leaving};
      if (s.leaving) {
        at = sessions_.erase(at);
        continue;
      }
    } else if (!s.polling && now >= s.again) {
      s.polling = true;
      s.sent = now;
      out.push_back({owner, {s.number, s.next, revision_, interests_}});
    }
    ++at;
  }
  finish();
  return out;
}

void change_feed::on_answer(std::uint64_t owner, std::uint64_t of, std::optional<change_answer> answer,
                            time_point now) {
  const auto found = sessions_.find(owner);
  if (found == sessions_.end() || found->second.number != of || !found->second.polling) return;
  auto& s = found->second;
  s.polling = false;
  if (!answer || answer->number != s.next) {
    lose(owner);
    s.again = now + retry;
    return finish();
  }
  ++s.next;
  for (auto& item : answer->items) {
    if (item.shard < shards_.size()) take(owner, s, std::move(item));
  }
  if (!answer->more) s.confirmed = s.sent;
  finish();
}

// Its number changes: whatever comes of it is too late.
void change_feed::lose(std::uint64_t owner) {
  auto& s = sessions_.at(owner);
  ++numbers_.lost;
  s = {.number = next_session_++, .leaving = s.leaving};
  lose_sources(owner);
}

void change_feed::lose_sources(std::uint64_t owner) {
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    auto& s = shards_[i];
    if (s.claimant == owner) {
      drop_held(s);
      s.claimant = 0;
    }
    if (s.source != owner) continue;
    s.source = s.ended_with = 0;
    release(i);
  }
}

// --- what sources tell

void change_feed::take(std::uint64_t owner, session& s, change_item item) {
  const auto shard = item.shard;
  auto& state = shards_[shard];
  if (item.what == change_item::form::revised) return revise(s, owner, item.version);
  if (state.source == owner) return take_of_source(shard, std::move(item));
  const bool begins = item.what == change_item::form::began;
  if (begins && item.epoch < std::max(state.epoch, state.claimant == 0 ? 0 : state.claimed)) return;
  if (state.source == 0 && begins) return begin(owner, item);
  if (state.source != 0 && (begins || state.claimant == owner)) hold(shard, owner, std::move(item));
}

void change_feed::take_of_source(std::uint32_t shard, change_item item) {
  auto& state = shards_[shard];
  switch (item.what) {
    case change_item::form::change: return tell(item);
    case change_item::form::ended:
      state.source = 0;
      state.ended_with = item.version;
      return release(shard);
    case change_item::form::marked: return tell(item);
    case change_item::form::began:
    case change_item::form::revised: return;
  }
}

void change_feed::begin(std::uint64_t owner, const change_item& item) {
  auto& state = shards_[item.shard];
  const auto ended_with = std::exchange(state.ended_with, 0);
  state.source = owner;
  state.epoch = item.epoch;
  const bool gap = ended_with == 0 || item.version > ended_with;
  gap_ = gap_ || gap;
  hear_shard(item.shard, gap);
}

// The shard has a source. Who hears it by itself is told when that source knows what it wants.
void change_feed::hear_shard(std::uint32_t shard, bool gap) {
  const auto in_force = sessions_.at(shards_[shard].source).in_force;
  for (auto& [id, sub] : subscribers_) {
    if (!sub.wants.by_shard) continue;
    const bool knows = sub.revision <= in_force;
    if (knows && (gap || !sub.heard[shard])) {
      cache_change c = gap_of(source_changed);
      c.shard = shard;
      deliveries_.push_back({id, std::move(c), sub.wants.cache});
    }
    sub.heard[shard] = knows;
  }
}

void change_feed::hear_shards(std::uint64_t owner) {
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    if (shards_[i].source == owner) hear_shard(i, false);
  }
}

void change_feed::hold(std::uint32_t shard, std::uint64_t owner, change_item item) {
  auto& state = shards_[shard];
  if (state.claimant != owner) {
    drop_held(state);  // what that one had is missing then: the versions do not fit
    state.claimant = owner;
    state.claimed = item.epoch;
  }
  state.held_bytes += item.bytes();
  held_bytes_ += item.bytes();
  state.held.push_back(std::move(item));
  if (held_bytes_ <= held_bytes_max) return;
  state.source = state.ended_with = 0;  // no longer waited for
  release(shard);
}

void change_feed::drop_held(shard_state& s) {
  held_bytes_ -= std::exchange(s.held_bytes, 0);
  s.held.clear();
}

// The source is gone: who began meanwhile is the next.
void change_feed::release(std::uint32_t shard) {
  auto& state = shards_[shard];
  const auto next = std::exchange(state.claimant, 0);
  if (next == 0) return;
  held_bytes_ -= std::exchange(state.held_bytes, 0);
  auto items = std::exchange(state.held, {});
  auto& s = sessions_.at(next);
  for (auto& item : items) take(next, s, std::move(item));
}

// Who subscribed while another had the shard may have missed what this one did not tell yet.
void change_feed::revise(session& s, std::uint64_t owner, std::uint64_t revision) {
  const auto before = std::exchange(s.in_force, revision);
  hear_shards(owner);
  if (!is_source(owner)) return;
  for (const auto& [id, sub] : subscribers_) {
    if (sub.open && sub.revision > before && sub.revision <= revision) {
      ++numbers_.gaps;
      deliveries_.push_back({id, gap_of(source_changed)});
    }
  }
}

void change_feed::tell(const change_item& item) {
  for (const auto& [id, sub] : subscribers_) {
    const bool hears = sub.wants.by_shard ? sub.heard[item.shard] : sub.open;
    if (!hears || sub.wants.cache != item.cache) continue;
    if (item.what == change_item::form::marked) {
      if (sub.wants.by_shard) deliveries_.push_back({id, {.shard = item.shard}, item.cache, {}, item.version});
      continue;
    }
    if (item.kind != change_kind::dropped && !item.key.starts_with(sub.wants.prefix)) continue;
    cache_change c;
    c.kind = item.kind;
    c.key = item.key;
    c.version = item.version;
    c.shard = item.shard;
    if (item.value && item.value->size() <= sub.wants.value_bytes_max) c.value = item.value;
    ++numbers_.told;
    deliveries_.push_back({id, std::move(c), item.cache, item.ttl});
  }
}

// The end of an answer: gaps in it are told once, and who waits for all sources may be open now.
void change_feed::finish() {
  if (std::exchange(gap_, false)) {
    for (const auto& [id, sub] : subscribers_) {
      if (!sub.open) continue;
      ++numbers_.gaps;
      deliveries_.push_back({id, gap_of(source_changed)});
    }
  }
  std::uint64_t least = revision_;
  for (const auto& s : shards_) {
    if (s.source == 0) return;
    least = std::min(least, sessions_.at(s.source).in_force);
  }
  for (auto& [id, sub] : subscribers_) {
    if (sub.open || sub.wants.by_shard || sub.revision > least) continue;
    sub.open = true;
    cache_change c;
    c.kind = change_kind::opened;
    deliveries_.push_back({id, std::move(c)});
  }
}

std::optional<change_feed::source> change_feed::source_of(std::uint32_t shard) const {
  const auto owner = shards_[shard].source;
  if (owner == 0) return std::nullopt;
  return source{owner, sessions_.at(owner).number};
}

time_point change_feed::confirmed(std::uint32_t shard) const {
  const auto owner = shards_[shard].source;
  return owner == 0 ? time_point::min() : sessions_.at(owner).confirmed;
}

std::vector<change_feed::delivery> change_feed::take_deliveries() { return std::exchange(deliveries_, {}); }

}  // namespace troupe
