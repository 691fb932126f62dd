#include "runtime/cache/local_copy.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

local_copy::local_copy(std::vector<std::uint64_t> bytes_max, std::uint32_t shards, std::uint64_t seed)
    : bytes_max_(std::move(bytes_max)), bytes_(bytes_max_.size()), dice_(seed) {
  for (std::size_t c = 0; c < bytes_max_.size(); ++c) {
    for (std::uint32_t s = 0; bytes_max_[c] > 0 && s < shards; ++s) parts_[{static_cast<cache_id>(c), s}];
  }
}

// --- readers

const local_copy::passing* local_copy::passed(cache_id cache, std::string_view key) const {
  if (passed_.empty()) return nullptr;
  const auto at = passed_.find(name(cache, key));
  return at == passed_.end() ? nullptr : &at->second;
}

std::optional<local_copy::shown> local_copy::find(cache_id cache, std::uint32_t shard, std::string_view key,
                                                  time_point confirmed, time_point now) {
  const auto at = parts_.find({cache, shard});
  if (at == parts_.end() || at->second.is != state::whole) return std::nullopt;
  const bool trusted = confirmed != time_point::min() && now - confirmed <= trust;
  if (!trusted || untracked_ > 0 || confirmed <= passed_all_) return std::nullopt;
  const auto* before = passed(cache, key);
  if (before != nullptr && (before->under_way > 0 || confirmed <= before->answered)) return std::nullopt;
  const auto& rows = at->second.rows;
  const auto found = rows.find(key);
  shown s;
  if (found != rows.end() && now < found->second.end) {
    const auto& r = found->second;
    if (!r.value) return std::nullopt;
    s = {true, *r.value, r.version, r.end == time_point::max() ? duration::zero() : r.end - now};
  }
  if (before != nullptr) {
    // A reader here has seen more than this, perhaps.
    if (confirmed <= before->found && (!s.found || s.version < before->version)) return std::nullopt;
    if (confirmed <= before->missed && s.found) return std::nullopt;
  }
  ++numbers_.hits;
  return s;
}

bool local_copy::on_leave(cache_id cache, std::string_view key) {
  name who(cache, key);
  auto at = passed_.find(who);
  if (at == passed_.end() && passed_.size() >= passed_max) {
    ++untracked_;
    return false;
  }
  ++passed_[std::move(who)].under_way;
  return true;
}

void local_copy::on_answered(cache_id cache, std::string_view key, bool noted, time_point now) {
  if (!noted) return on_answered_all(now);
  auto& p = passed_[name(cache, key)];
  --p.under_way;
  p.answered = now;
}

void local_copy::on_read(cache_id cache, std::string_view key, std::optional<std::uint64_t> version, time_point now) {
  name who(cache, key);
  auto at = passed_.find(who);
  if (at == passed_.end()) {
    if (passed_.size() >= passed_max) return on_all_passed(now);
    at = passed_.emplace(std::move(who), passing{}).first;
  }
  auto& p = at->second;
  if (!version) {
    p.missed = now;
    return;
  }
  p.found = now;
  p.version = std::max(p.version, *version);
}

// --- what the primaries tell

void local_copy::on_gap(cache_id cache, std::uint32_t shard) {
  const auto at = parts_.find({cache, shard});
  if (at == parts_.end()) return;
  at->second.told = true;
  if (at->second.is != state::forgone) give_up(at->second, time_point::min());
}

void local_copy::on_change(const cache_change& c, cache_id cache, duration ttl, time_point now) {
  const auto at = parts_.find({cache, c.shard});
  if (at == parts_.end() || at->second.is == state::forgone) return;
  auto& p = at->second;
  switch (c.kind) {
    case change_kind::put: {
      row r{c.version, time_point::max(), c.value};
      if (ttl > duration::zero() && ttl < time_point::max() - now) r.end = now + ttl;
      return put(cache, p, c.key, std::move(r), now);
    }
    case change_kind::erased:
    case change_kind::expired:
    case change_kind::evicted: return erase(cache, p, c.key, c.version);
    case change_kind::dropped: return drop(cache, p, c.version);
    case change_kind::opened:
    case change_kind::gap: return;
  }
}

void local_copy::on_mark(cache_id cache, std::uint32_t shard, std::uint64_t token) {
  const auto at = parts_.find({cache, shard});
  if (at == parts_.end() || at->second.is != state::repairing || at->second.token != token) return;
  at->second.marked = true;
  settle(at->second);
}

// --- what is held

void local_copy::put(cache_id cache, part& p, std::string_view key, row r, time_point now) {
  const auto bytes = size_of(key, r);
  auto at = p.rows.find(key);
  if (at != p.rows.end() && at->second.version > r.version) return;
  if (at == p.rows.end())
    at = p.rows.emplace(std::string(key), row()).first;
  else
    p.bytes -= size_of(key, at->second), bytes_[cache] -= size_of(key, at->second);
  at->second = std::move(r);
  p.bytes += bytes;
  bytes_[cache] += bytes;
  if (bytes_[cache] > bytes_max_[cache]) forgo(cache, p, now);
}

void local_copy::erase(cache_id cache, part& p, std::string_view key, std::uint64_t up_to) {
  if (p.is == state::repairing) {
    auto& gone = p.gone[std::string(key)];
    gone = std::max(gone, up_to);
  }
  const auto at = p.rows.find(key);
  if (at == p.rows.end() || at->second.version > up_to) return;
  const auto bytes = size_of(key, at->second);
  p.bytes -= bytes;
  bytes_[cache] -= bytes;
  p.rows.erase(at);
}

