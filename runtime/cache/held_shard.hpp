// One shard on one node: its store, and this node's part in it, which the shard table gives. Whoever owns
// it calls it from one thread at a time and passes the time (shard_host puts a lock around each; the
// simulator runs it as it is).
//
//   part      serves   holds data   becomes so by
//   primary   yes      yes          the table, or reopen()
//   released  no       yes          release(): this primary gave the shard up before the table says so
//   replica   no       a copy       the table; the copy is whole only when the giver has said so
//   none      no       no           the table
//
// With copies in sync a command is done by replicate(), which sends writes on and says what its reply waits for
// (runtime/replication/shard_stream.hpp).
//
// A released shard stays so while the table's row keeps its epoch: whatever the leader decides about
// the shard, also that it stays here, gives the row another one.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/cache/change_listener.hpp"
#include "runtime/cache/changed_keys.hpp"
#include "runtime/cache/keyspace.hpp"
#include "runtime/cache/near_interest.hpp"
#include "runtime/cache/shard_loads.hpp"
#include "runtime/cache/shard_store.hpp"
#include "runtime/cache/waiting_line.hpp"
#include "runtime/durability/holdings.hpp"
#include "runtime/durability/shard_journal.hpp"
#include "runtime/replication/shard_stream.hpp"
#include "runtime/sharding/shard_table.hpp"

namespace troupe {

class held_shard {
 public:
  enum class part : std::uint8_t { none, replica, primary, released };

  /// What a new row changed.
  struct change {
    bool gained = false;    // became primary, or primary of a shard made anew
    bool lost = false;      // was primary (or had released it), or primary of what was made anew
    bool empty = false;     // gained without a copy: it starts empty
    bool promoted = false;  // gained with a copy that was kept in sync
  };

  /// Where the entries of durable caches are kept, from now on; it outlives the shard. Null: nowhere.
  void set_journal(shard_journal* journal) noexcept {
    journal_ = journal;
    note_removals();
  }
  /// The store holds what a log had (runtime/durability): it stays until a row says that it counts for nothing, or this
  /// node is made primary of it. `pids`: under which this data was held, beside that in `h`.
  void restore(const shard_holding& h, std::shared_ptr<const holdings> all);
  /// What was restored, while it waits for a row: added to `all`, with the PIDs.
  void tell_restored(holdings& all) const;
  /// The journal has what it was told of the turn, up to the sequence.
  void on_logged(std::uint64_t turn, std::uint64_t sequence);
  /// The journal has, or is to have, something of this shard.
  [[nodiscard]] bool is_journaled() const noexcept { return journaled_; }
  /// Tells the journal a page of what is kept, and at the end the state: as read(). For a log that is written anew.
  [[nodiscard]] std::uint64_t rewrite(std::uint64_t cursor, std::uint64_t bytes_max, time_point now);

  explicit held_shard(const store_settings& s, std::uint32_t shard = 0)
      : shard_(shard), store_(s), rng_(s.hash_seed ^ shard) {}

  [[nodiscard]] part role() const noexcept { return part_; }
  [[nodiscard]] bool is_primary() const noexcept { return part_ == part::primary; }
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  /// Of the data: the epoch in which the shard was made, empty.
  [[nodiscard]] std::uint64_t created() const noexcept { return created_; }
  [[nodiscard]] shard_store& store() noexcept { return store_; }
  [[nodiscard]] const shard_store& store() const noexcept { return store_; }

  /// Goes by `row`. Data stays only while this node has a part in the shard and the row is of the same
  /// creation.
  change take_role(const shard_row& row, std::uint64_t my_pid);

  // --- as primary: writes are noted for who watches
  /// Of a shard without copies. The reply's value is valid until the next call.
  [[nodiscard]] cache_reply apply(const cache_command& command, time_point now);

  struct replicated {
    cache_reply reply;
    std::uint64_t wait_for = 0;  // the sequence that has to be committed before the reply is given; 0: none
  };
  /// The same with copies, if there are any. unavailable when too much waits for them: nothing was done.
  [[nodiscard]] replicated replicate(const cache_command& command, time_point now, replica_channel& channel);
  /// The command cannot be answered at once: it waits for copies, or for what they know.
  [[nodiscard]] bool must_wait(const cache_command& command) const noexcept;
  // --- clients that wait for elements; those of whom nothing more is known when the part changes are to ask elsewhere
  /// An `await_keys` or `leave_keys` (procedures/waiting_words.hpp), answered at `until` at the latest.
  void wait(const cache_command& command, time_point now, time_point until, reply_callback done);
  void tick_waiting(time_point now);
  [[nodiscard]] waiting_line& waiting() noexcept { return waiting_; }
  [[nodiscard]] const waiting_line& waiting() const noexcept { return waiting_; }

