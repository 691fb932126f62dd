// The data of one shard: (cache, key) -> value, version, expiry. Pure: no lock, no clock, no thread;
// whoever owns a store calls it from one thread at a time and passes the time.
//
// Picture: a table of 8-byte slots (48 bits of address, 16 bits of hash) probed linearly, ordered by
// the top bits of the hash; each slot points to one allocation that holds header, key and value.
// Every byte allocated is taken from a memory_ledger that all shards of a node share. When it is full, one of a few
// sampled entries gives way, by the policy (as in Redis), so the order is exact only in small shards.
//
// Versions: 24 bits of configuration epoch, 40 bits of counter, one counter for the shard: a key's
// version rises with each write, across a delete, and across a re-creation under a higher epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/function_ref.hpp"
#include "runtime/cache/cache_ledgers.hpp"
#include "runtime/cache/cache_rules.hpp"
#include "runtime/cache/command.hpp"
#include "runtime/cache/eviction.hpp"
#include "runtime/cache/expiry_wheel.hpp"
#include "runtime/cache/memory_ledger.hpp"
#include "runtime/cache/scan_order.hpp"
#include "runtime/cache/values/footprint.hpp"
#include "runtime/cache/values/value_object.hpp"

namespace troupe {

inline constexpr std::size_t key_bytes_max = 64 * 1024;
/// What the store itself can hold; `cache.value_max` is the limit users see, and lower.
inline constexpr std::size_t value_bytes_max = 0xffffffff;
/// Cache ids are below this.
inline constexpr std::uint32_t caches_max = 4096;
/// Where a cache may be named: all of them.
inline constexpr cache_id any_cache = 0xffff;

inline constexpr unsigned version_counter_bits = 40;
inline constexpr std::uint64_t version_epoch_max = (std::uint64_t{1} << 24) - 1;

struct store_settings {
  memory_ledger* ledger = nullptr;  // must outlive the store
  std::uint64_t hash_seed = 0;      // secret and different for each process, against chosen keys
  eviction_policy eviction = eviction_policy::lru;
  const value_limits* limits = nullptr;    // null: the usual ones; must outlive the store, as the next
  cache_ledgers* caches = nullptr;         // null: no cache has limits of its own
  const cache_rule_book* rules = nullptr;  // null: no cache has any
  memory_ledger* kept = nullptr;           // bounds what shard_loads keeps; null: nothing
};

class shard_store {
 public:
  using visitor = function_ref<void(const cache_reply&)>;

  /// A live entry as scan() shows it; the views are valid inside the visitor only.
  struct entry_view {
    cache_id cache = 0;
    std::string_view key;
    std::string_view value;
    std::uint64_t version = 0;
    duration ttl{};                        // what is left; 0: never expires
    const value_object* object = nullptr;  // the value, if it is no string; `value` is empty then
    bool is_object = false;                // of an entry that is copied: `value` is an object's serialised form
  };
  using entry_visitor = function_ref<void(const entry_view&)>;

  explicit shard_store(const store_settings& settings) noexcept;
  shard_store(shard_store&& other) noexcept;
  shard_store& operator=(shard_store&&) = delete;
  ~shard_store();

  /// Does one command but a run. The reply's value is valid until the next call. Codes: get, head: not_found; get:
  /// wrong_type of what is no string, which a put replaces.
  /// put: condition_failed (with the present version), out_of_memory, too_large, invalid_argument
  /// (a negative ttl). erase: not_found, condition_failed. A write's version is in the reply.
  [[nodiscard]] cache_reply apply(const cache_command& command, time_point now);
  void apply(const cache_command& command, time_point now, visitor visit) { visit(apply(command, now)); }

  /// A get or head that has a live value here is answered; anything else returns false and does nothing.
  [[nodiscard]] bool apply_if_present(const cache_command& command, time_point now, visitor visit);

  /// A write that was decided elsewhere (a database, a primary), with the version it got there.
  /// Stored if there is no entry or one with a lower version; says whether it was. When there is no
  /// room, an older entry is erased, so that no stale value stays visible. `ttl` 0: never expires;
  /// negative: has expired already.
  bool apply_committed(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                       duration ttl, time_point now);

