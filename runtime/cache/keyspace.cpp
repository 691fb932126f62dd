#include "runtime/cache/keyspace.hpp"

#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/cache/entry.hpp"

namespace troupe {

keyspace::keyspace(shard_store& store, cache_id cache, const surroundings& s) noexcept
    : store_(store), cache_(cache), s_(s) {
  store_.unbounded_ = true;
  bytes_before_ = store_.bytes_;
}

keyspace::~keyspace() {
  note_removed();
  store_.unbounded_ = false;
  // What it grew, it takes from others here; what others grew elsewhere is not this shard's to give.
  if (written_ != 0 && store_.bytes_ > bytes_before_)
    store_.settle_excess(store_.bytes_ - bytes_before_, cache_, s_.now);
}

// What expired under the procedure is noted where it did: a later edit of the same key begins anew.
void keyspace::note_removed() {
  if (s_.removed == nullptr || s_.removed->empty()) return;
  for (auto& gone : *s_.removed) {
    if (gone.cache == cache_) tell_gone(gone);
    if (s_.effects == nullptr) continue;
    effect e;
    e.what = effect::form::erased;
    e.removal = gone.evicted ? effect::cause::evicted : effect::cause::expired;
    e.cache = gone.cache;
    e.key = std::move(gone.key);
    e.version = store_.next_version();
    e.base = gone.version;
    s_.effects->push_back(std::move(e));
  }
  s_.removed->clear();
}

void keyspace::note(effect e) {
  note_removed();
  if (s_.effects == nullptr) return;
  e.cache = cache_;
  s_.effects->push_back(std::move(e));
}

void keyspace::tell_gone(const shard_store::removed_key& gone) const {
  if (gone.told) return;
  gone.evicted ? tell(event_kind::evicted, "evicted", gone.key) : tell(event_kind::expired, "expired", gone.key);
}

std::optional<keyspace::found> keyspace::show(std::string_view key, bool access) {
  const auto slot = store_.find_live(store_.refer(cache_, key), s_.now);
  if (s_.listener != nullptr) note_removed();
  if (slot == shard_store::no_slot) {
    if (tells_missed_) tell(event_kind::missed, "keymiss", key);
    return std::nullopt;
  }
  entry& e = *store_.at(slot);
  found f;
  f.object = e.object();
  if (f.object == nullptr)
    f.bytes = e.value();
  else
    f.type = f.object->type;
  f.version = e.version;
  f.expiry = e.expiry();
  f.used = e.used;
  if (access) e.used = store_.next_use(e.used, s_.now);
  return f;
}

std::uint64_t keyspace::scan(std::uint64_t position, std::size_t budget,
                             function_ref<void(const shard_store::entry_view&)> look) const {
  return store_.scan(position, budget, s_.now, [&](const shard_store::entry_view& e) {
    if (e.cache == cache_) look(e);
  });
}

std::optional<keyspace::found> keyspace::find(std::string_view key) { return show(key, true); }

std::optional<keyspace::found> keyspace::look(std::string_view key) { return show(key, false); }

errc keyspace::put(std::string_view key, std::string_view bytes, time_point expiry) {
  if (bytes.size() > value_bytes_max) return errc::too_large;
  return write(key, bytes, nullptr, expiry);
}

errc keyspace::put(std::string_view key, std::unique_ptr<value_object> object, time_point expiry) {
  TROUPE_CHECK(object != nullptr && object->size() > 0);
  if (object->bytes() > limits().object_bytes_max.load(std::memory_order_relaxed)) return errc::too_large;
  const auto stored = write(key, {}, object.get(), expiry);
  if (stored == errc::ok) (void)object.release();
  return stored;
}

errc keyspace::write(std::string_view key, std::string_view bytes, value_object* object, time_point expiry) {
  if (key.size() > key_bytes_max) return errc::too_large;
  // All whole values of one write cross to a copy in one message: the first as large as a value may be.
  const auto size = object == nullptr ? bytes.size() : object->bytes();
  const auto most = limits().object_bytes_max.load(std::memory_order_relaxed);
  if (whole_bytes_ != 0 && whole_bytes_ + size > most) return errc::too_large;
  whole_bytes_ += size;
  const auto k = store_.refer(cache_, key);
  const auto slot = store_.find_live(k, s_.now);
  note_removed();
  const auto version = store_.version_ + 1;
  if (!store_.write(slot, k, {bytes, version, expiry, object}, s_.now)) return errc::out_of_memory;
  next_version();
  if (slot == shard_store::no_slot) tell(event_kind::fresh, "new", key);
  if (!notes()) return errc::ok;
  effect e;
  e.key = key;
  e.version = version;
  note(std::move(e));
  return errc::ok;
}

errc keyspace::splice(std::string_view key, std::uint64_t offset, std::string_view bytes) {
  const auto k = store_.refer(cache_, key);
  const auto slot = store_.find(k);
  TROUPE_CHECK(slot != shard_store::no_slot && store_.at(slot)->is_object == 0);
  if (!store_.splice(slot, k, offset, bytes)) return errc::out_of_memory;
  std::string words;
  if (notes()) {
    pack_number(words, offset);
    pack_word(words, bytes);
  }
  edited(key, value_edit::splice, words);
  return errc::ok;
}

void keyspace::edited(std::string_view key, value_edit edit, std::string_view words) {
  const auto slot = store_.find(store_.refer(cache_, key));
  TROUPE_CHECK(slot != shard_store::no_slot);
  entry& e = *store_.at(slot);
  if (auto* o = e.object()) {
    if (o->size() == 0) {
      (void)erase(key);
      return;
    }
    store_.settle(cache_, *o);
  }
  const auto base = std::exchange(e.version, next_version());
  if (!notes()) return;
  effect n;
  n.what = effect::form::edit;
  n.edit = edit;
  // More words than a copy reads in one edit: it gets the value as it is now.
  if (words.size() > words_max && word_list::count(words) > words_max) {
    n.what = effect::form::whole;
    words = {};
  }
  n.key = key;
  n.base = base;
  n.version = e.version;
  n.expiry = e.expiry();
  n.words = words;
  note(std::move(n));
}

bool keyspace::erase(std::string_view key) {
  const bool was = take_away(key);
  if (was) tell(event_kind::generic, "del", key);
  return was;
}

bool keyspace::take_away(std::string_view key) {
  const auto slot = store_.find_live(store_.refer(cache_, key), s_.now);
  if (slot == shard_store::no_slot) return false;
  note_removed();
  store_.remove(slot);
  store_.shrink_if_sparse();
  next_version();
  if (!notes()) return true;
  effect e;
  e.what = effect::form::erased;
  e.key = key;
  e.version = written_;
  note(std::move(e));
  return true;
}

void keyspace::drop() {
  note_removed();
  store_.drop(cache_, next_version());
  if (!notes()) return;
  effect e;
  e.what = effect::form::edit;
  e.edit = value_edit::drop;
  e.version = written_;
  note(std::move(e));
}

void keyspace::set_expiry(std::string_view key, time_point expiry) {
  const auto k = store_.refer(cache_, key);
  const auto slot = store_.find(k);
  TROUPE_CHECK(slot != shard_store::no_slot);
  if (store_.change_expiry(slot, k, expiry)) edited(key, value_edit::touch, {});
}

void keyspace::set_used(std::string_view key, std::uint32_t used) {
  const auto slot = store_.find(store_.refer(cache_, key));
  if (slot != shard_store::no_slot) store_.at(slot)->used = used;
}

std::uint64_t keyspace::footprint_of(std::string_view key) {
  const auto slot = store_.find_live(store_.refer(cache_, key), s_.now);
  if (slot == shard_store::no_slot) return 0;
  const entry& e = *store_.at(slot);
  const auto* o = e.object();
  return e.footprint() + sizeof(std::uint64_t) + (o == nullptr ? 0 : o->bytes());
}

}  // namespace troupe
