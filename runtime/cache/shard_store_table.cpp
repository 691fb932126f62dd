// The table half of shard_store: probing, room, eviction, scan.
#include <algorithm>
#include <cstdlib>

#include "runtime/base/check.hpp"
#include "runtime/cache/entry.hpp"
#include "runtime/cache/key_hash.hpp"

namespace troupe {

namespace {

constexpr std::uint32_t slots_min = scan_order::block_slots;
constexpr unsigned slots_log2_max = 31;
constexpr std::size_t eviction_samples = 8;
// Slots that are looked at for them, when few entries may be evicted.
constexpr std::uint32_t eviction_looks_max = 4096;

constexpr std::uint32_t position_of(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash >> 32); }
constexpr std::uint64_t tag_of(std::uint64_t hash) noexcept { return hash << address_bits; }

// Grow beyond 3/4, shrink below 1/8: far enough apart not to swing.
constexpr bool is_full(std::uint64_t entries, std::uint64_t slots) noexcept { return entries * 4 > slots * 3; }
constexpr bool is_sparse(std::uint64_t entries, std::uint64_t slots) noexcept {
  return slots > slots_min && entries * 8 < slots;
}

constexpr std::uint64_t table_footprint(std::uint64_t slots) noexcept {
  return slots == 0 ? 0 : footprint_of(slots * sizeof(std::uint64_t));
}

}  // namespace

shard_store::key_ref shard_store::refer(cache_id cache, std::string_view key) const noexcept {
  return {key_hash(key, settings_.hash_seed ^ (std::uint64_t{cache} * 0x9e3779b97f4a7c15ULL)), cache, key};
}

shard_store::entry* shard_store::at(std::uint32_t slot) const noexcept {
  return reinterpret_cast<entry*>(table_[slot] & address_mask);
}

std::uint32_t shard_store::find(const key_ref& k) const noexcept {
  if (count_ == 0) return no_slot;
  const std::uint64_t tag = tag_of(k.hash);
  for (std::uint32_t slot = order_.home_of(position_of(k.hash)); table_[slot] != 0; slot = (slot + 1) & mask_) {
    if (((table_[slot] ^ tag) & ~address_mask) != 0) continue;
    const entry& e = *at(slot);
    if (e.position == position_of(k.hash) && e.cache == k.cache && e.key() == k.key && !is_dropped(e)) return slot;
  }
  return no_slot;
}

std::uint32_t shard_store::find_live(const key_ref& k, time_point now) {
  const auto slot = find(k);
  if (slot == no_slot || !at(slot)->is_expired(now)) return slot;
  remove_unasked(slot);
  ++expired_;
  return no_slot;
}

void shard_store::fill(entry& e, const key_ref& k, const content& c, std::uint32_t used,
                       expiry_wheel::bucket from) noexcept {
  e.version = c.version;
  e.position = position_of(k.hash);
  e.value_size = static_cast<std::uint32_t>(c.value.size());
  e.used = used;
  e.cache = k.cache & (caches_max - 1);
  e.key_size = static_cast<std::uint32_t>(k.key.size()) & 0x1ffff;
  e.has_expiry = c.expiry != never;
  e.is_object = c.object != nullptr;
  char* p = e.bytes();
  if (!k.key.empty()) std::memcpy(p, k.key.data(), k.key.size());
  p += k.key.size();
  if (!c.value.empty()) std::memcpy(p, c.value.data(), c.value.size());
  if (c.expiry == never) return;
  ++with_expiry_;
  e.set_expiry(c.expiry);
  e.set_bucket(from);
}

bool shard_store::overwrite(std::uint32_t slot, const key_ref& k, const content& c, time_point now) {
  entry* old = at(slot);
  const std::uint64_t had = old->footprint();
  const std::uint64_t needs = footprint_of(entry::size_of(k, c));
  if (needs == had) {
    with_expiry_ -= old->has_expiry;
    fill(*old, k, c, next_use(old->used, now), old->bucket());
    schedule(*old);
    return true;
  }
  if (needs > had && !take_cache_room(k.cache, needs - had, 0, old, now)) return false;
  if (needs > had && !take_room(needs - had, old, now)) return false;
  auto* fresh = static_cast<entry*>(std::malloc(needs - 8));
  if (fresh == nullptr) {
    if (needs > had) give_room(needs - had);
    return false;
  }
  if (needs < had) give_room(had - needs);
  charge(k.cache, needs);
  discharge(k.cache, had);
  fill(*fresh, k, c, next_use(old->used, now), old->bucket());
  with_expiry_ -= old->has_expiry;
  slot = find(k);  // eviction may have moved it
  table_[slot] = (table_[slot] & ~address_mask) | reinterpret_cast<std::uintptr_t>(fresh);
  std::free(old);
  schedule(*fresh);
  return true;
}

