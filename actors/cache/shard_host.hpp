// The shard stores of one node, each behind its own lock, so that any I/O thread serves a local
// shard directly, without waking an actor. A shard is served here only while this node is its
// primary by the shard table last adopted. Writes of shards with copies in sync go out by a replica_channel, and are
// answered when the copies have them (runtime/replication).
//
// Lock order: one shard at a time; the only second lock taken is by try_lock. Every function may be
// called from any thread. Visitors run under the shard's lock: copy and leave.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/cache_loader.hpp>

#include "actors/cache/change_fanout.hpp"
#include "actors/cache/shard_lock.hpp"
#include "actors/cache/shard_tenures.hpp"
#include "runtime/cache/cache_access.hpp"
#include "runtime/cache/held_shard.hpp"
#include "runtime/sharding/shard_table.hpp"

namespace troupe {

class shard_host {
 public:
  using visitor = cache_access::visitor;

  struct options {
    std::uint32_t shards = 256;    // 1..shards_max
    std::uint64_t memory_max = 0;  // bytes of all shards together
    eviction_policy eviction = eviction_policy::lru;
    std::uint64_t hash_seed = 0;
    std::vector<cache_id> backed{};  // caches whose values are the database's: a promoted copy of them is not used
    std::vector<cache_ledgers::limits> limits{};  // of caches, by id
    std::vector<cache_rules> rules{};             // the same
  };

  /// What a new table changed for this node.
  struct adoption {
    std::vector<std::uint32_t> gained;  // became primary, or primary of a shard made anew
    std::vector<std::uint32_t> lost;    // was primary, or primary of what was made anew
    std::vector<std::uint32_t> empty;   // of `gained`: this node had no copy, so it starts empty
  };

  explicit shard_host(const options& o);

  shard_host(const shard_host&) = delete;
  shard_host& operator=(const shard_host&) = delete;

  /// When values leave their compact form; may be changed at any time.
  [[nodiscard]] value_limits& limits() noexcept { return limits_; }

  [[nodiscard]] std::uint32_t shards() const noexcept { return static_cast<std::uint32_t>(shards_.size()); }
  [[nodiscard]] std::uint32_t shard_of_key(std::string_view key) const noexcept;
  [[nodiscard]] bool is_primary(std::uint32_t shard) const noexcept;
  /// The primary's PID; 0 when the shard has none, or this node has released it and waits for the table.
  [[nodiscard]] std::uint64_t owner_of(std::uint32_t shard) const noexcept;

  /// Runs the command if this node is the shard's primary and the answer waits for nobody; otherwise returns false
  /// without having done anything. When the node's memory is full, other shards give way before out_of_memory.
  [[nodiscard]] bool execute(const cache_command& command, time_point now, visitor visit);

  /// The same also when the answer waits for copies: takes `done` and returns true when this node is the one that
  /// does it. outcome_unknown at the deadline for a write that some copy has not answered.
  [[nodiscard]] bool submit(const cache_command& command, time_point now, time_point deadline, reply_callback& done);

  /// A client waits for keys, or does not any more: see cache_access::wait. Takes `done` and returns true when this
  /// node serves their shard.
  [[nodiscard]] bool wait(const cache_command& command, time_point now, time_point until, reply_callback& done);

  /// As execute, but only for a get or head that finds a live value in memory.
  [[nodiscard]] bool execute_if_present(const cache_command& command, time_point now, visitor visit);
  /// The same, and the value may be shown: nobody waits for its copies.
  [[nodiscard]] bool execute_settled(const cache_command& command, time_point now, visitor visit);

  /// A get or head by this node's copy, if it holds a whole one: perhaps an old value. `only_present`: a miss is not
  /// shown.
  [[nodiscard]] bool execute_stale(const cache_command& command, time_point now, visitor visit,
                                   bool only_present = false);

