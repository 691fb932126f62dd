// What held_shard tells of what happens to its values: their changes, for other nodes (change_listener.hpp), and the
// events of keys, for Redis' keyspace notifications.
#include <utility>

#include "runtime/cache/held_shard.hpp"

namespace troupe {

void held_shard::tell_gone() {
  if (listener_ == nullptr || part_ != part::primary) return;
  for (auto& gone : removed_) {
    if (std::exchange(gone.told, true)) continue;
    gone.evicted ? tell(gone.cache, event_kind::evicted, "evicted", gone.key)
                 : tell(gone.cache, event_kind::expired, "expired", gone.key);
  }
}

void held_shard::listen(cache_id cache, keyspace_listener* listener) noexcept {
  listened_ = cache;
  listener_ = listener;
  note_removals();
}

// `version`: of the store before the row was taken. Both ends of a planned move have the same then.
void held_shard::tell_role(const change& c, bool keeps, std::uint64_t version) {
  if (c.lost) changes_to_->on_end(shard_, version);
  if (c.gained) {
    told_committed_ = 0;
    changes_to_->on_begin(shard_, epoch_, keeps ? version : UINT64_MAX);
    // What copies hold nothing of went with the primary, unless the shard was given with all it had.
    for (const auto cache : store_.rules().primary_only()) {
      if (!keeps || store_.keys_of(cache) != 0 || !changes_to_->wants(cache)) continue;
      changes_to_->on_change(shard_, {change_kind::dropped, cache, {}, version, std::nullopt}, 0);
    }
  }
  tell_committed();
}

void held_shard::tell_committed() {
  if (changes_to_ == nullptr || stream_.committed() == told_committed_) return;
  told_committed_ = stream_.committed();
  changes_to_->on_committed(shard_, told_committed_);
}

void held_shard::tell_plain(const cache_command& command, const cache_reply& reply, std::uint64_t sequence) {
  const bool writes = command.op == cache_op::put || command.op == cache_op::erase;
  if (!writes || reply.code != errc::ok || !is_told(command.cache)) return;
  key_change c{change_kind::erased, command.cache, command.key, reply.version, std::nullopt};
  if (command.op == cache_op::put) {
    c.kind = change_kind::put;
    c.value = command.value;
    c.ttl = reply.ttl;
  }
  changes_to_->on_change(shard_, c, sequence);
}

// A value that was changed several times is shown with its last change.
void held_shard::tell_run(time_point now, std::uint64_t sequence) {
  for (const auto& e : effects_) {
    if (!is_told(e.cache)) continue;
    key_change c{change_kind::put, e.cache, e.key, e.version, std::nullopt};
    if (e.what == effect::form::erased) {
      c.kind = e.removal == effect::cause::evicted   ? change_kind::evicted
               : e.removal == effect::cause::expired ? change_kind::expired
                                                     : change_kind::erased;
      if (e.removal != effect::cause::command) c.version = e.base;
    } else if (e.what == effect::form::edit && e.edit == value_edit::drop) {
      c.kind = change_kind::dropped;
    } else if (const auto found = store_.peek(e.cache, e.key, now); found && found->version == e.version) {
      if (found->object == nullptr) c.value = found->value;
      c.ttl = found->ttl;
    }
    changes_to_->on_change(shard_, c, sequence);
  }
}

void held_shard::tell_removal(const shard_store::removed_key& gone, std::uint64_t sequence) {
  if (!is_told(gone.cache)) return;
  const auto kind = gone.evicted ? change_kind::evicted : change_kind::expired;
  changes_to_->on_change(shard_, {kind, gone.cache, gone.key, gone.version, std::nullopt}, sequence);
}

// Of a promoted copy: writes that others had and nobody was told of.
void held_shard::tell_taken(std::span<const stream_entry> entries) {
  for (const auto& e : entries) {
    if (e.cache == cache_unknown || !is_told(e.cache)) continue;
    key_change c{e.erased ? change_kind::erased : change_kind::put, e.cache, e.key, e.version, std::nullopt};
    if (e.form == entry_form::edit && e.edit == value_edit::drop)
      c.kind = change_kind::dropped;
    else if (!e.erased && e.form == entry_form::bytes)
      c.value = e.value, c.ttl = e.ttl;
    changes_to_->on_change(shard_, c, stream_.sequence());
  }
}

}  // namespace troupe