  // --- values that a loader brings; at the primary only. Made when it is first of use.
  [[nodiscard]] shard_loads& loads();
  [[nodiscard]] shard_loads* loads_so_far() noexcept { return loads_.get(); }
  [[nodiscard]] bool is_loading() const noexcept { return loads_ && loads_->loading(); }

  /// Told of every write while this node is the primary; null: nobody.
  void watch_writes(write_watcher* watcher) noexcept {
    watcher_ = watcher;
    note_removals();
  }

  /// Told of the changes of values while this node is the primary; null: nobody.
  void tell_changes(change_listener* to) noexcept {
    changes_to_ = to;
    note_removals();
  }

  /// Told of what happens to the keys of one cache while this node is the primary; null: nobody.
  void listen(cache_id cache, keyspace_listener* listener) noexcept;

  [[nodiscard]] shard_stream& stream() noexcept { return stream_; }
  [[nodiscard]] const shard_stream& stream() const noexcept { return stream_; }
  /// As the store's; copies are told.
  std::size_t expire(time_point now, std::size_t budget, replica_channel& channel);
  std::uint64_t evict(std::uint64_t bytes, time_point now, replica_channel& channel, cache_id cache = any_cache);
  /// The answer of a copy. Views in `entries` are borrowed.
  void on_answer(std::uint64_t from, const stream_answer& a, std::span<const stream_entry> entries, time_point now,
                 replica_channel& channel);
  /// A batch of the primary's, at a copy.
  [[nodiscard]] stream_answer on_append(std::uint64_t from, const stream_position& at,
                                        std::span<const stream_entry> entries, time_point now);
  bool apply_committed(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                       duration ttl, time_point now);
  bool apply_erased(cache_id cache, std::string_view key, std::uint64_t version);

  // --- giving it away
  /// Notes changed keys from now on; those noted before are forgotten.
  void watch();
  void unwatch() noexcept { changes_.reset(); }
  /// What the noted keys take in memory; 0 when nobody watches.
  [[nodiscard]] std::uint64_t changed_bytes() const noexcept { return changes_ ? changes_->bytes() : 0; }
  /// What it and read_changes show of objects is their serialised form, valid inside the visitor.
  /// Shows entries from `cursor` on (0: the start) until about `bytes_max` bytes; the next cursor, 0 at the end.
  [[nodiscard]] std::uint64_t read(std::uint64_t cursor, std::uint64_t bytes_max, time_point now,
                                   shard_store::entry_visitor visit) const;
  using erased_visitor = function_ref<void(cache_id cache, std::string_view key, std::uint64_t version)>;
  /// All values of the cache up to that version.
  using dropped_visitor = function_ref<void(cache_id cache, std::uint64_t version)>;
  /// Takes noted keys and shows what they are now, until about `bytes_max` bytes; true when none is left.
  [[nodiscard]] bool read_changes(std::uint64_t bytes_max, time_point now, shard_store::entry_visitor present,
                                  erased_visitor erased, dropped_visitor dropped);
  /// Serves no more. False when this node is not the primary under the row of `epoch`.
  [[nodiscard]] bool release(std::uint64_t epoch);
  /// Takes a release back, before anybody was told of it.
  void reopen(std::uint64_t epoch) noexcept;
  /// Nobody waits for a copy any more.
  [[nodiscard]] bool drained() const noexcept { return stream_.committed() == stream_.sequence(); }

  // --- letting a copy count
  /// Later writes wait for `pid` too; no more keys are noted. False when this node is not the primary under the row
  /// of `epoch`.
  [[nodiscard]] bool begin_join(std::uint64_t epoch, std::uint64_t pid);
  /// False when the leader was told of it: then a row ends it.
  bool abandon_join(std::uint64_t pid);

  // --- taking it
  /// Drops what is held; a copy begins. False when this node is no replica under the row of `epoch`.
  [[nodiscard]] bool begin_copy(std::uint64_t epoch);
  /// The copy is whole, up to a write of the primary's sequence.
  void finish_copy(std::uint64_t epoch, std::uint64_t version, std::uint64_t sequence);
  /// An entry of the copy. False when there was no room for it.
  [[nodiscard]] bool copy(const shard_store::entry_view& e, time_point now);
  void copy_erased(cache_id cache, std::string_view key, std::uint64_t version);
  void copy_dropped(cache_id cache, std::uint64_t version);