  // --- values that a loader brings (cache_loaders.hpp)
  struct load_terms {
    std::shared_ptr<load_budget> budget;
    duration patience{};  // of the load
  };
  /// A get; takes `done` and returns true when this node serves the shard. `begun` is the number of a load that the
  /// caller is to carry out now and to end by finish_load; 0: none.
  [[nodiscard]] bool load(const cache_command& command, time_point now, time_point deadline, const load_terms& terms,
                          reply_callback& done, std::uint64_t& begun);
  /// Stores what was loaded, unless something overtook it, and answers who waits.
  void finish_load(std::uint32_t shard, std::uint64_t load, const load_result& result, time_point now);

  // --- for the backing store (actors/db) -------------------------------------------------------
  // All of them do nothing and return false (or 0) when this node is not the primary of the key's shard.

  /// A version for a write of `key`: higher than all given before in its shard and than `above`
  /// (pass the version that the database has for the key; 0 when it has none).
  [[nodiscard]] std::uint64_t next_version(cache_id cache, std::string_view key, std::uint64_t above = 0);

  /// Call before reading the database for a get; pass the result to apply_loaded.
  [[nodiscard]] std::uint64_t begin_load(cache_id cache, std::string_view key);

  /// Makes a value that was read from the database visible, if there is none or one of a lower
  /// version, and no committed write to the shard was applied since begin_load (`as_of`; leave it out when
  /// loads and writes are applied in database order by one thread). `ttl` 0: never expires.
  bool apply_loaded(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version, duration ttl,
                    time_point now, std::uint64_t as_of = UINT64_MAX);

  /// Makes a write visible after its commit, if there is no value or one of a lower version.
  bool apply_committed(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                       duration ttl, time_point now);

  /// The same for a delete; `version` from next_version.
  bool apply_erased(cache_id cache, std::string_view key, std::uint64_t version);

  // --- for the cluster part --------------------------------------------------------------------

  /// Goes by `table` from now on. Shards that are no longer held are cleared, and so are those that
  /// were created anew; newly held ones start empty under the row's epoch. Data stays when a primary
  /// becomes a replica or the reverse: only a copy in sync is ever made primary. errc::stale_term for
  /// a lower stamp, errc::corrupt for an unsound table or another number of shards.
  [[nodiscard]] expected<adoption> adopt(shard_table table, std::uint64_t my_pid);

  /// Commands are carried out up to this moment only: the end of this node's lease as a primary. Without
  /// a call there is no end.
  void serve_until(time_point end) noexcept {
    serve_until_.store(end.time_since_epoch().count(), std::memory_order_relaxed);
  }

  /// Whether any node holds data, by the table last adopted.
  enum class holders : std::uint8_t { unknown, none, some };
  [[nodiscard]] holders who_holds() const noexcept { return holders_.load(std::memory_order_acquire); }

  [[nodiscard]] shard_table table() const;
  [[nodiscard]] stamp table_stamp() const;
  [[nodiscard]] std::uint64_t tables_refused() const;
  /// Rises when the primary of some shard changes.
  [[nodiscard]] std::uint64_t topology_version() const noexcept {
    return topology_version_.load(std::memory_order_acquire);
  }

  /// Runs `f(held_shard&)` under the shard's lock, whatever this node's part in the shard is.
  template <class F>
  decltype(auto) with_shard(std::uint32_t shard, F&& f) {
    const std::lock_guard lock(shards_[shard].lock);
    return std::forward<F>(f)(shards_[shard].held);
  }

  /// Serves the shard no more, until a row of another epoch says so. False when this node does not serve it
  /// under the row of `epoch`.
  [[nodiscard]] bool release(std::uint32_t shard, std::uint64_t epoch);
  /// Takes a release back.
  void reopen(std::uint32_t shard, std::uint64_t epoch);
  /// An entry of a shard that this node gets from its primary. When the node's memory is full, others give
  /// way; false when there is no room all the same.
  [[nodiscard]] bool copy(std::uint32_t shard, const shard_store::entry_view& e, time_point now);

