// What a shard store keeps apart by cache: counts, limits of their own, and drops of all their values.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "runtime/cache/entry.hpp"

namespace troupe {

shard_store::cache_part& shard_store::part(cache_id cache) {
  if (cache >= parts_.size()) parts_.resize(std::size_t{cache} + 1);
  return parts_[cache];
}

bool shard_store::is_dropped(const entry& e) const noexcept {
  return dropped_ != 0 && e.version <= floor_of(static_cast<cache_id>(e.cache));
}

void shard_store::charge(cache_id cache, std::uint64_t bytes) noexcept {
  parts_[cache].bytes += bytes;
  if (settings_.caches != nullptr) settings_.caches->add(cache, bytes, 0);
}

void shard_store::discharge(cache_id cache, std::uint64_t bytes) noexcept {
  parts_[cache].bytes -= bytes;
  if (settings_.caches != nullptr) settings_.caches->give(cache, bytes, 0);
}

// By the cache's own limits: its own entries give way, in this shard.
bool shard_store::take_cache_room(cache_id cache, std::uint64_t bytes, std::uint64_t keys, const entry* keep,
                                  time_point now) {
  if (unbounded_ || has_room(cache, bytes, keys)) return true;
  if (!settings_.caches->can_ever_hold(cache, bytes)) return false;
  while (!has_room(cache, bytes, keys)) {
    if (!evict_one(keep, now, cache)) return false;
  }
  return true;
}

// What is dropped lies in the table until it is freed, as if under another key: it is not found, and the same key may
// be there a second time.
void shard_store::drop(cache_id cache, std::uint64_t version) {
  ++commits_;
  if (cache >= caches_max) return;
  auto& p = part(cache);
  const bool all = version >= version_;
  version_ = std::max(version_, version);
  if (version <= p.floor) return;
  std::uint32_t gone = all ? p.keys : 0;
  // Of another order than versions: in a hand-over later values come before the drop.
  for (std::uint32_t i = 0; !all && p.keys != 0 && i < capacity(); ++i)
    gone += table_[i] != 0 && at(i)->cache == cache && at(i)->version > p.floor && at(i)->version <= version ? 1 : 0;
  p.floor = version;
  p.keys -= gone;
  dropped_ += gone;
  if (settings_.caches != nullptr) settings_.caches->give(cache, 0, gone);
}

void shard_store::free_dropped(std::size_t budget) {
  for (std::size_t looked = 0; looked < budget && dropped_ != 0; ++looked) {
    if (table_[free_slot_] != 0 && is_dropped(*at(free_slot_))) {
      remove(free_slot_);  // another entry may have moved here
    } else {
      free_slot_ = (free_slot_ + 1) & mask_;
    }
  }
  shrink_if_sparse();
}

void shard_store::clear() noexcept {
  for (std::uint32_t i = 0; i < capacity(); ++i) {
    if (table_[i] == 0) continue;
    delete at(i)->object();
    std::free(at(i));
  }
  std::free(std::exchange(table_, nullptr));
  give_room(bytes_);
  if (settings_.caches != nullptr) {
    for (std::size_t c = 0; c < parts_.size(); ++c)
      settings_.caches->give(static_cast<cache_id>(c), parts_[c].bytes, parts_[c].keys);
  }
  mask_ = 0;
  count_ = dropped_ = free_slot_ = 0;
  for (auto& p : parts_) p = cache_part{.evicted = p.evicted};
  with_expiry_ = 0;
  evict_slot_ = 0;
  wheel_.clear();
  wheel_bytes_ = 0;  // given back with the rest
}

void shard_store::clear(cache_id cache) noexcept {
  for (std::uint32_t i = 0; i < capacity();) {
    if (table_[i] != 0 && at(i)->cache == cache) {
      remove(i);  // another entry may have moved here
    } else {
      ++i;
    }
  }
  shrink_if_sparse();
}

}  // namespace troupe
