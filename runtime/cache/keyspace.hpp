// The keys of one cache in one shard, as a procedure sees them: it finds values, changes them, and each change is noted
// with what a copy has to do for the same effect.
//
// Room is made before a procedure begins, and nothing is evicted under it: what find() showed stays valid until that
// key itself is written. Objects are changed in place, and edited() is called after each change.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/cache/keyspace_event.hpp"
#include "runtime/cache/shard_store.hpp"

namespace troupe {

/// One key's part of what a procedure did.
struct effect {
  enum class form : std::uint8_t { whole, erased, edit };
  enum class cause : std::uint8_t { command, expired, evicted };
  form what = form::whole;
  cause removal = cause::command;  // of what was erased; otherwise `base` is the version that went
  value_edit edit = value_edit::none;
  cache_id cache = 0;
  std::string key;
  std::uint64_t version = 0;
  std::uint64_t base = 0;  // of an edit: the version before; 0: there was no value
  time_point expiry = time_point::max();
  std::string words;  // of an edit, packed
};

class keyspace {
 public:
  static constexpr time_point never = time_point::max();

  struct surroundings {
    time_point now;
    duration wall{};  // since 1970, at `now`
    troupe::random* rng = nullptr;
    keyspace_listener* listener = nullptr;                     // null: nobody listens
    std::vector<effect>* effects = nullptr;                    // null: nobody asks
    std::vector<shard_store::removed_key>* removed = nullptr;  // where the store notes what expires; null: nowhere
  };
  /// All of them outlive it.
  keyspace(shard_store& store, cache_id cache, const surroundings& s) noexcept;
  ~keyspace();
  keyspace(const keyspace&) = delete;
  keyspace& operator=(const keyspace&) = delete;

  struct found {
    value_type type = value_type::string;
    std::string_view bytes;          // of a string
    value_object* object = nullptr;  // of anything else
    std::uint64_t version = 0;
    time_point expiry = never;
    std::uint32_t used = 0;  // before this access: eviction.hpp
  };
  /// The live value; counts as an access. Valid until the key is written or another one is found to have expired.
  [[nodiscard]] std::optional<found> find(std::string_view key);
  /// The same, no access.
  [[nodiscard]] std::optional<found> look(std::string_view key);

  /// A string. too_large, out_of_memory (the allocator has none).
  [[nodiscard]] errc put(std::string_view key, std::string_view bytes, time_point expiry = never);
  /// An object, not empty.
  [[nodiscard]] errc put(std::string_view key, std::unique_ptr<value_object> object, time_point expiry = never);
  /// Writes over a string that is there from `offset` on; it grows with zero bytes as far as needed.
  [[nodiscard]] errc splice(std::string_view key, std::uint64_t offset, std::string_view bytes);
  /// The value of a key that is there was changed by `edit`, with these packed words. An object that is empty by now is
  /// erased.
  void edited(std::string_view key, value_edit edit, std::string_view words);
  /// False when there is none.
  bool erase(std::string_view key);
  /// The same, and no event says so.
  bool take_away(std::string_view key);
  /// All keys of the cache in the shard, at once; no event says so.
  void drop();
  /// Of a key that is there.
  void set_expiry(std::string_view key, time_point expiry);

  /// As shard_store::scan, of this cache's entries only; `look` must not change anything.
  [[nodiscard]] std::uint64_t scan(std::uint64_t position, std::size_t budget,
                                   function_ref<void(const shard_store::entry_view&)> look) const;
  /// Keys of this cache in the shard, also those that expired and were not removed yet.
  [[nodiscard]] std::uint64_t count() const noexcept { return store_.keys_of(cache_); }

  [[nodiscard]] std::unique_ptr<value_object> make(value_type t) const {
    return make_value(t, store_.limits(), store_.hash_seed());
  }
  [[nodiscard]] const value_limits& limits() const noexcept { return store_.limits(); }
  [[nodiscard]] std::uint64_t hash_seed() const noexcept { return store_.hash_seed(); }
  [[nodiscard]] eviction_policy eviction() const noexcept { return store_.eviction(); }
  /// As if a key that is there was used so.
  void set_used(std::string_view key, std::uint32_t used);
  /// What the key takes in memory, about; 0 when it is not there.
  [[nodiscard]] std::uint64_t footprint_of(std::string_view key);

  /// An event of a key, by its name in Redis.
  void tell(std::uint32_t kind, std::string_view name, std::string_view key) const {
    if (s_.listener != nullptr && s_.listener->wants(kind)) s_.listener->on_event(kind, name, key);
  }
  /// Keys that are looked for and not found are told from now on, or not.
  void tell_missed(bool tells) noexcept { tells_missed_ = tells; }

  [[nodiscard]] time_point now() const noexcept { return s_.now; }
  /// Milliseconds since 1970, rounded down.
  [[nodiscard]] std::int64_t wall_ms() const noexcept {
    return std::chrono::floor<std::chrono::milliseconds>(s_.wall).count();
  }
  /// The moment on the monotonic clock when the wall clock says wall_ms(), exactly.
  [[nodiscard]] time_point wall_point() const noexcept {
    return s_.now - (s_.wall - std::chrono::floor<std::chrono::milliseconds>(s_.wall));
  }
  [[nodiscard]] troupe::random& rng() noexcept { return *s_.rng; }
  [[nodiscard]] cache_id cache() const noexcept { return cache_; }
  /// Of the latest write of this procedure; 0: there was none.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
  /// Somebody wants to know the words of edits.
  [[nodiscard]] bool notes() const noexcept { return s_.effects != nullptr; }

 private:
  using entry = shard_store::entry;

  [[nodiscard]] std::optional<found> show(std::string_view key, bool access);
  [[nodiscard]] errc write(std::string_view key, std::string_view bytes, value_object* object, time_point expiry);
  void note(effect e);
  void note_removed();
  void tell_gone(const shard_store::removed_key& gone) const;
  std::uint64_t next_version() noexcept { return written_ = ++store_.version_; }

  shard_store& store_;
  const cache_id cache_;
  const surroundings s_;
  bool tells_missed_ = false;
  std::uint64_t written_ = 0;
  std::uint64_t bytes_before_ = 0;  // of the store
  std::uint64_t whole_bytes_ = 0;   // of values put
};

}  // namespace troupe
