// Copies of small caches at every node (caches.NAME.replicas = "all"): what this node holds of them, shard by shard,
// for its own readers. Beside the copies in sync, which make writes safe; this one makes reads quick.
//
// Changes come from the primaries in their order (change_feed.hpp), with values and versions. Where that order is
// broken the shard's copy is repaired: digests of what is here go to the primary, and the entries of the buckets that
// differ come back, while changes go on; the later version of a key wins. A shard is whole when all pages are here and
// its primary has said, among the changes, that everything it read for them is committed.
//
//   stale     a gap was told, or nothing is known     -> repairing, some shards at a time
//   repairing asks page by page; keeps what was here  -> whole, or stale when a page is lost or another gap is told
//   whole     readers are answered                    -> stale, forgone
//   forgone   the cache is larger than its limit here -> stale, after a pause, if there is room
//
// What is answered here was the primary's at some moment of the last `trust`; no key goes back at this node, and what
// was written through this node is seen by every later read here: a key that a command passed through this node for is
// answered here again only by what was asked for after that command had its answer.
//
// Pure: called from one thread at a time; it says what to send.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/cache_changes.hpp>
#include <troupe/time.hpp>

#include "runtime/base/random.hpp"
#include "runtime/cache/command.hpp"
#include "runtime/cache/local_copy_message.hpp"

namespace troupe {

class local_copy {
 public:
  static constexpr duration trust = std::chrono::seconds(1);
  static constexpr duration retry = std::chrono::milliseconds(100);
  /// Until a shard that did not fit is tried again.
  static constexpr duration forgone_pause = std::chrono::seconds(30);
  /// A page that is not answered by then is lost.
  static constexpr duration page_max = std::chrono::seconds(2);
  static constexpr std::size_t repairs_max = 4;  // at a time
  /// Keys that commands passed for lately; beyond it nothing is answered here for a moment.
  static constexpr std::size_t passed_max = 10'000;
  /// What an entry takes beside its key and value, about.
  static constexpr std::uint64_t entry_overhead = 160;

  /// Bytes of each cache, by id; 0: it is not kept here. `seed`: of salts.
  local_copy(std::vector<std::uint64_t> bytes_max, std::uint32_t shards, std::uint64_t seed);

  [[nodiscard]] bool keeps(cache_id cache) const noexcept { return cache < bytes_max_.size() && bytes_max_[cache] > 0; }

  struct shown {
    bool found = false;      // otherwise the key has no value
    std::string_view value;  // borrowed, until the next call
    std::uint64_t version = 0;
    duration ttl{};  // what is left; 0: never expires
  };
  /// `confirmed`: when the latest poll was sent whose answer had all of the shard's source. None: ask the primary.
  [[nodiscard]] std::optional<shown> find(cache_id cache, std::uint32_t shard, std::string_view key,
                                          time_point confirmed, time_point now);
  /// A command for the key leaves for its primary; what it returns goes to on_answered, when it has its answer.
  [[nodiscard]] bool on_leave(cache_id cache, std::string_view key);
  void on_answered(cache_id cache, std::string_view key, bool noted, time_point now);
  /// The primary answered a get that left here: with this version, or that there is no such key. What is answered here
  /// later is at least that; gets alone do not keep a key from being answered here, however many there are.
  void on_read(cache_id cache, std::string_view key, std::optional<std::uint64_t> version, time_point now);
  /// The same as on_leave and on_answered of a command that may concern any key.
  void on_leave_all() noexcept { ++untracked_; }
  void on_answered_all(time_point now) {
    --untracked_;
    on_all_passed(now);
  }
  /// Shards have other owners by this node's table: what it answered as their primary is not known here.
  void on_all_passed(time_point now) { passed_all_ = now; }

  // --- from the feed, in order
  void on_gap(cache_id cache, std::uint32_t shard);
  void on_change(const cache_change& c, cache_id cache, duration ttl, time_point now);
  void on_mark(cache_id cache, std::uint32_t shard, std::uint64_t token);

