// Values that a loader brings: what held_shard tells shard_loads of, and what a hand-over is told of drops.
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
void held_shard::overtake_loads(const cache_command& command) {
  if (!is_write(command) || (!loads_->loading() && !loads_->keeping())) return;
  if (command.op != cache_op::run) return loads_->on_write(command.cache, command.key);
  const auto* row = row_of(command.procedure);
  word_list words;
  const bool all_keys = row == nullptr || row->group == procedure_group::shard ||
                        row->group == procedure_group::transaction || (row->flags & procedure_movable) != 0;
  if (all_keys || !words.read(command.value)) return loads_->on_drop(command.cache);
  keys_of(*row, words, [&](std::string_view key) { loads_->on_write(command.cache, key); });
}

void held_shard::note_effect(const effect& e) {
  if (e.what != effect::form::edit || e.edit != value_edit::drop) return note_change(e.cache, e.key);
  if (changes_ && noting_) changes_->add_drop(e.cache, e.version);
}

}  // namespace troupe