  /// The same, for a copy: true when it is stored, or something as new is there already; false for want of room.
  /// `e.is_object`: the value is in serialised form; one that makes no sense is dropped.
  [[nodiscard]] bool copy_entry(const entry_view& e, time_point now);

  /// Repeats an edit on a copy, where it is what the edit was made on: nothing is done when there is no value of the
  /// version `base` (it was evicted here), or a later one. A value that cannot be changed so is dropped.
  struct copied_edit {
    cache_id cache = 0;
    std::string_view key;
    value_edit edit = value_edit::none;
    std::string_view words;     // packed
    std::uint64_t base = 0;     // 0: there was no value
    std::uint64_t version = 0;  // from then on
    duration ttl{};             // 0: never expires
  };
  void copy_edit(const copied_edit& e, time_point now);

  /// A delete that was decided elsewhere: erases an entry with a lower version; says whether it did.
  bool apply_erased(cache_id cache, std::string_view key, std::uint64_t version);

  /// A value read from the backing database. As apply_committed, but refused when a committed write
  /// was applied to this shard since commits() said `as_of`, before the read began: the value read
  /// may be older than that write. UINT64_MAX: do not check.
  bool apply_loaded(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version, duration ttl,
                    time_point now, std::uint64_t as_of);

  /// How many writes apply_committed and apply_erased have brought.
  [[nodiscard]] std::uint64_t commits() const noexcept { return commits_; }
  /// The highest version given or seen in this shard.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  /// Gives a new version, higher than version() and than `above`.
  std::uint64_t next_version(std::uint64_t above = 0) noexcept;
  /// Versions given from now on are those of `epoch` or higher; beyond version_epoch_max the counter just goes on.
  void begin_epoch(std::uint64_t epoch) noexcept;

  /// The live value, without counting as an access; its view is valid until the next call.
  [[nodiscard]] std::optional<entry_view> peek(cache_id cache, std::string_view key, time_point now) const noexcept;

  /// Keys that expire or are evicted from now on are added to `into`, which outlives the store; null: to nothing.
  struct removed_key {
    cache_id cache = 0;
    std::string key;
    bool evicted = false;  // otherwise it expired
    bool told = false;     // whoever listens knows
    std::uint64_t version = 0;
    // Of an expired string of a cache whose rules keep it for a while.
    bool kept = false;
    std::string value{};
    time_point expiry{};
  };
  void note_removals(std::vector<removed_key>* into) noexcept { removals_ = into; }

  /// Shows about `count` live entries from `cursor` on (0: the start) and returns the next cursor, 0
  /// at the end. A full scan shows every entry that exists from its start to its end exactly once,
  /// whatever is written meanwhile. The visitor must not call the store.
  [[nodiscard]] std::uint64_t scan(std::uint64_t cursor, std::size_t count, time_point now, entry_visitor visit) const;

  /// Frees expired entries, looking at `budget` of those that may have expired at most; goes on where the last call
  /// ended. Returns how many were freed. `now` never goes back.
  std::size_t expire(time_point now, std::size_t budget);

  /// Evicts entries until `bytes` are freed or the store is empty; returns the bytes freed. Does
  /// nothing under eviction_policy::none. Of one cache, if it is given.
  std::uint64_t evict(std::uint64_t bytes, time_point now, cache_id cache = any_cache);

  /// Entries of the cache with no higher version are not there any more, at once; free_dropped frees them.
  void drop(cache_id cache, std::uint64_t version);
  /// Entries with no higher version are not there; 0: the cache was never dropped.
  [[nodiscard]] std::uint64_t floor_of(cache_id cache) const noexcept {
    return cache < parts_.size() ? parts_[cache].floor : 0;
  }
  /// Frees what drops left over, looking at about `budget` slots; goes on where the last call ended.
  void free_dropped(std::size_t budget);
  /// Entries that wait for it.
  [[nodiscard]] std::uint32_t dropped() const noexcept { return dropped_; }

  void set_eviction(eviction_policy p) noexcept { settings_.eviction = p; }
  [[nodiscard]] eviction_policy eviction() const noexcept { return settings_.eviction; }