  // --- repairs
  /// Requests that are to be sent now, each to the source of its shard; the session is the caller's to set.
  [[nodiscard]] std::vector<copy_request> on_tick(time_point now);
  /// None: the request failed, or could not be sent.
  void on_page(const copy_request& of, const std::optional<copy_page>& page, time_point now);

  struct numbers {
    std::uint64_t hits = 0;
    std::uint64_t repairs = 0;  // begun
    std::uint64_t rows = 0;     // that repairs brought
    std::uint64_t forgone = 0;  // times that a shard did not fit
  };
  [[nodiscard]] const numbers& count() const noexcept { return numbers_; }
  [[nodiscard]] std::uint64_t bytes(cache_id cache) const noexcept { return cache < bytes_.size() ? bytes_[cache] : 0; }
  /// Shards of the cache that readers are answered of.
  [[nodiscard]] std::size_t whole(cache_id cache) const noexcept;
  /// Shows what is held of a shard: for tests.
  template <class F>
  void each(cache_id cache, std::uint32_t shard, F&& show) const {
    const auto at = parts_.find({cache, shard});
    if (at == parts_.end()) return;
    for (const auto& [key, r] : at->second.rows) show(key, r.version, r.value);
  }

 private:
  enum class state : std::uint8_t { stale, repairing, whole, forgone };
  struct row {
    std::uint64_t version = 0;
    time_point end = time_point::max();
    std::optional<std::string> value;  // none: only the primary has it
  };
  struct part {
    state is = state::stale;
    bool told = false;  // changes come
    std::map<std::string, row, std::less<>> rows;
    std::uint64_t bytes = 0;
    // While it is not whole.
    std::map<std::string, std::uint64_t, std::less<>> gone;  // keys that ended, with the version that may not come back
    std::uint64_t floor = 0;                                 // the same of all keys
    std::uint64_t token = 0;                                 // of the attempt
    std::uint64_t salt = 0;
    std::uint64_t read_at = 0;  // the primary's version before it read the first page
    copy_mask buckets = 0;
    std::set<std::string, std::less<>> listed;
    bool all_here = false;  // pages
    bool marked = false;
    time_point again = time_point::min();
    time_point asked = time_point::max();  // or since when the mark is awaited
    std::optional<copy_request> next;      // page, to be asked for
  };
  struct passing {
    std::uint32_t under_way = 0;
    time_point answered = time_point::min();
    // Of gets.
    std::uint64_t version = 0;  // the latest that was found
    time_point found = time_point::min();
    time_point missed = time_point::min();

    [[nodiscard]] time_point latest() const noexcept { return std::max({answered, found, missed}); }
  };
  using part_key = std::pair<cache_id, std::uint32_t>;
  using name = std::pair<cache_id, std::string>;

  [[nodiscard]] const passing* passed(cache_id cache, std::string_view key) const;
  void tick_part(part& p, std::uint64_t bytes, std::uint64_t most, time_point now);
  [[nodiscard]] copy_request begin(const part_key& who, part& p, time_point now);
  void put(cache_id cache, part& p, std::string_view key, row r, time_point now);
  void erase(cache_id cache, part& p, std::string_view key, std::uint64_t up_to);
  void drop(cache_id cache, part& p, std::uint64_t up_to);
  void take_row(cache_id cache, part& p, const copy_row& r, time_point now);
  void end_pages(cache_id cache, part& p);
  static void settle(part& p);
  static void give_up(part& p, time_point again);
  void forgo(cache_id cache, part& p, time_point now);
  void clear(cache_id cache, part& p);
  [[nodiscard]] static std::uint64_t size_of(std::string_view key, const row& r) noexcept {
    return entry_overhead + key.size() + (r.value ? r.value->size() : 0);
  }

  const std::vector<std::uint64_t> bytes_max_;
  std::vector<std::uint64_t> bytes_;  // by cache
  std::map<part_key, part> parts_;
  std::map<name, passing> passed_;
  std::uint64_t untracked_ = 0;  // commands under way beyond passed_max
  time_point passed_all_ = time_point::min();
  std::uint64_t next_token_ = 1;
  random dice_;
  numbers numbers_;
};

}  // namespace troupe
