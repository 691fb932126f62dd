// The reminders of one shard at the node that serves it: what the shard's store has of them, in the order in which they
// are due. Whoever owns it calls it from one thread at a time, tells it what the store has (a scan when the shard is
// gained, then each change, in the store's order), and passes both clocks; it carries out what comes.
//
//   a reminder   is                              leaves it by
//   armed        in the store, not due           its time comes: firing
//   firing       sent to its grain               handled: settling; an error, or no answer in time: waiting
//   waiting      failed                          retry_first ... retry_max later: firing
//   settling     fired; to be erased or moved    the store says so: gone, or armed for its next time
//   woken        a remembered grain, awake       it ended, though it did not wish to rest: waiting
//
// It knows nothing but the store: what is settled by version at the node that holds the shard then is settled. So a
// reminder whose firing was not written down comes again, here or elsewhere: at least once. A reminder that is replaced
// or forgotten while it fires is looked up by its version before its handler runs (actors/grains), so it is not
// handled.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/reminders/reminder_ledger.hpp"

namespace troupe {

struct reminder_output {
  struct firing {
    std::string key;
    std::uint64_t version = 0;
    std::uint64_t number = 0;  // on_answer follows
    std::uint64_t due = 0;     // ms since 1970
    std::uint64_t missed = 0;  // ticks after it
    bool wakes = false;        // a remembered grain
    std::uint32_t attempt = 1;
  };
  struct write {
    std::string key;
    std::uint64_t version = 0;           // if it still has that
    std::uint64_t number = 0;            // on_written follows
    std::optional<std::uint64_t> due{};  // it is moved there; none: erased
  };
  std::vector<firing> fired;
  std::vector<write> writes;
};

class reminder_shard {
 public:
  explicit reminder_shard(reminder_ledger& ledger) : ledger_(ledger) {}
  ~reminder_shard() { clear(); }
  reminder_shard(const reminder_shard&) = delete;
  reminder_shard& operator=(const reminder_shard&) = delete;

  /// 0: this node does not serve the shard. Another one than before: nothing is known, and a scan is to begin.
  void on_tenure(std::uint64_t tenure);
  [[nodiscard]] std::uint64_t tenure() const noexcept { return tenure_; }
  /// The scan has shown everything.
  void on_whole() noexcept { whole_ = true; }
  [[nodiscard]] bool whole() const noexcept { return whole_; }

  // --- what the store has
  struct entry {
    std::uint64_t version = 0;
    std::uint64_t due = 0;     // ms since 1970
    std::uint64_t period = 0;  // ms; 0: once
    bool wakes = false;        // no reminder: the grain is remembered, and is woken
    std::uint16_t cache = 0;   // the store's number of it
  };
  void on_entry(std::string_view key, const entry& e);
  /// What had no higher version is gone.
  void on_gone(std::string_view key, std::uint64_t version);
  void on_all_gone(std::uint16_t cache, std::uint64_t version);

  // --- time
  /// `leased`: this node may act for the shard at `now`. `wall`: ms since 1970.
  void on_tick(bool leased, time_point now, std::uint64_t wall, reminder_output& out);
  /// When on_tick is wanted, with nothing else happening; `crowded` when what is due has no room.
  [[nodiscard]] time_point next_tick(time_point now, std::uint64_t wall) const;
  static constexpr duration crowded_tick = std::chrono::milliseconds(20);

  // --- what became of it
  void on_answer(std::uint64_t number, bool handled, time_point now, reminder_output& out);
  /// errc::ok, not_found and condition_failed: the store has something else now, and tells it.
  void on_written(std::uint64_t number, errc code, time_point now);

  // --- for the grains
  /// A remembered grain has ended, and not because it was idle or wished to rest: it is woken again in a moment.
  void on_ended(std::string_view key, time_point now);
  [[nodiscard]] std::size_t size() const noexcept { return records_.size(); }
  [[nodiscard]] bool has(std::string_view key) const { return records_.contains(key); }
  /// Of a firing or a write under way; empty: it is not, any more.
  [[nodiscard]] std::string key_of(std::uint64_t number) const;
  /// The keys that begin so, but for the prefix itself.
  [[nodiscard]] std::vector<std::string> keys_of(std::string_view prefix) const;

 private:
  enum class state : std::uint8_t { armed, firing, waiting, settling, woken };
  struct record {
    entry is;
    state at = state::armed;
    std::uint64_t number = 0;    // of the firing under way
    std::uint64_t missed = 0;    // in it
    std::uint32_t failures = 0;  // in a row
    std::uint64_t order = 0;     // among those of the same time
    time_point until{};          // firing, waiting, settling
  };
  using records = std::map<std::string, record, std::less<>>;
  using place = records::iterator;

  void arm(place p);
  void put(place p, state at, time_point until);
  void take_out(place p);
  void forget(place p);
  void clear();
  void fail(place p, time_point now);
  void fire(place p, time_point now, std::uint64_t wall, reminder_output& out);
  void settle(place p, time_point now, reminder_output& out);

  reminder_ledger& ledger_;
  std::uint64_t tenure_ = 0;
  bool whole_ = false;
  std::uint64_t next_number_ = 1;
  std::uint64_t next_order_ = 1;
  records records_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, place> due_;  // armed, by time and order
  std::map<std::pair<time_point, std::uint64_t>, place> until_;   // firing, waiting and settling
  std::map<std::uint64_t, place> numbers_;                        // firing and settling
};

}  // namespace troupe
