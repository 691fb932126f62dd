#include "runtime/cache/held_shard.hpp"

#include <algorithm>
#include <list>
#include <utility>

#include "runtime/cache/procedures/procedures.hpp"

namespace troupe {

namespace {

/// What an entry takes on its way beside its key and value, about.
constexpr std::uint64_t entry_overhead = 32;

/// Of a reply's text that stays allocated between runs.
constexpr std::size_t reply_kept_max = 4096;
/// What a procedure may need beyond its words, before it is known.
constexpr std::uint64_t room_beside_words = 1024;

bool wrote(const cache_command& c, const cache_reply& r) noexcept {
  return r.code == errc::ok && is_write(c) && r.version != 0;
}

// As it crosses to another member.
void show_copied(shard_store::entry_view& e, std::string& object, shard_store::entry_visitor visit) {
  if (e.object != nullptr) {
    object.clear();
    serialise(*e.object, object);
    e.value = object;
    e.is_object = true;
  }
  visit(e);
}

}  // namespace

held_shard::change held_shard::take_role(const shard_row& row, std::uint64_t my_pid) {
  const part was = part_;
  const auto version = store_.version();
  pid_ = my_pid;
  part is = part::none;
  if (my_pid != 0 && row.primary == my_pid) is = part::primary;
  if (my_pid != 0 && row.has_replica(my_pid)) is = part::replica;
  if (was == part::released && is == part::primary && row.epoch == epoch_) is = part::released;
  if (is == part::none && counts_restored(row)) return {};
  const bool takes_back = restored_ != nullptr && is == part::primary;
  restored_.reset();
  const bool keeps = (was != part::none || takes_back) && is != part::none && created_ == row.created;
  const bool had = was == part::primary || was == part::released;
  const bool has = is == part::primary || is == part::released;

  change c;
  c.lost = had && (!has || !keeps);
  c.gained = has && (!had || !keeps);
  c.empty = has && !keeps;
  c.promoted = is == part::primary && was == part::replica && keeps;
  if (!keeps) {
    store_.clear();
    stream_.reset();
  }
  if (is != part::primary || !keeps) {
    waiting_.give_up();
    if (loads_) loads_->give_up(errc::not_owner);
    if (watcher_ != nullptr && had) watcher_->on_lost();
  }
  // What it held for itself alone is old when it serves again.
  if (is == part::replica && had && keeps) {
    for (const auto cache : store_.rules().primary_only()) store_.drop(cache, store_.version());
  }
  inherits_ = is == part::replica && row.heir == my_pid;
  if (is != part::none) store_.begin_epoch(row.epoch);
  // A giver goes on under a row of the same epoch only; another epoch begins another copy.
  if (!has || row.epoch != epoch_) changes_.reset();
  const bool same = is == was && row.epoch == epoch_;
  if (has && !same) stream_.lead(shard_, row, c.promoted);
  if (is == part::replica) stream_.follow(shard_, row, my_pid);
  if (is == part::none) stream_.rest();
  part_ = is;
  note_removals();
  epoch_ = row.epoch;
  created_ = row.created;
  if (takes_back && keeps && journal_ != nullptr) journal_->state(journal_at(), true);
  if (!keeps) begin_journal(is, is == part::primary || row.has_in_sync(my_pid));
  if (changes_to_ != nullptr) tell_role(c, keeps, version);
  return c;
}

cache_reply held_shard::apply(const cache_command& command, time_point now) {
  if (command.op == cache_op::run) return run(command, now);
  const auto reply = listener_ == nullptr ? store_.apply(command, now) : apply_plain(command, now);
  if (!removed_.empty()) keep_expired(now);
  if (loads_ || watcher_ != nullptr) tell_written(command);
  if (wrote(command, reply)) note_change(command.cache, command.key);
  return reply;
}

// Tells what was done.
cache_reply held_shard::apply_plain(const cache_command& command, time_point now) {
  const bool fresh = command.op == cache_op::put && !store_.peek(command.cache, command.key, now);
  const auto reply = store_.apply(command, now);
  tell_gone();
  if (is_plain_read(command) && reply.code == errc::not_found)
    tell(command.cache, event_kind::missed, "keymiss", command.key);
  if (!wrote(command, reply)) return reply;
  if (command.op == cache_op::erase) {
    tell(command.cache, event_kind::generic, "del", command.key);
    return reply;
  }
  if (fresh) tell(command.cache, event_kind::fresh, "new", command.key);
  tell(command.cache, event_kind::string, "set", command.key);
  if (command.ttl > duration::zero() && !command.keep_ttl)
    tell(command.cache, event_kind::generic, "expire", command.key);
  return reply;
}

// The version in the reply is that of its last write; 0: it wrote nothing.
cache_reply held_shard::run(const cache_command& command, time_point now) {
  cache_reply r;
  effects_.clear();
  reply_.clear();
  if (reply_.capacity() > reply_kept_max) std::string().swap(reply_);  // an assignment keeps the memory
  if (!waiting_.empty() && gives_way(command, now)) {
    r.value = reply_ = "*-1\r\n";
    return r;
  }
  if (needs_room(command) &&
      !store_.make_room(2 * command.value.size() + room_beside_words, now, command.cache, command.key)) {
    r.code = errc::out_of_memory;
    return r;
  }
  keyspace::surroundings s;
  s.now = now;
  s.wall = command.wall;
  s.rng = &rng_;
  const bool told = sends(command.cache) || keeps(command.cache) || is_told(command.cache);
  if (told || (noting_ && changes_) || !waiting_.empty()) s.effects = &effects_;
  const bool removals = stream_.has_followers() || journal_ != nullptr || listener_ != nullptr;
  if (removals || changes_to_ != nullptr) s.removed = &removed_;
  if (command.cache == listened_) s.listener = listener_;
  {
    keyspace keys(store_, command.cache, s);
    r.code = run_procedure(command, keys, reply_);
    r.version = keys.written();
  }
  r.value = reply_;
  if (!removed_.empty()) keep_expired(now);
  if (loads_ || watcher_ != nullptr) tell_written(command);
  for (const auto& e : effects_) note_effect(e);
  if (!waiting_.empty()) tell_waiting(command, now);
  return r;
}

// Of several keys the whole tail: waiting for more than needed is right as well.
std::uint64_t held_shard::pending(const cache_command& command) const {
  if (command.op != cache_op::run) return stream_.pending(command.cache, command.key);
  const auto* row = row_of(command.procedure);
  const bool one_key = row != nullptr && row->first_key == row->last_key && row->first_key != 0 && row->count_word == 0;
  if (one_key && (row->flags & procedure_movable) == 0) return stream_.pending(command.cache, command.key);
  return stream_.sequence() == stream_.committed() ? 0 : stream_.sequence();
}

held_shard::replicated held_shard::replicate(const cache_command& command, time_point now, replica_channel& channel) {
  replicated done;
  const bool kept = keeps(command.cache);
  if (!sends(command.cache) && !kept) {
    done.reply = apply(command, now);
    if (changes_to_ != nullptr) tell_run(now, 0);
    effects_.clear();
    if (!removed_.empty()) tell_removed(now, channel);
    if (changes_to_ != nullptr) tell_plain(command, done.reply, 0);
    return done;
  }
  if (is_write(command) && !stream_.has_room(command.key.size() + command.value.size())) {
    done.reply.code = errc::unavailable;
    return done;
  }
  if (kept && is_write(command)) {
    done.reply.code = journal_->may_write();
    if (done.reply.code != errc::ok) return done;
  }
  done.reply = apply(command, now);
  if (command.op == cache_op::run) tell_effects(now, channel);
  tell_removed(now, channel);
  if (!wrote(command, done.reply)) {
    done.wait_for = pending(command);
    return done;
  }
  if (command.op == cache_op::run) {
    done.wait_for = stream_.sequence();
    return done;
  }
  stream_entry e{command.cache, command.key, {}, done.reply.version, {}, command.op == cache_op::erase};
  if (!e.erased) {
    e.value = command.value;
    e.ttl = done.reply.ttl;
  }
  number({&e, 1}, now, channel);
  done.wait_for = stream_.sequence();
  if (changes_to_ != nullptr) tell_plain(command, done.reply, done.wait_for);
  return done;
}

bool held_shard::must_wait(const cache_command& command) const noexcept {
  if (stream_.recovering()) return true;
  if (!sends(command.cache) && !keeps(command.cache)) return false;
  return is_write(command) || pending(command) != 0;
}

// One write of as many entries as it has keys: its copies take all of them, or none.
void held_shard::tell_effects(time_point now, replica_channel& channel) {
  if (effects_.empty()) return;
  std::vector<stream_entry> write;
  std::list<std::string> objects;
  write.reserve(effects_.size());
  for (const auto& e : effects_) {
    stream_entry s{e.cache, e.key, {}, e.version, {}};
    s.more = true;
    if (e.what == effect::form::edit) {
      s.form = entry_form::edit;
      s.edit = e.edit;
      s.base = e.base;
      s.value = e.words;
      if (e.expiry != keyspace::never) s.ttl = std::max(e.expiry - now, duration(1));
    } else if (const auto found = store_.peek(e.cache, e.key, now); found && e.what == effect::form::whole) {
      s.value = found->value;
      s.version = found->version;
      s.ttl = found->ttl;
      if (found->object != nullptr) {
        serialise(*found->object, objects.emplace_back());
        s.form = entry_form::object;
        s.value = objects.back();
      }
    } else {
      s.erased = true;
    }
    write.push_back(s);
  }
  write.back().more = false;
  number(write, now, channel);
  if (changes_to_ != nullptr) tell_run(now, stream_.sequence());
  effects_.clear();
}

// What expired or was evicted here must not come back from a copy after a later erase found nothing.
void held_shard::tell_removed(time_point now, replica_channel& channel) {
  if (removed_.empty()) return;
  tell_gone();
  for (const auto& gone : removed_) {
    note_change(gone.cache, gone.key);
    if (watcher_ != nullptr && watcher_->interested()) watcher_->on_write(gone.cache, gone.key);
    const bool numbered = sends(gone.cache) || keeps(gone.cache);
    const stream_entry e{gone.cache, gone.key, {}, numbered ? store_.next_version() : 0, {}, true};
    if (numbered) number({&e, 1}, now, channel);
    if (changes_to_ != nullptr) tell_removal(gone, numbered ? stream_.sequence() : 0);
  }
  removed_.clear();
}

// A copy waits for its primary to say so: edits of a value must find it.
std::size_t held_shard::expire(time_point now, std::size_t budget, replica_channel& channel) {
  if (part_ == part::replica) return 0;
  const auto freed = store_.expire(now, budget);
  keep_expired(now);
  tell_removed(now, channel);
  if (loads_) loads_->sweep(now);
  return freed;
}

std::uint64_t held_shard::evict(std::uint64_t bytes, time_point now, replica_channel& channel, cache_id cache) {
  const auto freed = store_.evict(bytes, now, cache);
  tell_removed(now, channel);
  return freed;
}

void held_shard::on_answer(std::uint64_t from, const stream_answer& a, std::span<const stream_entry> entries,
                           time_point now, replica_channel& channel) {
  // A promoted copy may be given away already, while it learns what others have beyond it.
  if (stream_.recovering()) {
    for (const auto& e : entries) note_change(e.cache, e.key);
  }
  const auto before = stream_.sequence();
  stream_.on_answer(from, a, entries, store_, now, channel);
  if (const auto more = stream_.sequence() - before; more > 0 && before >= a.asked_after) {
    const auto taken = entries.subspan(before - a.asked_after, more);
    if (journal_ != nullptr) log(taken);
    if (changes_to_ != nullptr) tell_taken(taken);
  }
  tell_committed();
  tell_removed(now, channel);
}

bool held_shard::apply_committed(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                                 duration ttl, time_point now) {
  note_change(cache, key);
  if (is_told(cache)) changes_to_->on_change(shard_, {change_kind::put, cache, key, version, value, ttl}, 0);
  return store_.apply_committed(cache, key, value, version, ttl, now);
}

bool held_shard::apply_erased(cache_id cache, std::string_view key, std::uint64_t version) {
  note_change(cache, key);
  if (is_told(cache)) changes_to_->on_change(shard_, {change_kind::erased, cache, key, version, std::nullopt}, 0);
  return store_.apply_erased(cache, key, version);
}

void held_shard::watch() {
  changes_ = std::make_unique<changed_keys>();
  noting_ = true;
}

std::uint64_t held_shard::read(std::uint64_t cursor, std::uint64_t bytes_max, time_point now,
                               shard_store::entry_visitor visit) const {
  std::uint64_t bytes = 0;
  std::string object;
  const auto count = [&](shard_store::entry_view e) {
    show_copied(e, object, visit);
    bytes += e.key.size() + e.value.size() + entry_overhead;
  };
  // One at a time: the next may be as large as a value can be.
  do {
    cursor = store_.scan(cursor, 1, now, count);
  } while (cursor != 0 && bytes < bytes_max);
  return cursor;
}

bool held_shard::read_changes(std::uint64_t bytes_max, time_point now, shard_store::entry_visitor present,
                              erased_visitor erased, dropped_visitor dropped) {
  std::uint64_t bytes = 0;
  std::string object;
  if (changes_) {
    for (const auto& [cache, version] : changes_->take_drops()) dropped(cache, version);
  }
  while (changes_ && !changes_->empty() && bytes < bytes_max) {
    const auto [cache, key] = changes_->take();
    auto found = store_.peek(cache, key, now);
    if (found)
      show_copied(*found, object, present);
    else
      erased(cache, key, store_.version());
    bytes += key.size() + (found ? found->value.size() : 0) + entry_overhead;
  }
  return !changes_ || changes_->empty();
}

bool held_shard::release(std::uint64_t epoch) {
  if (part_ == part::released && epoch_ == epoch) return true;
  if (part_ != part::primary || epoch_ != epoch) return false;
  part_ = part::released;
  waiting_.give_up();
  if (loads_) loads_->give_up(errc::not_owner);
  if (watcher_ != nullptr) watcher_->on_lost();
  return true;
}

void held_shard::reopen(std::uint64_t epoch) noexcept {
  if (part_ == part::released && epoch_ == epoch) part_ = part::primary;
}

bool held_shard::begin_join(std::uint64_t epoch, std::uint64_t pid) {
  if (part_ != part::primary || epoch_ != epoch) return false;
  noting_ = false;  // later writes go to it one by one
  stream_.begin_join(pid);
  note_removals();
  return true;
}

bool held_shard::abandon_join(std::uint64_t pid) {
  const bool gone = stream_.abandon_join(pid);
  tell_committed();
  note_removals();
  return gone;
}

bool held_shard::begin_copy(std::uint64_t epoch) {
  if (part_ != part::replica || epoch_ != epoch) return false;
  store_.clear();
  stream_.begin_copy();
  begin_journal(part_, false);
  return true;
}

void held_shard::finish_copy(std::uint64_t epoch, std::uint64_t version, std::uint64_t sequence) {
  if (part_ != part::replica || epoch_ != epoch) return;
  if (version > 0) (void)store_.next_version(version - 1);
  stream_.finish_copy(sequence);
  if (journaled_) journal_->state(journal_at(), true);
}

}  // namespace troupe