 private:
  void tell_removed(time_point now, replica_channel& channel);
  void note_change(cache_id cache, std::string_view key) {
    if (changes_ && noting_) changes_->add(cache, key);
  }
  void note_removals() noexcept {
    const bool wanted = listener_ != nullptr || watcher_ != nullptr || changes_to_ != nullptr || journal_ != nullptr ||
                        store_.rules().keeps_stale();
    const bool told = stream_.has_followers() || (wanted && part_ == part::primary);
    store_.note_removals(told ? &removed_ : nullptr);
  }
  void tell(cache_id cache, std::uint32_t kind, std::string_view name, std::string_view key) const {
    if (listener_ != nullptr && cache == listened_ && listener_->wants(kind)) listener_->on_event(kind, name, key);
  }
  void tell_gone();
  /// Copies are told of writes of this cache.
  [[nodiscard]] bool sends(cache_id cache) const noexcept {
    return stream_.has_followers() && !store_.rules().of(cache).at_primary_only;
  }
  void keep_expired(time_point now);
  void tell_written(const cache_command& command);
  void note_effect(const effect& e);
  [[nodiscard]] cache_reply apply_plain(const cache_command& command, time_point now);

  const std::uint32_t shard_;
  part part_ = part::none;
  std::uint64_t epoch_ = 0;    // of the row
  std::uint64_t created_ = 0;  // of the data that the store holds
  shard_store store_;
  std::unique_ptr<changed_keys> changes_;  // null: nobody watches
  bool noting_ = false;                    // changes_ grows
  shard_stream stream_;
  void tell_effects(time_point now, replica_channel& channel);
  [[nodiscard]] cache_reply run(const cache_command& command, time_point now);
  [[nodiscard]] bool holds(cache_id cache, std::string_view key, value_type type, time_point now) const;
  [[nodiscard]] bool gives_way(const cache_command& command, time_point now) const;
  void tell_waiting(const cache_command& command, time_point now);
  [[nodiscard]] std::uint64_t pending(const cache_command& command) const;

  [[nodiscard]] bool is_told(cache_id cache) const noexcept {
    return changes_to_ != nullptr && (part_ == part::primary || part_ == part::released) && changes_to_->wants(cache);
  }
  void tell_role(const change& c, bool keeps, std::uint64_t version);
  void tell_plain(const cache_command& command, const cache_reply& reply, std::uint64_t sequence);
  void tell_run(time_point now, std::uint64_t sequence);
  void tell_removal(const shard_store::removed_key& gone, std::uint64_t sequence);
  void tell_taken(std::span<const stream_entry> entries);
  void tell_committed();

  [[nodiscard]] bool keeps(cache_id cache) const noexcept { return journal_ != nullptr && journal_->keeps(cache); }
  [[nodiscard]] journal_position journal_at() const noexcept {
    return {shard_, turn_, created_, pid_, epoch_, stream_.sequence(), store_.version()};
  }
  void number(std::span<const stream_entry> write, time_point now, replica_channel& channel);
  void log(std::span<const stream_entry> entries);
  [[nodiscard]] bool counts_restored(const shard_row& row) const;
  void begin_journal(part is, bool whole);

  waiting_line waiting_;
  std::unique_ptr<shard_loads> loads_;
  write_watcher* watcher_ = nullptr;
  change_listener* changes_to_ = nullptr;
  std::uint64_t told_committed_ = 0;
  bool inherits_ = false;  // as a replica: the shard moves here, with what copies hold nothing of
  shard_journal* journal_ = nullptr;
  bool journaled_ = false;
  std::uint64_t turn_ = 0;                    // of the data: what the journal says of an earlier one means nothing
  std::uint64_t pid_ = 0;                     // this node's, by the latest row
  std::shared_ptr<const holdings> restored_;  // until a row decides
  std::uint64_t restored_pid_ = 0;
  cache_id listened_ = 0;
  keyspace_listener* listener_ = nullptr;
  random rng_;                                     // for procedures
  std::string reply_;                              // of the latest run
  std::vector<effect> effects_;                    // of the latest run, when somebody wants to know
  std::vector<shard_store::removed_key> removed_;  // by the call under way; its copies are to be told
};

}  // namespace troupe
