#include "runtime/replication/apply_write.hpp"

#include <algorithm>
#include <optional>

namespace troupe {

namespace {

/// What an entry takes beside its key and value, about.
constexpr std::uint64_t entry_overhead = 128;

bool apply_entry(const stream_entry& e, shard_store& store, time_point now) {
  if (e.cache == cache_unknown) return true;
  if (e.erased) {
    (void)store.apply_erased(e.cache, e.key, e.version);
    return true;
  }
  if (e.form == entry_form::edit) {
    store.copy_edit({e.cache, e.key, e.edit, e.value, e.base, e.version, e.ttl}, now);
    return true;
  }
  return store.copy_entry({e.cache, e.key, e.value, e.version, e.ttl, nullptr, e.form == entry_form::object}, now);
}

}  // namespace

bool apply_write(std::span<const stream_entry> write, shard_store& store, time_point now) {
  const bool plain = write.size() == 1 && (write[0].erased || write[0].form == entry_form::bytes);
  if (plain) return apply_entry(write[0], store, now);
  std::uint64_t bytes = 0;
  for (const auto& e : write) bytes += e.key.size() + 2 * e.value.size() + entry_overhead;
  if (!store.make_room(bytes, now, write[0].cache, write[0].key)) return false;
  const shard_store::settled_room settled(store);
  return std::all_of(write.begin(), write.end(), [&](const stream_entry& e) { return apply_entry(e, store, now); });
}

}  // namespace troupe
