#include "runtime/membership/member_table.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace troupe::membership {

namespace {

std::uint64_t mix(std::uint64_t h) noexcept {
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}

/// The incarnation id is random and unique: it stands for the name.
std::uint64_t hash_of(const record& r) noexcept {
  const std::uint64_t leaving = r.state == member_state::departing ? 1 : 0;
  return mix(r.id.high ^ mix(r.id.low ^ mix(r.incarnation * 2 + leaving)));
}

}  // namespace

const record* member_table::find(std::string_view name) const {
  const auto at = members_.find(name);
  return at == members_.end() ? nullptr : &at->second;
}

record* member_table::find(std::string_view name) {
  const auto at = members_.find(name);
  return at == members_.end() ? nullptr : &at->second;
}

record& member_table::put(record r, random& rng) {
  auto at = members_.find(r.name);
  const bool was_live = at != members_.end() && is_live(at->second.state);
  if (at == members_.end()) {
    auto name = r.name;
    at = members_.emplace(std::move(name), std::move(r)).first;
  } else {
    at->second = std::move(r);
  }
  const bool live = is_live(at->second.state);
  if (live && !was_live) enter(at->second, rng);
  if (!live && was_live) remove_from_live(at->second);
  return at->second;
}

void member_table::set_state(record& r, member_state s, time_point now) {
  const bool was_live = is_live(r.state);
  if (r.state != s) r.since = now;
  r.state = s;
  if (was_live && !is_live(s)) remove_from_live(r);
  if (!was_live && is_live(s)) {
    live_.push_back(&r);
    round_.push_back(r.name);
  }
}

void member_table::erase(const std::string& name) {
  const auto at = members_.find(name);
  if (at == members_.end()) return;
  if (is_live(at->second.state)) remove_from_live(at->second);
  members_.erase(at);
}

void member_table::clear() {
  members_.clear();
  live_.clear();
  round_.clear();
  round_at_ = 0;
}

void member_table::enter(record& r, random& rng) {
  live_.push_back(&r);
  const std::size_t ahead = round_.size() - round_at_;
  const auto place = round_.begin() + static_cast<std::ptrdiff_t>(round_at_ + rng.below(ahead + 1));
  round_.insert(place, r.name);
}

void member_table::remove_from_live(const record& r) {
  const auto at = std::find(live_.begin(), live_.end(), &r);
  if (at == live_.end()) return;
  *at = live_.back();
  live_.pop_back();
}

record* member_table::next_to_probe(random& rng, function_ref<bool(const record&)> wanted) {
  for (std::size_t looked = 0; looked <= live_.size(); ++looked) {
    if (round_at_ >= round_.size()) {
      if (live_.empty()) return nullptr;
      round_.clear();
      for (const auto* r : live_) round_.push_back(r->name);
      rng.shuffle(round_);
      round_at_ = 0;
    }
    record* r = find(round_[round_at_++]);
    if (r != nullptr && is_live(r->state) && wanted(*r)) return r;
  }
  return nullptr;
}

std::vector<record*> member_table::pick(std::size_t count, random& rng, function_ref<bool(const record&)> wanted) {
  // Fisher-Yates from the front, stopped when enough are found: live_ stays a permutation of itself.
  std::vector<record*> picked;
  for (std::size_t i = 0; i < live_.size() && picked.size() < count; ++i) {
    std::swap(live_[i], live_[i + rng.below(live_.size() - i)]);
    if (wanted(*live_[i])) picked.push_back(live_[i]);
  }
  return picked;
}

record* member_table::pick_failed(random& rng) {
  record* picked = nullptr;
  std::uint64_t seen = 0;
  for (auto& [name, r] : members_) {
    if (r.state == member_state::failed && rng.below(++seen) == 0) picked = &r;
  }
  return picked;
}

std::uint64_t member_table::live_hash(const record& self) const {
  std::uint64_t sum = hash_of(self);
  for (const auto* r : live_) sum += hash_of(*r);
  return sum;
}

}  // namespace troupe::membership
