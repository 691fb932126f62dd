#include "runtime/cache/near_interest.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

bool near_interest::on_read(std::uint64_t number, cache_id cache, std::string_view key) {
  const auto found = sessions_.find(number);
  if (found == sessions_.end()) return false;
  auto& s = found->second;
  name who(cache, key);
  if (s.keys.contains(who)) return true;
  if (s.keys.size() >= keys_max) {
    tell(s, {s.ages.front().first, s.ages.front().second, false});
    s.keys.erase(s.ages.front());
    s.ages.pop_front();
  }
  const auto age = s.ages.insert(s.ages.end(), who);
  s.keys.emplace(std::move(who), age);
  return true;
}

void near_interest::tell(session& s, near_answer::change c) {
  if (s.reset) return;
  if (s.changes.size() >= near_changes_max) return forget_all(s);
  s.changes.push_back(std::move(c));
}

void near_interest::forget_all(session& s) {
  s.reset = true;
  s.keys.clear();
  s.ages.clear();
  s.changes.clear();
}

void near_interest::on_write(cache_id cache, std::string_view key) {
  const name who(cache, key);
  for (auto& [number, s] : sessions_) {
    const auto found = s.keys.find(who);
    if (found == s.keys.end()) continue;
    s.ages.erase(found->second);
    s.keys.erase(found);
    tell(s, {cache, who.second, false});
  }
}

void near_interest::on_drop(cache_id cache) {
  for (auto& [number, s] : sessions_) {
    const auto first = s.keys.lower_bound(name(cache, ""));
    auto last = first;
    for (; last != s.keys.end() && last->first.first == cache; ++last) s.ages.erase(last->second);
    if (first == last) continue;
    s.keys.erase(first, last);
    tell(s, {cache, {}, true});
  }
}

void near_interest::on_lost() {
  for (auto& [number, s] : sessions_) forget_all(s);
}

void near_interest::on_tick(time_point now) {
  std::erase_if(sessions_, [now](const auto& row) { return now - row.second.polled > silence_max; });
}

near_answer near_interest::on_poll(std::uint64_t number, time_point now) {
  if (const auto known = sessions_.find(number); known != sessions_.end()) known->second.polled = now;
  on_tick(now);
  near_answer a;
  if (!sessions_.contains(number) && sessions_.size() >= sessions_max) return a;  // number 0: not taken
  auto& s = sessions_[number];
  s.polled = now;
  a.number = ++s.answered;
  a.reset = std::exchange(s.reset, false);
  a.changes = std::exchange(s.changes, {});
  return a;
}

std::size_t near_interest::keys() const noexcept {
  std::size_t n = 0;
  for (const auto& [number, s] : sessions_) n += s.keys.size();
  return n;
}

}  // namespace troupe
