#include "runtime/cache/shard_store.hpp"

#include <algorithm>
#include <cstdlib>

#include "runtime/base/check.hpp"
#include "runtime/cache/entry.hpp"

namespace troupe {

namespace {

cache_reply refusal(errc code, std::uint64_t version = 0) noexcept {
  cache_reply r;
  r.code = code;
  r.version = version;
  return r;
}

// now + ttl, without overflow; a point that far away is as good as never.
time_point add_saturating(time_point now, duration ttl) noexcept {
  return ttl > time_point::max() - now ? time_point::max() : now + ttl;
}

}  // namespace

shard_store::shard_store(const store_settings& settings) noexcept : settings_(settings), dice_(settings.hash_seed) {
  TROUPE_CHECK(settings_.ledger != nullptr);
  static const value_limits usual;
  if (settings_.limits == nullptr) settings_.limits = &usual;
  static const cache_rule_book none;
  if (settings_.rules == nullptr) settings_.rules = &none;
}

shard_store::shard_store(shard_store&& other) noexcept : settings_(other.settings_), dice_(other.dice_) {
  std::swap(table_, other.table_);
  std::swap(mask_, other.mask_);
  std::swap(order_, other.order_);
  std::swap(count_, other.count_);
  std::swap(dropped_, other.dropped_);
  std::swap(parts_, other.parts_);
  std::swap(bytes_, other.bytes_);
  std::swap(with_expiry_, other.with_expiry_);
  version_ = other.version_;
  commits_ = other.commits_;
  evicted_ = other.evicted_;
  expired_ = other.expired_;
  std::swap(wheel_, other.wheel_);
  std::swap(wheel_bytes_, other.wheel_bytes_);
}

shard_store::~shard_store() { clear(); }

cache_reply shard_store::apply(const cache_command& command, time_point now) {
  switch (command.op) {
    case cache_op::get:
    case cache_op::head: return read(command, now);
    case cache_op::put: return put(command, now);
    case cache_op::erase: return erase(command, now);
    case cache_op::run: break;  // held_shard does those
  }
  return refusal(errc::invalid_argument);
}

bool shard_store::apply_if_present(const cache_command& command, time_point now, visitor visit) {
  if (command.op != cache_op::get && command.op != cache_op::head) return false;
  const auto slot = find_live(refer(command.cache, command.key), now);
  if (slot == no_slot) return false;
  visit(show(*at(slot), command.op, now));
  return true;
}

cache_reply shard_store::read(const cache_command& c, time_point now) {
  const auto slot = find_live(refer(c.cache, c.key), now);
  if (slot == no_slot) return refusal(errc::not_found);
  return show(*at(slot), c.op, now);
}

cache_reply shard_store::show(entry& e, cache_op op, time_point now) noexcept {
  e.used = next_use(e.used, now);
  cache_reply r;
  r.version = e.version;
  if (e.has_expiry != 0) r.ttl = e.expiry() - now;
  if (op != cache_op::get) return r;
  if (e.is_object != 0) return refusal(errc::wrong_type, e.version);
  r.value = e.value();
  return r;
}

shard_store::entry_view shard_store::view_of(const entry& e, time_point now) noexcept {
  entry_view v;
  v.cache = static_cast<cache_id>(e.cache);
  v.key = e.key();
  v.object = e.object();
  if (v.object == nullptr) v.value = e.value();
  v.version = e.version;
  if (e.has_expiry != 0) v.ttl = e.expiry() - now;
  return v;
}

cache_reply shard_store::put(const cache_command& c, time_point now) {
  if (c.key.size() > key_bytes_max || c.value.size() > value_bytes_max) return refusal(errc::too_large);
  if (c.ttl < duration::zero() || c.cache >= caches_max) return refusal(errc::invalid_argument);
  const auto k = refer(c.cache, c.key);
  const auto slot = find_live(k, now);
  const entry* present = slot == no_slot ? nullptr : at(slot);
  const std::uint64_t present_version = present == nullptr ? 0 : present->version;
  switch (c.condition) {
    case write_condition::none: break;
    case write_condition::if_absent:
      if (present != nullptr) return refusal(errc::condition_failed, present_version);
      break;
    case write_condition::if_present:
      if (present == nullptr) return refusal(errc::condition_failed);
      break;
    case write_condition::if_version:
      if (present == nullptr || present_version != c.version) return refusal(errc::condition_failed, present_version);
      break;
  }
  content fresh{c.value, version_ + 1, never};
  if (c.keep_ttl && present != nullptr) {
    fresh.expiry = present->expiry();
  } else if (c.ttl > duration::zero()) {
    fresh.expiry = add_saturating(now, c.ttl);
  }
  if (!write(slot, k, fresh, now)) return refusal(errc::out_of_memory, present_version);
  version_ = fresh.version;
  cache_reply r;
  r.version = fresh.version;
  if (fresh.expiry != never) r.ttl = fresh.expiry - now;
  return r;
}

cache_reply shard_store::erase(const cache_command& c, time_point now) {
  const auto slot = find_live(refer(c.cache, c.key), now);
  if (slot == no_slot) return refusal(errc::not_found);
  const std::uint64_t present_version = at(slot)->version;
  const bool wrong_version = c.condition == write_condition::if_version && present_version != c.version;
  if (wrong_version || c.condition == write_condition::if_absent)
    return refusal(errc::condition_failed, present_version);
  remove(slot);
  shrink_if_sparse();
  cache_reply r;
  r.version = ++version_;
  return r;
}

bool shard_store::apply_committed(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                                  duration ttl, time_point now) {
  ++commits_;
  return store_newer(refer(cache, key), {value, version, never}, ttl, now);
}

bool shard_store::copy_entry(const entry_view& e, time_point now) {
  if (e.is_object) return copy_object(e, now);
  if (apply_committed(e.cache, e.key, e.value, e.version, e.ttl, now) || e.ttl < duration::zero()) return true;
  const auto slot = find(refer(e.cache, e.key));
  return e.version <= floor_of(e.cache) || (slot != no_slot && at(slot)->version >= e.version);
}

std::optional<shard_store::entry_view> shard_store::peek(cache_id cache, std::string_view key,
                                                         time_point now) const noexcept {
  const auto slot = find(refer(cache, key));
  if (slot == no_slot || at(slot)->is_expired(now)) return std::nullopt;
  return view_of(*at(slot), now);
}

bool shard_store::apply_loaded(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                               duration ttl, time_point now, std::uint64_t as_of) {
  if (as_of != UINT64_MAX && as_of != commits_) return false;
  return store_newer(refer(cache, key), {value, version, never}, ttl, now);
}

bool shard_store::store_newer(const key_ref& k, content c, duration ttl, time_point now) {
  version_ = std::max(version_, c.version);
  const auto slot = find_live(k, now);
  if (slot != no_slot && at(slot)->version >= c.version) return false;
  if (const auto floor = floor_of(k.cache); floor != 0 && c.version <= floor) return false;
  if (ttl > duration::zero()) c.expiry = add_saturating(now, ttl);
  const bool storable = ttl >= duration::zero() && k.cache < caches_max && k.key.size() <= key_bytes_max &&
                        c.value.size() <= value_bytes_max;
  if (storable && write(slot, k, c, now)) return true;
  // Eviction on the way to the refusal may have moved or removed the old entry.
  if (const auto old = find(k); old != no_slot) remove(old);
  return false;
}

bool shard_store::apply_erased(cache_id cache, std::string_view key, std::uint64_t version) {
  ++commits_;
  version_ = std::max(version_, version);
  const auto slot = find(refer(cache, key));
  if (slot == no_slot || at(slot)->version >= version) return false;
  remove(slot);
  shrink_if_sparse();
  return true;
}

std::uint64_t shard_store::next_version(std::uint64_t above) noexcept {
  version_ = std::max(version_, above) + 1;
  return version_;
}

void shard_store::begin_epoch(std::uint64_t epoch) noexcept {
  version_ = std::max(version_, std::min(epoch, version_epoch_max) << version_counter_bits);
}

}  // namespace troupe
