// What held_shard tells of writes: to the loads that they overtake, to who keeps values elsewhere, and of drops to a
// hand-over.
#include <utility>

#include "runtime/cache/held_shard.hpp"
#include "runtime/cache/procedures/table.hpp"

namespace troupe {

namespace {

memory_ledger& no_room() {
  static memory_ledger none(0);
  return none;
}

}  // namespace

shard_loads& held_shard::loads() {
  if (!loads_) {
    const auto& s = store_.settings();
    loads_ = std::make_unique<shard_loads>(*s.ledger, s.kept == nullptr ? no_room() : *s.kept);
  }
  return *loads_;
}

// Before the command that met them is told: what it writes or erases is not to come back.
void held_shard::keep_expired(time_point now) {
  if (part_ != part::primary) return;
  for (auto& gone : removed_) {
    if (!std::exchange(gone.kept, false)) continue;
    const auto stale_for = store_.rules().of(gone.cache).stale_for;
    const auto until = gone.expiry > time_point::max() - stale_for ? time_point::max() : gone.expiry + stale_for;
    loads().keep_stale(gone.cache, gone.key, std::move(gone.value), gone.version, until, now);
  }
}

// Whether it wrote or found nothing to erase: a load that began before may bring what was true before.
void held_shard::tell_written(const cache_command& command) {
  const bool loads = loads_ && (loads_->loading() || loads_->keeping());
  const bool watched = watcher_ != nullptr && watcher_->interested();
  if (!is_write(command) || (!loads && !watched)) return;
  const auto written = [&](std::string_view key) {
    if (loads) loads_->on_write(command.cache, key);
    if (watched) watcher_->on_write(command.cache, key);
  };
  if (command.op != cache_op::run) return written(command.key);
  const auto* row = row_of(command.procedure);
  word_list words;
  const bool all_keys = row == nullptr || row->group == procedure_group::shard ||
                        row->group == procedure_group::transaction || (row->flags & procedure_movable) != 0;
  if (!all_keys && words.read(command.value)) return keys_of(*row, words, written);
  if (loads) loads_->on_drop(command.cache);
  if (watched) watcher_->on_drop(command.cache);
}

void held_shard::note_effect(const effect& e) {
  if (e.what != effect::form::edit || e.edit != value_edit::drop) return note_change(e.cache, e.key);
  if (changes_ && noting_) changes_->add_drop(e.cache, e.version);
}

}  // namespace troupe