  /// Frees everything. Versions go on.
  void clear() noexcept;
  /// Frees the entries of one cache.
  void clear(cache_id cache) noexcept;

  [[nodiscard]] std::uint64_t keys() const noexcept { return count_ - dropped_; }
  /// Of one cache.
  [[nodiscard]] std::uint64_t keys_of(cache_id cache) const noexcept {
    return cache < parts_.size() ? parts_[cache].keys : 0;
  }
  /// Of its entries; what was dropped and not freed yet counts.
  [[nodiscard]] std::uint64_t bytes_of(cache_id cache) const noexcept {
    return cache < parts_.size() ? parts_[cache].bytes : 0;
  }
  [[nodiscard]] std::uint64_t evicted_of(cache_id cache) const noexcept {
    return cache < parts_.size() ? parts_[cache].evicted : 0;
  }
  /// Entries that have a time to live.
  [[nodiscard]] std::uint32_t with_expiry() const noexcept { return with_expiry_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_; }
  [[nodiscard]] std::uint64_t expired() const noexcept { return expired_; }

  /// What a copy needs to take a group of writes as one, or a procedure before it begins; false when nothing gives way.
  /// `cache` (any_cache: none) has to have room for it too, and for its key if that is not there.
  [[nodiscard]] bool make_room(std::uint64_t bytes, time_point now, cache_id cache = any_cache,
                               std::string_view key = {});
  /// While it lives, nothing is evicted and nothing is refused for want of room: that was made before.
  class settled_room {
   public:
    explicit settled_room(shard_store& s) noexcept : store_(s), was_(std::exchange(s.unbounded_, true)) {}
    ~settled_room() { store_.unbounded_ = was_; }
    settled_room(const settled_room&) = delete;
    settled_room& operator=(const settled_room&) = delete;

   private:
    shard_store& store_;
    const bool was_;
  };
  [[nodiscard]] std::uint64_t hash_seed() const noexcept { return settings_.hash_seed; }
  [[nodiscard]] const value_limits& limits() const noexcept { return *settings_.limits; }
  [[nodiscard]] const store_settings& settings() const noexcept { return settings_; }
  [[nodiscard]] const cache_rule_book& rules() const noexcept { return *settings_.rules; }

 private:
  friend class keyspace;

  struct entry;
  struct key_ref {
    std::uint64_t hash = 0;
    cache_id cache = 0;
    std::string_view key;
  };
  struct content {
    std::string_view value;
    std::uint64_t version = 0;
    time_point expiry = never;
    value_object* object = nullptr;  // the value instead, owned by the entry from then on
  };
  static constexpr time_point never = time_point::max();
  static constexpr std::uint32_t no_slot = UINT32_MAX;

  [[nodiscard]] key_ref refer(cache_id cache, std::string_view key) const noexcept;
  [[nodiscard]] std::uint32_t find(const key_ref& k) const noexcept;
  [[nodiscard]] std::uint32_t find_live(const key_ref& k, time_point now);
  [[nodiscard]] entry* at(std::uint32_t slot) const noexcept;
  [[nodiscard]] std::uint32_t capacity() const noexcept { return table_ == nullptr ? 0 : mask_ + 1; }

  [[nodiscard]] cache_reply read(const cache_command& c, time_point now);
  [[nodiscard]] cache_reply put(const cache_command& c, time_point now);
  [[nodiscard]] cache_reply erase(const cache_command& c, time_point now);
  [[nodiscard]] static entry_view view_of(const entry& e, time_point now) noexcept;
  [[nodiscard]] cache_reply show(entry& e, cache_op op, time_point now) noexcept;