bool shard_store::insert(const key_ref& k, const content& c, time_point now) {
  const std::uint64_t needs = footprint_of(entry::size_of(k, c));
  bool grow = false;
  if (!take_cache_room(k.cache, needs, 1, nullptr, now)) return false;
  if (!take_room_for_insert(needs, now, grow)) return false;
  const std::uint32_t slots = capacity() == 0 ? slots_min : capacity() * 2;
  auto* fresh = static_cast<entry*>(std::malloc(needs - 8));
  if (fresh == nullptr || (grow && !resize(slots))) {
    give_room(needs + (grow ? table_footprint(slots) - table_footprint(capacity()) : 0));
    std::free(fresh);
    return false;
  }
  const auto address = reinterpret_cast<std::uintptr_t>(fresh);
  TROUPE_CHECK((address & ~address_mask) == 0);
  fill(*fresh, k, c, first_use(now), expiry_wheel::no_bucket);
  place(address | tag_of(k.hash), fresh->position);
  ++count_;
  ++part(k.cache).keys;
  charge(k.cache, needs);
  if (settings_.caches != nullptr) settings_.caches->add(k.cache, 0, 1);
  schedule(*fresh);
  return true;
}

void shard_store::place(std::uint64_t tagged, std::uint32_t position) noexcept {
  std::uint32_t slot = order_.home_of(position);
  while (table_[slot] != 0) slot = (slot + 1) & mask_;
  table_[slot] = tagged;
}

// Frees the slot's entry and moves later entries of the run back, so that no tombstone is needed.
void shard_store::remove(std::uint32_t slot) noexcept {
  entry* gone = at(slot);
  const auto cache = static_cast<cache_id>(gone->cache);
  with_expiry_ -= gone->has_expiry;
  if (is_dropped(*gone)) {
    --dropped_;
  } else {
    --parts_[cache].keys;
    if (settings_.caches != nullptr) settings_.caches->give(cache, 0, 1);
  }
  give_room(gone->footprint());
  discharge(cache, gone->footprint());
  destroy(cache, gone->object());
  std::free(gone);
  --count_;
  std::uint32_t hole = slot;
  for (std::uint32_t next = (slot + 1) & mask_; table_[next] != 0; next = (next + 1) & mask_) {
    const std::uint32_t home = order_.home_of(at(next)->position);
    if (((next - home) & mask_) < ((next - hole) & mask_)) continue;
    table_[hole] = table_[next];
    hole = next;
  }
  table_[hole] = 0;
  if (with_expiry_ == 0) forget_references();
}

// Nobody commanded it: who copies the shard has to be told.
void shard_store::remove_unasked(std::uint32_t slot, bool evicted) {
  const entry& e = *at(slot);
  if (removals_ != nullptr && !is_dropped(e)) {
    removed_key gone{static_cast<cache_id>(e.cache), std::string(e.key()), evicted};
    gone.version = e.version;
    if (!evicted && e.is_object == 0 && settings_.rules->of(gone.cache).stale_for > duration::zero()) {
      gone.kept = true;
      gone.value = e.value();
      gone.expiry = e.expiry();
    }
    removals_->push_back(std::move(gone));
  }
  remove(slot);
}

// Moves all slots to a table of another size; the room for it is the caller's affair.
bool shard_store::resize(std::uint32_t slots) noexcept {
  auto* fresh = static_cast<std::uint64_t*>(std::calloc(slots, sizeof(std::uint64_t)));
  if (fresh == nullptr) return false;
  std::uint64_t* old = std::exchange(table_, fresh);
  const std::uint32_t old_slots = old == nullptr ? 0 : mask_ + 1;
  mask_ = slots - 1;
  order_.resize(slots);
  for (std::uint32_t i = 0; i < old_slots; ++i) {
    if (old[i] != 0) place(old[i], reinterpret_cast<entry*>(old[i] & address_mask)->position);
  }
  std::free(old);
  evict_slot_ &= mask_;
  free_slot_ &= mask_;
  return true;
}

void shard_store::shrink_if_sparse() noexcept {
  while (table_ != nullptr && is_sparse(count_, capacity())) {
    const std::uint32_t before = capacity();
    if (!resize(before / 2)) return;
    give_room(table_footprint(before) - table_footprint(before / 2));
  }
}

bool shard_store::take_room(std::uint64_t bytes, const entry* keep, time_point now) {
  if (unbounded_) {
    settings_.ledger->add(bytes);
    bytes_ += bytes;
    return true;
  }
  if (bytes > settings_.ledger->max()) return false;
  while (!settings_.ledger->take(bytes)) {
    if (!evict_one(keep, now)) return false;
  }
  bytes_ += bytes;
  return true;
}

// Room for an entry and, if it would fill the table, for the larger table; evicting may make the
// latter unnecessary again.
bool shard_store::take_room_for_insert(std::uint64_t entry_bytes, time_point now, bool& grow) {
  if (entry_bytes > settings_.ledger->max() && !unbounded_) return false;
  for (;;) {
    const std::uint64_t slots = capacity();
    grow = is_full(std::uint64_t{count_} + 1, slots);
    if (grow && slots >= std::uint64_t{1} << slots_log2_max) return false;
    std::uint64_t bytes = entry_bytes;
    if (grow) bytes += table_footprint(slots == 0 ? slots_min : slots * 2) - table_footprint(slots);
    if (unbounded_ || settings_.ledger->take(bytes)) {
      if (unbounded_) settings_.ledger->add(bytes);
      bytes_ += bytes;
      return true;
    }
    if (!evict_one(nullptr, now)) return false;
  }
}

