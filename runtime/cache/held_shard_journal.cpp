// What a shard tells the journal of durable caches, and what it gets back from it when the node starts.
#include <utility>
#include <vector>

#include "runtime/cache/held_shard.hpp"

namespace troupe {

void held_shard::number(std::span<const stream_entry> write, time_point now, replica_channel& channel) {
  stream_.wrote(write, now, channel);
  if (journal_ != nullptr) log(write);
}

// The write is numbered by now: the log has it under the number of its last entry.
void held_shard::log(std::span<const stream_entry> entries) {
  if (!journaled_ || !journal_->write(journal_at(), entries)) return;
  stream_.await_log(stream_.sequence());
}

void held_shard::on_logged(std::uint64_t turn, std::uint64_t sequence) {
  if (turn != turn_) return;
  stream_.on_logged(sequence);
  tell_committed();
}

// A copy answers for what its log has: whoever sends the answer waits for it.
stream_answer held_shard::on_append(std::uint64_t from, const stream_position& at,
                                    std::span<const stream_entry> entries, time_point now) {
  const auto before = stream_.sequence();
  auto answer = stream_.on_append(from, at, entries, store_, now);
  const auto more = stream_.sequence() - before;
  if (journal_ != nullptr && more > 0) log(entries.subspan(before - at.after, more));
  return answer;
}

bool held_shard::copy(const shard_store::entry_view& e, time_point now) {
  if (!inherits_ && store_.rules().of(e.cache).at_primary_only) return true;
  if (!store_.copy_entry(e, now)) return false;
  if (!journaled_) return true;
  stream_entry kept{e.cache, e.key, e.value, e.version, e.ttl};
  if (e.is_object) kept.form = entry_form::object;
  journal_->page(journal_at(), {&kept, 1});
  return true;
}

void held_shard::copy_erased(cache_id cache, std::string_view key, std::uint64_t version) {
  (void)store_.apply_erased(cache, key, version);
  const stream_entry gone{cache, key, {}, version, {}, true};
  if (journaled_) journal_->page(journal_at(), {&gone, 1});
}

void held_shard::copy_dropped(cache_id cache, std::uint64_t version) {
  store_.drop(cache, version);
  stream_entry drop{cache, {}, {}, version};
  drop.form = entry_form::edit;
  drop.edit = value_edit::drop;
  if (journaled_) journal_->page(journal_at(), {&drop, 1});
}

void held_shard::begin_journal(part is, bool whole) {
  if (journal_ == nullptr) return;
  ++turn_;
  const bool was = std::exchange(journaled_, is != part::none);
  if (journaled_)
    journal_->begin(journal_at(), whole);
  else if (was)
    journal_->drop(journal_at());
}

void held_shard::restore(const shard_holding& h, std::shared_ptr<const holdings> all) {
  created_ = h.created;
  epoch_ = h.epoch;
  restored_pid_ = h.pid;
  restored_ = std::move(all);
  journaled_ = true;
  stream_.restore(h.sequence);
}

bool held_shard::counts_restored(const shard_row& row) const {
  return restored_ != nullptr && restored_->counts_in(row, {shard_, created_, restored_pid_, 0, 0, true});
}

void held_shard::tell_restored(holdings& all) const {
  if (restored_ == nullptr) return;
  all.pids = restored_->pids;
  all.shards.push_back({shard_, created_, restored_pid_, epoch_, stream_.sequence(), true});
}

std::uint64_t held_shard::rewrite(std::uint64_t cursor, std::uint64_t bytes_max, time_point now) {
  if (!journaled_) return 0;
  cursor = read(cursor, bytes_max, now, [&](const shard_store::entry_view& e) {
    if (!keeps(e.cache)) return;
    stream_entry kept{e.cache, e.key, e.value, e.version, e.ttl};
    if (e.is_object) kept.form = entry_form::object;
    journal_->page(journal_at(), {&kept, 1});
  });
  if (cursor == 0) {
    auto at = journal_at();
    if (restored_) at.pid = restored_pid_;
    journal_->state(at, part_ != part::replica || stream_.is_whole_copy());
  }
  return cursor;
}

}  // namespace troupe
