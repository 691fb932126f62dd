// The reminders of a node's grains, and its remembered grains: the machines of runtime/reminders, one a shard behind a
// lock, and what they ask for.
//
//   the shard's store --> notes --> machine --> a message to the grain --> its answer --> machine --> a write by
//   version tables, releases  --> alarm --> machine: all are dropped, or a scan of the store begins
//
// The store is the truth, and what is told of it comes in its order: changes and pages of the scan are noted under the
// shard's lock. Machines are fed by the alarm's thread, and by whoever is to see what it has just written. Nothing of
// the application and no store runs under a machine's lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>

#include <troupe/cache.hpp>
#include <troupe/reminder.hpp>

#include "actors/alarm.hpp"
#include "actors/cache/shard_host.hpp"
#include "actors/grains/grain_seat.hpp"
#include "actors/io_pool.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/change_listener.hpp"
#include "runtime/reminders/reminder_entry.hpp"
#include "runtime/reminders/reminder_shard.hpp"

namespace troupe {

class reminder_runner final : public change_listener, public std::enable_shared_from_this<reminder_runner> {
 public:
  static constexpr std::size_t page_entries = 512;  // of a scan, under the shard's lock
  static constexpr int pages_max = 8;               // of a shard at a time
  /// The wall clock is looked at so often when something is armed: a step of it is noticed by then.
  static constexpr duration look_interval = std::chrono::seconds(5);
  static constexpr duration unready_tick = std::chrono::milliseconds(100);  // without a lease, or while it recovers
  static constexpr duration line_interval = std::chrono::seconds(1);

  /// A message for a grain at this node; views are borrowed for the call.
  struct delivery {
    reminder_key to;
    std::uint32_t shard = 0;
    caf::mailbox_element_ptr what{};
  };
  struct surroundings {
    caf::actor_system& system;
    io_pool& io;
    shard_host& shards;
    event_log& log;
    std::function<void(delivery)> deliver;
    std::function<std::shared_ptr<const grain_type>(std::string_view type)> kind;
    reminder_limits limits{};
  };
  explicit reminder_runner(surroundings s);

  /// errc::unavailable when the system gives no timer.
  [[nodiscard]] expected<void> start();
  /// Nothing fires any more. Idempotent.
  void close();
  /// What the node serves may have changed.
  void follow();
  /// Reminders of some type are kept in this cache.
  void watch(cache_id cache);
  void register_metrics(metrics& m);
  /// The answer of a grain to a firing; from any thread.
  void on_answer(const caf::mailbox_element& answer);

  // --- of the grains; `done` runs once, on any thread
  using callback = std::function<void(const expected<void>&)>;
  void remind(const grain_seat& seat, const reminder& r, callback done);
  void forget(const grain_seat& seat, const std::string& name, callback done);
  void remember(const grain_seat& seat, callback done);
  void forget_grain(const grain_seat& seat, callback done);
  /// An activation has ended, and not because it was idle or wished to rest: who is remembered is woken again.
  void on_ended(const grain_seat& seat);
  /// errc::unavailable until the scan of the shard is over.
  [[nodiscard]] expected<std::vector<reminder>> list(const grain_seat& seat);
  /// The store has it still; otherwise its handler is not to run.
  [[nodiscard]] bool is_due(const grain_seat& seat, const reminder_fired& r);

  // change_listener; under the shard's lock
  [[nodiscard]] bool wants(cache_id cache) const noexcept override {
    return cache < caches_max && wanted_[cache].load(std::memory_order_relaxed);
  }
  void on_change(std::uint32_t shard, const key_change& c, std::uint64_t sequence) override;
  void on_committed(std::uint32_t, std::uint64_t) override {}
  void on_begin(std::uint32_t, std::uint64_t, std::uint64_t) override {}
  void on_end(std::uint32_t, std::uint64_t) override {}

 private:
  struct note {
    enum class what : std::uint8_t { there, gone, lost, all_gone, whole };  // lost: evicted or expired
    what is = what::there;
    cache_id cache = 0;
    std::string key;
    reminder_shard::entry entry;
  };
  struct alignas(64) place {
    explicit place(reminder_ledger& ledger) : machine(ledger) {}
    std::atomic<std::int64_t> next{time_point::max().time_since_epoch().count()};  // it is to be looked at
    std::atomic<bool> scan{false};                                                 // anew
    std::mutex notes_mutex;  // taken under the shard's lock, and under `lock`
    std::vector<note> notes;
    shard_lock lock;
    reminder_shard machine;    // guarded by lock
    bool scanning = false;     // of the alarm's thread, as the cursor
    std::uint64_t cursor = 0;  //
  };
  enum class count : std::uint8_t { set, forgotten, fired, handled, failed, missed, woken, lost, unreadable, counts };
  struct found_entry {
    std::uint64_t version = 0;
    std::string bytes;
  };

  using look_callback = std::function<void(expected<std::optional<found_entry>>)>;

  void run();
  void step(std::uint32_t shard, time_point now);
  void scan_some(std::uint32_t shard, time_point now);
  void feed(place& p);  // with its lock
  void feed(place& p, const note& n);
  static void want(place& p, time_point at);
  void ring(std::uint32_t shard, time_point at);
  void add_note(std::uint32_t shard, note n);
  [[nodiscard]] static bool read_into(note& n, std::string_view value);
  void carry_out(std::uint32_t shard, reminder_output& out);
  void fire(std::uint32_t shard, const reminder_output::firing& f);
  void answered(std::uint32_t shard, std::uint64_t number, bool handled);
  void write(std::uint32_t shard, const reminder_output::write& w);
  void on_written(std::uint32_t shard, std::uint64_t number, errc code);
  /// What this node's store has now; errc::unavailable when it does not serve the shard, or not yet.
  [[nodiscard]] expected<std::optional<found_entry>> look(std::uint32_t shard, cache_id cache, std::string_view key);
  /// The same, and waits until it does; `then` may run later, on any thread.
  void look_surely(std::uint32_t shard, const std::shared_ptr<const grain_type>& kind, const std::string& key,
                   look_callback then);
  void put(std::uint32_t shard, std::shared_ptr<const grain_type> kind, std::string key, std::string bytes,
           int attempts, callback done);
  void erase(std::uint32_t shard, std::shared_ptr<const grain_type> kind, std::string key, int attempts, callback done);
  void note_failed(std::uint32_t shard, std::uint64_t number, const error& why);
  void note_lost(const std::string& key);
  [[nodiscard]] bool may_log();
  void add(count what, std::uint64_t n = 1) { (*numbers_)[static_cast<std::size_t>(what)] += n; }

  const surroundings with_;
  reminder_ledger ledger_;
  std::array<std::atomic<bool>, caches_max> wanted_{};
  std::vector<std::unique_ptr<place>> places_;  // by shard
  std::size_t first_ = 0;  // the shard whose turn it is, should there be no room for all; of the alarm's thread
  alarm clock_;
  std::atomic<bool> rung_{false};
  std::atomic<bool> closed_{false};
  std::atomic<std::int64_t> line_at_{0};
  std::mutex desk_mutex_;
  caf::actor desk_;  // answers come to it; null before start and after close
  using numbers = std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(count::counts)>;
  const std::shared_ptr<numbers> numbers_ = std::make_shared<numbers>();
};

}  // namespace troupe
