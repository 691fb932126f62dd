// The values of a shard store that are changed by procedures: objects on the ledger, strings that grow, times to live.
#include <algorithm>
#include <cstdlib>

#include "runtime/cache/entry.hpp"

namespace troupe {

bool shard_store::write(std::uint32_t slot, const key_ref& k, const content& c, time_point now) {
  value_object* old = slot == no_slot ? nullptr : at(slot)->object();
  if (old == nullptr && c.object == nullptr) return write_bytes(slot, k, c, now);
  content pointing = c;
  if (c.object != nullptr) pointing.value = {reinterpret_cast<const char*>(&c.object), sizeof c.object};
  if (!write_bytes(slot, k, pointing, now)) return false;
  if (old != c.object) destroy(k.cache, old);
  if (c.object != nullptr) settle(k.cache, *c.object);
  return true;
}

bool shard_store::write_bytes(std::uint32_t slot, const key_ref& k, const content& c, time_point now) {
  return slot == no_slot ? insert(k, c, now) : overwrite(slot, k, c, now);
}

// What the object takes by now is on the ledger.
void shard_store::settle(cache_id cache, value_object& o) noexcept {
  const std::uint64_t bytes = o.bytes();
  if (bytes > o.accounted) {
    settings_.ledger->add(bytes - o.accounted);
    bytes_ += bytes - o.accounted;
    charge(cache, bytes - o.accounted);
  } else {
    give_room(o.accounted - bytes);
    discharge(cache, o.accounted - bytes);
  }
  o.accounted = bytes;
}

void shard_store::destroy(cache_id cache, value_object* o) noexcept {
  if (o == nullptr) return;
  give_room(o->accounted);
  discharge(cache, o->accounted);
  delete o;
}

// A procedure may have grown values beyond a limit: until it holds again, or `most` bytes are freed.
void shard_store::settle_excess(std::uint64_t most, cache_id cache, time_point now) {
  const auto before = bytes_;
  const auto freed = [&] { return before - std::min(before, bytes_); };
  while (settings_.ledger->used() > settings_.ledger->max() && freed() < most && evict_one(nullptr, now)) {
  }
  while (!has_room(cache, 0, 0) && freed() < most && evict_one(nullptr, now, cache)) {
  }
}

bool shard_store::make_room(std::uint64_t bytes, time_point now, cache_id cache, std::string_view key) {
  if (cache < caches_max && settings_.caches != nullptr && settings_.caches->limited(cache)) {
    const bool fresh = find(refer(cache, key)) == no_slot;
    if (!take_cache_room(cache, bytes, fresh ? 1 : 0, nullptr, now)) return false;
  }
  if (!take_room(bytes, nullptr, now)) return false;
  give_room(bytes);
  return true;
}

bool shard_store::copy_object(const entry_view& e, time_point now) {
  ++commits_;
  auto object = read_value(e.value, limits(), hash_seed());
  const auto k = refer(e.cache, e.key);
  // One that makes no sense leaves nothing, rather than something old.
  if (object == nullptr) {
    (void)apply_erased(e.cache, e.key, e.version);
    return true;
  }
  if (store_newer(k, {{}, e.version, never, object.get()}, e.ttl, now)) {
    (void)object.release();
    return true;
  }
  const auto slot = find(k);
  return e.ttl < duration::zero() || e.version <= floor_of(e.cache) ||
         (slot != no_slot && at(slot)->version >= e.version);
}

void shard_store::copy_edit(const copied_edit& e, time_point now) {
  ++commits_;
  version_ = std::max(version_, e.version);
  if (e.cache >= caches_max || e.key.size() > key_bytes_max) return;
  if (e.edit == value_edit::drop) return drop(e.cache, e.version);
  if (const auto floor = floor_of(e.cache); floor != 0 && e.version <= floor) return;
  const auto k = refer(e.cache, e.key);
  // Whether it has expired is the primary's to say.
  auto slot = find(k);
  if (slot != no_slot && at(slot)->version >= e.version) return;
  if (slot == no_slot && e.base != 0) return;
  if (slot != no_slot && at(slot)->version != e.base) return remove(slot);
  if (slot == no_slot) {
    auto made = make_value(type_of(e.edit), limits(), hash_seed());
    auto* object = made.get();
    const std::string_view pointer(reinterpret_cast<const char*>(&object), sizeof object);
    if (object == nullptr || !insert(k, {pointer, e.version, never, object}, now)) return;
    (void)made.release();
    slot = find(k);
  }
  if (!repeat(slot, k, e)) return remove(find(k));
  slot = find(k);
  if (const auto* o = at(slot)->object(); o != nullptr && o->size() == 0) return remove(slot);
  at(slot)->version = e.version;
  const auto expiry = e.ttl == duration::zero() ? never : e.ttl > never - now ? never : now + e.ttl;
  (void)change_expiry(slot, k, expiry);
}

// False when the edit does not fit the value.
bool shard_store::repeat(std::uint32_t slot, const key_ref& k, const copied_edit& e) {
  word_list words;
  if (!words.read(e.words)) return false;
  if (auto* o = at(slot)->object()) {
    const bool done = o->apply(e.edit, words);
    settle(k.cache, *o);
    return done;
  }
  if (e.edit == value_edit::touch) return true;
  const auto offset = words.size() == 2 ? number_of(words[0]) : std::nullopt;
  return e.edit == value_edit::splice && offset && *offset <= value_bytes_max && splice(slot, k, *offset, words[1]);
}

// Of a string: writes over it from `offset` on, growing it with zero bytes. False for want of memory. Never evicts.
bool shard_store::splice(std::uint32_t slot, const key_ref& k, std::uint64_t offset, std::string_view bytes) {
  entry* e = at(slot);
  const std::uint64_t size = std::max<std::uint64_t>(e->value_size, offset + bytes.size());
  if (size > value_bytes_max) return false;
  if (size > e->value_size) {
    const std::uint64_t tail = e->has_expiry != 0 ? entry::life_bytes : 0;
    const std::uint64_t had = e->footprint();
    const std::uint64_t needs = footprint_of(sizeof(entry) + e->key_size + size + tail);
    if (needs != had) {
      auto* moved = static_cast<entry*>(std::realloc(e, needs - 8));
      if (moved == nullptr) return false;
      settings_.ledger->add(needs);
      bytes_ += needs;
      give_room(had);
      charge(k.cache, needs);
      discharge(k.cache, had);
      table_[slot] = (table_[slot] & ~address_mask) | reinterpret_cast<std::uintptr_t>(moved);
      e = moved;
    }
    char* value = e->bytes() + e->key_size;
    std::memmove(value + size, value + e->value_size, tail);
    std::memset(value + e->value_size, 0, size - e->value_size);
    e->value_size = static_cast<std::uint32_t>(size);
  }
  if (!bytes.empty()) std::memcpy(e->bytes() + e->key_size + offset, bytes.data(), bytes.size());
  return true;
}

// False for want of memory. Never evicts.
bool shard_store::change_expiry(std::uint32_t slot, const key_ref& k, time_point expiry) {
  entry* old = at(slot);
  if (old->has_expiry != 0 && expiry != never) {
    old->set_expiry(expiry);
    schedule(*old);
    return true;
  }
  if (old->has_expiry == 0 && expiry == never) return true;
  // The bytes stay as they are, those of a pointer too.
  content c{{old->bytes() + old->key_size, old->value_size}, old->version, expiry, old->object()};
  const std::uint64_t had = old->footprint();
  const std::uint64_t needs = footprint_of(entry::size_of(k, c));
  auto* fresh = static_cast<entry*>(std::malloc(needs - 8));
  if (fresh == nullptr) return false;
  settings_.ledger->add(needs);
  bytes_ += needs;
  give_room(had);
  charge(k.cache, needs);
  discharge(k.cache, had);
  fill(*fresh, k, c, old->used, old->bucket());
  with_expiry_ -= old->has_expiry;
  table_[slot] = (table_[slot] & ~address_mask) | reinterpret_cast<std::uintptr_t>(fresh);
  std::free(old);
  schedule(*fresh);
  return true;
}

}  // namespace troupe