void local_copy::drop(cache_id cache, part& p, std::uint64_t up_to) {
  p.floor = std::max(p.floor, up_to);
  for (auto at = p.rows.begin(); at != p.rows.end();) {
    if (at->second.version > up_to) {
      ++at;
      continue;
    }
    const auto bytes = size_of(at->first, at->second);
    p.bytes -= bytes;
    bytes_[cache] -= bytes;
    at = p.rows.erase(at);
  }
}

void local_copy::clear(cache_id cache, part& p) {
  bytes_[cache] -= std::exchange(p.bytes, 0);
  p.rows.clear();
}

void local_copy::forgo(cache_id cache, part& p, time_point now) {
  ++numbers_.forgone;
  give_up(p, now + forgone_pause);
  p.is = state::forgone;
  clear(cache, p);
}

std::size_t local_copy::whole(cache_id cache) const noexcept {
  return static_cast<std::size_t>(std::count_if(parts_.begin(), parts_.end(), [cache](const auto& at) {
    return at.first.first == cache && at.second.is == state::whole;
  }));
}

// --- repairs

void local_copy::give_up(part& p, time_point again) {
  p.is = state::stale;
  p.again = again;
  p.token = 0;
  p.gone.clear();
  p.listed.clear();
  p.next.reset();
}

void local_copy::tick_part(part& p, std::uint64_t bytes, std::uint64_t most, time_point now) {
  if (p.is == state::forgone && now >= p.again && bytes < most / 4 * 3) p.is = state::stale;
  if (p.is == state::repairing && now - p.asked >= 2 * page_max) give_up(p, now + retry);
}

std::vector<copy_request> local_copy::on_tick(time_point now) {
  std::erase_if(passed_, [now](const auto& passed) {
    return passed.second.under_way == 0 && now - passed.second.latest() > trust;
  });
  std::vector<copy_request> out;
  std::size_t repairing = 0;
  for (auto& [who, p] : parts_) {
    tick_part(p, bytes_[who.first], bytes_max_[who.first], now);
    repairing += p.is == state::repairing ? 1 : 0;
    if (!p.next) continue;
    out.push_back(std::move(*p.next));
    p.next.reset();
    p.asked = now;
  }
  for (auto& [who, p] : parts_) {
    if (repairing >= repairs_max) break;
    if (p.is != state::stale || !p.told || now < p.again) continue;
    out.push_back(begin(who, p, now));
    ++repairing;
  }
  return out;
}

copy_request local_copy::begin(const part_key& who, part& p, time_point now) {
  ++numbers_.repairs;
  give_up(p, time_point::min());
  p.is = state::repairing;
  p.floor = 0;
  p.token = next_token_++;
  p.salt = dice_.next();
  p.all_here = p.marked = false;
  p.asked = now;
  copy_request r;
  r.token = p.token;
  r.cache = who.first;
  r.shard = who.second;
  r.salt = p.salt;
  if (p.rows.empty()) return r;
  auto& digests = r.digests.emplace();
  digests.fill(0);
  for (const auto& [key, held] : p.rows)
    digests[copy_bucket_of(key, r.salt)] ^= copy_digest_of(key, held.version, r.salt);
  return r;
}

void local_copy::on_page(const copy_request& of, const std::optional<copy_page>& page, time_point now) {
  const auto at = parts_.find({of.cache, of.shard});
  if (at == parts_.end() || at->second.is != state::repairing || at->second.token != of.token) return;
  auto& p = at->second;
  if (!page || page->token != of.token) return give_up(p, now + retry);
  if (of.cursor == 0) {
    p.read_at = page->version;
    p.buckets = page->buckets;
  }
  for (const auto& r : page->rows) {
    take_row(of.cache, p, r, now);
    if (p.is != state::repairing) return;  // it does not fit
  }
  p.asked = now;
  if (page->next == 0) return end_pages(of.cache, p);
  auto& next = p.next.emplace(of);
  next.digests.reset();
  next.buckets = p.buckets;
  next.cursor = page->next;
}

void local_copy::take_row(cache_id cache, part& p, const copy_row& r, time_point now) {
  ++numbers_.rows;
  p.listed.emplace(r.key);
  const auto gone = p.gone.find(r.key);
  if (r.version <= p.floor || (gone != p.gone.end() && r.version <= gone->second)) return;
  row fresh{r.version, time_point::max(), std::nullopt};
  if (r.value) fresh.value.emplace(*r.value);
  if (r.ttl > duration::zero() && r.ttl < time_point::max() - now) fresh.end = now + r.ttl;
  put(cache, p, r.key, std::move(fresh), now);
}

// What the primary did not show, and was not written since it began to read, is not there.
void local_copy::end_pages(cache_id cache, part& p) {
  for (auto at = p.rows.begin(); at != p.rows.end();) {
    const bool read = (p.buckets >> copy_bucket_of(at->first, p.salt) & 1) != 0;
    if (!read || at->second.version > p.read_at || p.listed.contains(at->first)) {
      ++at;
      continue;
    }
    const auto bytes = size_of(at->first, at->second);
    p.bytes -= bytes;
    bytes_[cache] -= bytes;
    at = p.rows.erase(at);
  }
  p.listed.clear();
  p.all_here = true;
  settle(p);
}

void local_copy::settle(part& p) {
  if (!p.all_here || !p.marked) return;
  p.is = state::whole;
  p.gone.clear();
}

}  // namespace troupe