  [[nodiscard]] bool write(std::uint32_t slot, const key_ref& k, const content& c, time_point now);
  [[nodiscard]] bool splice(std::uint32_t slot, const key_ref& k, std::uint64_t offset, std::string_view bytes);
  [[nodiscard]] bool change_expiry(std::uint32_t slot, const key_ref& k, time_point expiry);
  [[nodiscard]] bool overwrite(std::uint32_t slot, const key_ref& k, const content& c, time_point now);
  [[nodiscard]] bool insert(const key_ref& k, const content& c, time_point now);
  [[nodiscard]] bool write_bytes(std::uint32_t slot, const key_ref& k, const content& c, time_point now);
  [[nodiscard]] bool copy_object(const entry_view& e, time_point now);
  [[nodiscard]] bool repeat(std::uint32_t slot, const key_ref& k, const copied_edit& e);
  void settle(cache_id cache, value_object& o) noexcept;
  void destroy(cache_id cache, value_object* o) noexcept;
  void settle_excess(std::uint64_t most, cache_id cache, time_point now);
  void fill(entry& e, const key_ref& k, const content& c, std::uint32_t used, expiry_wheel::bucket from) noexcept;
  [[nodiscard]] std::uint32_t first_use(time_point now) const noexcept;
  [[nodiscard]] std::uint32_t next_use(std::uint32_t used, time_point now) noexcept;
  [[nodiscard]] std::uint64_t dispensable(const entry& e, time_point now) const noexcept;
  bool store_newer(const key_ref& k, content c, duration ttl, time_point now);

  /// A cache's part of the store.
  struct cache_part {
    std::uint32_t keys = 0;   // that are there
    std::uint64_t bytes = 0;  // of its entries and their objects
    std::uint64_t floor = 0;
    std::uint64_t evicted = 0;
  };
  [[nodiscard]] cache_part& part(cache_id cache);
  [[nodiscard]] bool is_dropped(const entry& e) const noexcept;
  void charge(cache_id cache, std::uint64_t bytes) noexcept;
  void discharge(cache_id cache, std::uint64_t bytes) noexcept;
  [[nodiscard]] bool has_room(cache_id cache, std::uint64_t bytes, std::uint64_t keys) const noexcept {
    return settings_.caches == nullptr || settings_.caches->has_room(cache, bytes, keys);
  }
  [[nodiscard]] bool take_cache_room(cache_id cache, std::uint64_t bytes, std::uint64_t keys, const entry* keep,
                                     time_point now);
  [[nodiscard]] bool take_room(std::uint64_t bytes, const entry* keep, time_point now);
  [[nodiscard]] bool take_room_for_insert(std::uint64_t entry_bytes, time_point now, bool& grow);
  void give_room(std::uint64_t bytes) noexcept;
  [[nodiscard]] bool evict_one(const entry* keep, time_point now, cache_id only = any_cache);
  [[nodiscard]] std::size_t expire_one(const expiry_wheel::reference& due, time_point now);
  void schedule(entry& e);
  void forget_stale_references();
  void forget_references() noexcept;
  void account_wheel() noexcept;
  [[nodiscard]] bool is_in_run(std::uint64_t i, std::uint64_t first) const noexcept;
  void remove(std::uint32_t slot) noexcept;
  void remove_unasked(std::uint32_t slot, bool evicted = false);
  void place(std::uint64_t tagged, std::uint32_t position) noexcept;
  [[nodiscard]] bool resize(std::uint32_t slots) noexcept;
  void shrink_if_sparse() noexcept;

  store_settings settings_;
  std::vector<removed_key>* removals_ = nullptr;
  bool unbounded_ = false;  // a procedure is at work: room was made before it began, nothing is evicted under it
  std::uint64_t* table_ = nullptr;  // mask_ + 1 slots; 0 is an empty slot
  std::uint32_t mask_ = 0;
  scan_order order_;
  std::uint32_t count_ = 0;
  std::uint32_t dropped_ = 0;      // of count_
  std::uint32_t free_slot_ = 0;    // where the next free_dropped() starts
  std::vector<cache_part> parts_;  // by cache
  random dice_;
  std::uint64_t version_ = 0;
  std::uint64_t commits_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t expired_ = 0;
  std::uint32_t evict_slot_ = 0;   // where the next sample starts
  std::uint32_t with_expiry_ = 0;  // entries that have one
  expiry_wheel wheel_;
  std::uint64_t wheel_bytes_ = 0;  // of it, in bytes_
};

}  // namespace troupe
