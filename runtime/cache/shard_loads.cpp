#include "runtime/cache/shard_loads.hpp"

#include <algorithm>

namespace troupe {

shard_loads::~shard_loads() {
  for (auto& [number, f] : flights_) {
    f.budget->give_run();
    for (std::size_t i = 0; i < f.callers.size(); ++i) f.budget->give_wait();
  }
  while (!kept_.empty()) forget(kept_.begin());
}

shard_loads::asked shard_loads::ask(const request& r, time_point now, reply_callback& done) {
  asked a;
  const name who(r.cache, r.key);
  auto kept = kept_.find(who);
  if (kept != kept_.end() && kept->second.until <= now) {
    forget(kept);
    kept = kept_.end();
  }
  if (kept != kept_.end() && kept->second.negative) {
    a.what = outcome::none;
    return a;
  }
  const bool stale = kept != kept_.end();
  if (stale) {
    a = {outcome::stale, 0, kept->second.value, kept->second.version, kept->second.until - now};
    if (now < kept->second.again) return a;
  }
  // Who may wait asks again, and begins it: an error that came between would be of no use to anybody.
  if (!stale && !r.may_wait) {
    a.what = outcome::loading;
    return a;
  }
  auto found = by_name_.find(who);
  if (found == by_name_.end()) {
    begin(r, now, a);
    if (a.begin == 0 || stale) return a;
    found = by_name_.find(who);
  }
  if (stale) return a;
  auto& f = flights_.at(found->second);
  if (!f.budget->take_wait()) return a;  // full; a load that began for it goes on
  f.callers.push_back({r.deadline, std::exchange(done, nullptr)});
  a.what = outcome::waits;
  return a;
}

void shard_loads::begin(const request& r, time_point now, asked& a) {
  if (!r.budget->take_run()) return;
  a.begin = next_++;
  auto& f = flights_[a.begin];
  f.cache = r.cache;
  f.key = r.key;
  f.budget = r.budget;
  f.give_up_at = now + r.patience;
  by_name_.emplace(name(r.cache, r.key), a.begin);
}

const shard_loads::flight* shard_loads::find(std::uint64_t load) const noexcept {
  const auto at = flights_.find(load);
  return at == flights_.end() ? nullptr : &at->second;
}

std::vector<shard_loads::caller> shard_loads::take(std::uint64_t load) {
  const auto at = flights_.find(load);
  if (at == flights_.end()) return {};
  overtake(at->second);
  auto callers = std::move(at->second.callers);
  at->second.budget->give_run();
  for (std::size_t i = 0; i < callers.size(); ++i) at->second.budget->give_wait();
  flights_.erase(at);
  return callers;
}

void shard_loads::tell(caller& c, load_budget& budget, owned_reply reply) {
  budget.give_wait();
  called_.push_back({std::move(reply), std::move(c.done)});
}

void shard_loads::end(flights::iterator at, const owned_reply& reply) {
  overtake(at->second);
  for (auto& c : at->second.callers) tell(c, *at->second.budget, reply);
  at->second.budget->give_run();
  flights_.erase(at);
}

void shard_loads::finish_none(std::uint64_t load, duration ttl, time_point now) {
  const auto at = flights_.find(load);
  if (at == flights_.end()) return;
  const name who(at->second.cache, at->second.key);
  if (at->second.current) {
    // There is none any more: an old value is not given either.
    if (const auto old = kept_.find(who); old != kept_.end()) forget(old);
    kept_row row;
    row.negative = true;
    row.until = now + std::min<duration>(ttl, time_point::max() - now);
    if (ttl > duration::zero()) keep(who, std::move(row));
  }
  end(at, owned_reply::failed(errc::not_found));
}

void shard_loads::finish_failed(std::uint64_t load, errc code, const std::string& context, time_point now) {
  const auto at = flights_.find(load);
  if (at == flights_.end()) return;
  const auto old = kept_.find(name(at->second.cache, at->second.key));
  if (at->second.current && old != kept_.end()) old->second.again = now + failed_pause;
  end(at, owned_reply::failed(code, context));
}

void shard_loads::keep_stale(cache_id cache, std::string key, std::string value, std::uint64_t version,
                             time_point until, time_point now) {
  if (until <= now) return;
  name who(cache, std::move(key));
  if (const auto old = kept_.find(who); old != kept_.end()) forget(old);
  kept_row row;
  row.value = std::move(value);
  row.version = version;
  row.until = until;
  keep(std::move(who), std::move(row));
}

// The oldest of this shard go first.
bool shard_loads::make_room(std::uint64_t bytes) {
  if (bytes > bound_.max()) return false;
  while (!bound_.take(bytes)) {
    if (ages_.empty()) return false;
    forget(kept_.find(ages_.front()));
  }
  memory_.add(bytes);
  return true;
}

void shard_loads::keep(name who, kept_row row) {
  if (!make_room(size_of(who, row))) return;
  row.age = ages_.insert(ages_.end(), who);
  kept_.emplace(std::move(who), std::move(row));
}

shard_loads::kept_rows::iterator shard_loads::forget(kept_rows::iterator at) {
  const auto bytes = size_of(at->first, at->second);
  bound_.give(bytes);
  memory_.give(bytes);
  ages_.erase(at->second.age);
  return kept_.erase(at);
}

void shard_loads::overtake(flight_row& f) {
  if (!std::exchange(f.current, false)) return;
  by_name_.erase(name(f.cache, f.key));
}

void shard_loads::on_write(cache_id cache, std::string_view key) {
  if (kept_.empty() && by_name_.empty()) return;
  const name who(cache, key);
  if (const auto old = kept_.find(who); old != kept_.end()) forget(old);
  const auto found = by_name_.find(who);
  if (found != by_name_.end() && found->second != storing_) overtake(flights_.at(found->second));
}

void shard_loads::on_drop(cache_id cache) {
  for (auto at = kept_.lower_bound(name(cache, "")); at != kept_.end() && at->first.first == cache;) at = forget(at);
  for (auto& [number, f] : flights_) {
    if (f.cache == cache) overtake(f);
  }
}

void shard_loads::on_tick(time_point now) {
  for (auto at = flights_.begin(); at != flights_.end();) {
    const auto here = at++;
    auto& f = here->second;
    if (f.give_up_at <= now) {
      finish_failed(here->first, errc::deadline_exceeded, "the loader did not answer in time", now);
      continue;
    }
    std::erase_if(f.callers, [&](caller& c) {
      if (c.deadline > now) return false;
      tell(c, *f.budget, owned_reply::failed(errc::deadline_exceeded, "the loader did not answer in time"));
      return true;
    });
  }
}

void shard_loads::sweep(time_point now) {
  for (auto left = std::min(swept_max, ages_.size()); left > 0; --left) {
    const auto at = kept_.find(ages_.front());
    if (at->second.until <= now)
      forget(at);
    else
      ages_.splice(ages_.end(), ages_, ages_.begin());
  }
}

void shard_loads::give_up(errc code) {
  while (!flights_.empty())
    end(flights_.begin(), owned_reply::failed(code, "the shard moved while a value was loaded"));
  while (!kept_.empty()) forget(kept_.begin());
}

}  // namespace troupe