  /// What this node serves, for work beside the stores. `tell` is called after each adoption, release and the like,
  /// from any thread, without locks; set before anything is adopted.
  [[nodiscard]] shard_tenures& tenures() noexcept { return tenures_; }
  void on_tenures(std::function<void()> tell) { tell_tenures_ = std::move(tell); }

  // --- replication -----------------------------------------------------------------------------

  /// Where writes go; outlives the last call. Before anything is adopted.
  void set_channel(replica_channel& channel) noexcept { channel_ = &channel; }
  /// `wake` is called, from any thread, when tick_streams is wanted from now on; it must not block. Null: nobody ticks.
  void on_restless(std::function<void()> wake);
  /// Copies that hold writes up, after each tick that found some; called without locks.
  struct laggard {
    std::uint32_t shard = 0;
    std::uint64_t epoch = 0;
    std::uint64_t pid = 0;
  };
  void on_laggards(std::function<void(std::vector<laggard>)> tell) { tell_laggards_ = std::move(tell); }
  /// Something may be due.
  void want_ticks();
  /// Sends again what is due, answers waiting clients whose time has come; true while something may become due: call it
  /// again after stream_tick.
  [[nodiscard]] bool tick_streams(time_point now);
  static constexpr duration stream_tick = std::chrono::milliseconds(20);

  /// What a copy answered, in order; views are borrowed. And: nothing more is known of what was sent to `pid`.
  void on_answer(std::uint64_t pid, const stream_answer& a, std::span<const stream_entry> entries, time_point now);
  void on_broken(std::uint64_t pid, std::uint32_t shard, time_point now);
  // --- durability (actors/durability)
  /// The log of durable caches; outlives the last call. Before anything is adopted. Null: none.
  void set_journal(shard_journal* journal);
  /// The log has what it was told of the shard's turn, up to `sequence`.
  void on_logged(std::uint32_t shard, std::uint64_t turn, std::uint64_t sequence);
  /// ok when the log, if there is one, takes more.
  [[nodiscard]] errc may_log() const noexcept { return journal_ == nullptr ? errc::ok : journal_->may_write(); }
  [[nodiscard]] bool settled(std::uint32_t shard) const noexcept {
    return journal_ == nullptr || journal_->settled(shard);
  }
  [[nodiscard]] bool logs() const noexcept { return journal_ != nullptr; }
  /// How the log says how it is.
  void set_log_reader(std::function<cache_access::log_usage()> read) { read_log_ = std::move(read); }
  [[nodiscard]] cache_access::log_usage measure_log() const {
    return read_log_ ? read_log_() : cache_access::log_usage();
  }
  /// When the log, which there is, has all that it was told until now.
  void when_settled(std::function<void()> then) { journal_->when_settled(std::move(then)); }

  /// The node stops: whoever waits for copies is told (outcome_unknown, or not_owner for a read), and nobody waits from
  /// now on. Idempotent.
  void close();

  /// This node's PID by the table last adopted.
  [[nodiscard]] std::uint64_t my_pid() const noexcept { return my_pid_.load(std::memory_order_relaxed); }

  /// Told of every write of a shard that this node is the primary of; null: nobody. Whoever was told before is told
  /// nothing more when this returns.
  void watch_writes(write_watcher* watcher);
  /// Told of changes in the shards that this node is the primary of; null: nobody. Whoever was told before is told
  /// nothing more when this returns.
  void tell_changes(change_listener* to) { tell_changes(change_fanout::seat::subscribers, to); }
  /// The same for who arms reminders.
  void tell_reminders(change_listener* to) { tell_changes(change_fanout::seat::reminders, to); }
  /// Commands are carried out now.
  [[nodiscard]] bool serves(time_point now) const noexcept { return may_serve(now); }

  /// See cache_access::listen.
  void listen(cache_id cache, keyspace_listener* listener);

  // --- upkeep ----------------------------------------------------------------------------------