void shard_store::give_room(std::uint64_t bytes) noexcept {
  bytes_ -= bytes;
  settings_.ledger->give(bytes);
}

std::uint32_t shard_store::first_use(time_point now) const noexcept {
  return counts_frequency(settings_.eviction) ? frequency::with(frequency::initial, now) : recency::at(now);
}

std::uint32_t shard_store::next_use(std::uint32_t used, time_point now) noexcept {
  return counts_frequency(settings_.eviction) ? frequency::after_access(used, now, dice_) : recency::at(now);
}

// The highest goes.
std::uint64_t shard_store::dispensable(const entry& e, time_point now) const noexcept {
  switch (settings_.eviction) {
    case eviction_policy::lfu:
    case eviction_policy::volatile_lfu: return frequency::most - frequency::current(e.used, now);
    case eviction_policy::volatile_ttl: return ~static_cast<std::uint64_t>(e.expiry().time_since_epoch().count());
    case eviction_policy::none:
    case eviction_policy::random:
    case eviction_policy::volatile_random: return 0;
    case eviction_policy::lru:
    case eviction_policy::volatile_lru: break;
  }
  return recency::age(e.used, now);
}

// Of a few entries after the last sample the most dispensable one goes, or one that has expired.
bool shard_store::evict_one(const entry* keep, time_point now, cache_id only) {
  const auto policy = settings_.eviction;
  const bool some = spares_lasting(policy);
  if (count_ == 0 || (only != any_cache && bytes_of(only) == 0)) return false;
  if ((policy == eviction_policy::none || (some && with_expiry_ == 0)) && dropped_ == 0) return false;
  const bool any = policy == eviction_policy::random || policy == eviction_policy::volatile_random;
  if (any) evict_slot_ = static_cast<std::uint32_t>(dice_.below(capacity()));
  std::uint32_t victim = no_slot;
  std::uint64_t victim_worth = 0;
  std::size_t sampled = 0;
  for (std::uint32_t seen = 0; seen <= mask_ && sampled < (any ? 1 : eviction_samples); ++seen) {
    if (victim != no_slot && seen >= eviction_looks_max) break;
    const std::uint32_t slot = evict_slot_;
    evict_slot_ = (evict_slot_ + 1) & mask_;
    if (table_[slot] == 0 || at(slot) == keep || (only != any_cache && at(slot)->cache != only)) continue;
    if (dropped_ != 0 && is_dropped(*at(slot))) {
      remove(slot);
      return true;
    }
    if (policy == eviction_policy::none || (some && at(slot)->has_expiry == 0)) continue;
    ++sampled;
    if (at(slot)->is_expired(now)) {
      remove_unasked(slot);
      ++expired_;
      return true;
    }
    const auto worth = dispensable(*at(slot), now);
    if (victim != no_slot && worth <= victim_worth) continue;
    victim = slot;
    victim_worth = worth;
  }
  if (victim == no_slot) return false;
  ++parts_[at(victim)->cache].evicted;
  remove_unasked(victim, true);
  ++evicted_;
  return true;
}

std::uint64_t shard_store::evict(std::uint64_t bytes, time_point now, cache_id cache) {
  const std::uint64_t before = bytes_;
  while (before - bytes_ < bytes && evict_one(nullptr, now, cache)) {
  }
  shrink_if_sparse();
  return before - bytes_;
}

// Entries whose home is in the block that begins at `first` lie there or in the run of full slots that follows, which
// may go on at slot 0 but not around the whole table.
bool shard_store::is_in_run(std::uint64_t i, std::uint64_t first) const noexcept {
  return i < first + scan_order::block_slots || (i < first + capacity() && table_[i & mask_] != 0);
}

std::uint64_t shard_store::scan(std::uint64_t cursor, std::size_t count, time_point now, entry_visitor visit) const {
  if (count_ == 0 || cursor >= scan_order::turns_end) return 0;
  const std::size_t step = std::max<std::size_t>(count, 1);
  for (std::size_t shown = 0; shown < step;) {
    const auto piece = order_.piece_at(static_cast<std::uint32_t>(cursor), step - shown);
    for (std::uint64_t i = piece.first; is_in_run(i, piece.first); ++i) {
      if (table_[i & mask_] == 0) continue;
      const entry& e = *at(static_cast<std::uint32_t>(i & mask_));
      const auto turn = scan_order::turn_of(e.position);
      if (turn < cursor || turn >= piece.end || e.is_expired(now) || is_dropped(e)) continue;
      visit(view_of(e, now));
      ++shown;
    }
    cursor = piece.end;
    if (cursor >= scan_order::turns_end) return 0;
  }
  return cursor;
}

}  // namespace troupe
