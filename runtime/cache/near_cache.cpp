#include "runtime/cache/near_cache.hpp"

#include <algorithm>

#include "runtime/base/random.hpp"

namespace troupe {

near_cache::near_cache(std::vector<std::uint64_t> bytes_max, std::uint64_t seed)
    : bytes_max_(std::move(bytes_max)),
      bytes_(bytes_max_.size()),
      uses_(bytes_max_.size()),
      next_session_(random(seed).next() | 1) {}

std::optional<near_cache::shown> near_cache::find(cache_id cache, std::string_view key, std::uint64_t owner,
                                                  time_point now) {
  const auto at = entries_.find(name{cache, std::string(key)});
  if (at == entries_.end()) return std::nullopt;
  auto& e = at->second;
  if (e.owner != owner || now >= e.end) {
    drop(at);
    return std::nullopt;
  }
  auto& s = sessions_.at(owner);
  s.used = now;
  if (now > s.trusted_until) return std::nullopt;
  ++numbers_.hits;
  auto& uses = uses_[cache];
  uses.splice(uses.end(), uses, e.use);
  return shown{e.value, e.version, e.end == time_point::max() ? duration::zero() : e.end - now};
}

near_cache::read_begun near_cache::begin_read(cache_id cache, std::string_view key, std::uint64_t owner,
                                              time_point now) {
  name who{cache, std::string(key)};
  auto [at, fresh] = sessions_.try_emplace(owner);
  auto& s = at->second;
  if (fresh) s.number = next_session_++;
  s.used = now;
  if (reads_.size() >= reads_max) {
    on_command(cache, key);  // what it brings may be newer than what is kept, or is about to be
    return {};
  }
  const read_begun begun{next_read_++, s.open ? s.number : 0};
  reads_of_.emplace(who, begun.read);
  reads_.emplace(begun.read, read_row{std::move(who), owner, begun.session, now, false});
  return begun;
}

void near_cache::end_read(std::uint64_t read, const std::optional<fetched>& value, time_point now) {
  const auto found = reads_.find(read);
  if (found == reads_.end()) return;
  const auto row = std::move(found->second);
  reads_.erase(found);
  const auto [first, last] = reads_of_.equal_range(row.who);
  for (auto i = first; i != last; ++i) {
    if (i->second != read) continue;
    reads_of_.erase(i);
    break;
  }
  const auto here = sessions_.find(row.owner);
  const bool same = here != sessions_.end() && here->second.open && here->second.number == row.session;
  const auto old = entries_.find(row.who);
  if (old != entries_.end() && value && !row.overtaken && old->second.version >= value->version &&
      old->second.owner == row.owner)
    return;  // a later read was answered sooner
  const auto cache = row.who.cache;
  const auto bytes = value ? entry_overhead + 2 * row.who.key.size() + value->value.size() : 0;
  const auto end = value && value->ttl > duration::zero() && value->ttl < time_point::max() - row.began
                       ? row.began + value->ttl
                       : time_point::max();
  if (!value || !value->told || row.overtaken || !same || bytes > bytes_max_[cache] || now >= end)
    return on_command(cache, row.who.key);
  if (old != entries_.end()) drop(old);
  while (bytes_[cache] + bytes > bytes_max_[cache]) drop(entries_.find(uses_[cache].front()));
  auto& e = entries_[row.who];
  e.owner = row.owner;
  e.value = value->value;
  e.version = value->version;
  e.end = end;
  e.use = uses_[cache].insert(uses_[cache].end(), row.who);
  bytes_[cache] += bytes;
  ++here->second.kept;
  ++numbers_.kept;
}

// Reads of the key that are under way may bring something older than what was kept here.
void near_cache::drop(entries::iterator at) {
  const auto who = at->first;
  const auto& e = at->second;
  bytes_[who.cache] -= entry_overhead + 2 * who.key.size() + e.value.size();
  uses_[who.cache].erase(e.use);
  if (const auto s = sessions_.find(e.owner); s != sessions_.end()) --s->second.kept;
  entries_.erase(at);
  overtake(who);
}

void near_cache::overtake(const name& who) {
  const auto [first, last] = reads_of_.equal_range(who);
  for (auto i = first; i != last; ++i) reads_.at(i->second).overtaken = true;
}

void near_cache::on_command(cache_id cache, std::string_view key) {
  const name who{cache, std::string(key)};
  if (const auto at = entries_.find(who); at != entries_.end()) drop(at);
  overtake(who);
}

void near_cache::on_command(cache_id cache) {
  for (auto at = entries_.lower_bound(name{cache, {}}); at != entries_.end() && at->first.cache == cache;) drop(at++);
  for (auto& [number, row] : reads_) row.overtaken = row.overtaken || row.who.cache == cache;
}

void near_cache::drop_owner(std::uint64_t owner) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto here = at++;
    if (here->second.owner == owner) drop(here);
  }
  for (auto& [number, row] : reads_) row.overtaken = row.overtaken || row.owner == owner;
}

void near_cache::on_owners_changed() {
  for (auto at = entries_.begin(); at != entries_.end();) drop(at++);
  for (auto& [number, row] : reads_) row.overtaken = true;
}

void near_cache::reset(std::uint64_t owner, time_point now) {
  ++numbers_.resets;
  drop_owner(owner);
  auto& s = sessions_.at(owner);
  s.number = next_session_++;
  s.next = 1;
  s.open = s.polling = false;
  s.trusted_until = time_point::min();
  s.sent = now;  // not at once again
}

std::vector<near_cache::poll> near_cache::on_tick(time_point now) {
  std::vector<poll> polls;
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    auto& [owner, s] = *at;
    if (s.polling && now - s.sent >= poll_max) reset(owner, now);
    if (!s.polling && s.kept == 0 && now - s.used >= idle_max) {
      at = sessions_.erase(at);
      continue;
    }
    if (!s.polling && (s.sent == time_point::min() || now - s.sent >= poll_interval)) {
      s.polling = true;
      s.sent = now;
      polls.push_back({owner, s.number});
    }
    ++at;
  }
  return polls;
}

void near_cache::on_answer(const poll& of, const std::optional<near_answer>& answer, time_point now) {
  const auto found = sessions_.find(of.owner);
  if (found == sessions_.end() || found->second.number != of.session || !found->second.polling) return;
  auto& s = found->second;
  if (!answer || answer->number != s.next) return reset(of.owner, now);
  s.polling = false;
  if (answer->reset) drop_owner(of.owner);
  for (const auto& c : answer->changes) {
    ++numbers_.told;
    if (c.all)
      on_command(c.cache);
    else
      on_command(c.cache, c.key);
  }
  ++s.next;
  s.open = true;
  s.trusted_until = s.sent + trust;
}

}  // namespace troupe