  struct sweep_result {
    std::size_t freed = 0;    // entries
    bool may_expire = false;  // some entries have a time to live: sweep again soon
  };
  /// Active expiry of a slice of the shards; called about every 100 ms while entries may expire.
  sweep_result sweep(time_point now);

  [[nodiscard]] cache_access::usage measure() const;
  /// By cache id, of those below `caches`; all that is held here, copies too.
  struct cache_usage {
    std::uint64_t keys = 0;
    std::uint64_t bytes = 0;
    std::uint64_t evicted = 0;
  };
  [[nodiscard]] std::vector<cache_usage> measure_caches(std::size_t caches) const;
  /// In force from the next write on.
  void set_memory_max(std::uint64_t bytes) noexcept {
    ledger_.set_max(bytes);
    kept_.set_max(bytes / kept_share);
  }
  void set_eviction(eviction_policy p);

 private:
  struct alignas(64) hosted_shard {
    hosted_shard(const store_settings& s, std::uint32_t index) : held(s, index) {}
    hosted_shard(hosted_shard&& other) noexcept : held(std::move(other.held)) {}  // only while the vector is filled

    mutable shard_lock lock;
    std::atomic<std::uint64_t> owner{0};  // written under lock, read without
    held_shard held;                      // guarded by lock
  };

  void tell_changes(change_fanout::seat who, change_listener* to);
  [[nodiscard]] static owned_reply copy_of(const cache_reply& r);
  static void give(std::vector<ready_reply>& ready);
  static void give(std::vector<called_client>& called);
  static void gather(hosted_shard& s, std::vector<called_client>& called);
  [[nodiscard]] bool make_room(std::uint64_t bytes, std::uint32_t except, cache_id cache, time_point now);
  [[nodiscard]] bool store_loaded(hosted_shard& s, std::uint64_t load, const loaded_value& value, time_point now,
                                  bool anyway);
  struct told {
    std::vector<ready_reply> ready;
    std::vector<called_client> called;
  };
  [[nodiscard]] expected<adoption> adopt(shard_table table, std::uint64_t my_pid, told& answers);
  void take_role(std::uint32_t index, const shard_row& row, std::uint64_t my_pid, adoption& changes, told& answers);

  /// Of the memory, what loaders' old values and misses may take.
  static constexpr std::uint64_t kept_share = 8;

  const std::vector<cache_id> backed_;
  replica_channel* channel_;
  shard_journal* journal_ = nullptr;
  std::function<cache_access::log_usage()> read_log_;
  memory_ledger ledger_;
  memory_ledger kept_;
  cache_ledgers caches_;
  const cache_rule_book rules_;
  value_limits limits_;
  std::mutex told_mutex_;  // taken before any shard's lock
  change_fanout told_;
  std::vector<hosted_shard> shards_;
  shard_tenures tenures_;
  std::function<void()> tell_tenures_;
  mutable std::mutex table_mutex_;  // taken before any shard's lock
  accepted_table table_;
  std::atomic<std::uint64_t> topology_version_{0};
  std::atomic<holders> holders_{holders::unknown};
  [[nodiscard]] bool may_serve(time_point now) const noexcept {
    return now.time_since_epoch().count() <= serve_until_.load(std::memory_order_relaxed);
  }

  std::atomic<duration::rep> serve_until_{time_point::max().time_since_epoch().count()};
  std::atomic<std::uint64_t> my_pid_{0};
  std::atomic<bool> closed_{false};
  std::atomic<bool> listened_{false};  // somebody is told of what expires
  std::atomic<bool> ticking_{false};   // the wake was called, and tick_streams has not returned false since
  std::mutex wake_mutex_;
  std::function<void()> wake_;
  std::function<void(std::vector<laggard>)> tell_laggards_;
  std::atomic<eviction_policy> eviction_;
  std::atomic<std::uint32_t> evict_next_{0};
  std::atomic<std::uint32_t> sweep_next_{0};
};

}  // namespace troupe
