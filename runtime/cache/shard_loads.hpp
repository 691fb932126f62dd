// What a shard's primary knows of values that a loader brings: loads that are under way and who waits for them, "there
// is none" for a while, and values whose life is over and that are given while they are loaded anew.
//
//   a get that finds no value     then
//   "there is none" is known      not_found
//   a load of the key runs        it waits for that one, or gets the old value at once
//   otherwise                     a load begins; it waits, or gets the old value at once
//
// A write, an erase or a drop of the key overtakes its load: who waits already gets what was loaded, but it is not
// stored, and later readers begin another load. An error is not remembered; only while an old value is given is the
// next load put off for a moment. Nothing of this is copied: another primary loads again.
//
// Pure: whoever owns the shard calls it from one thread at a time, carries out the loads, and gives the replies.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/cache/cache_rules.hpp"
#include "runtime/cache/command.hpp"
#include "runtime/cache/memory_ledger.hpp"
#include "runtime/cache/waiting_line.hpp"

namespace troupe {

/// Loads of one cache at one node. Safe from any thread.
class load_budget {
 public:
  load_budget(std::uint32_t running_max, std::uint32_t waiting_max)
      : running_max_(running_max), waiting_max_(waiting_max) {}

  [[nodiscard]] bool take_run() noexcept { return take(running_, running_max_); }
  void give_run() noexcept { running_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] bool take_wait() noexcept { return take(waiting_, waiting_max_); }
  void give_wait() noexcept { waiting_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t running() const noexcept { return running_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }

 private:
  static bool take(std::atomic<std::uint32_t>& of, std::uint32_t most) noexcept {
    if (of.fetch_add(1, std::memory_order_relaxed) < most) return true;
    of.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }

  const std::uint32_t running_max_;
  const std::uint32_t waiting_max_;
  std::atomic<std::uint32_t> running_{0};
  std::atomic<std::uint32_t> waiting_{0};
};

class shard_loads {
 public:
  /// After a load that failed while an old value is given.
  static constexpr duration failed_pause = std::chrono::seconds(1);
  /// What one thing that is kept takes beside its key and value, about.
  static constexpr std::uint64_t kept_overhead = 256;

  /// `memory` counts what is kept, beyond its limit if need be; `kept` bounds it. Both outlive this object.
  shard_loads(memory_ledger& memory, memory_ledger& kept) noexcept : memory_(memory), bound_(kept) {}
  ~shard_loads();
  shard_loads(const shard_loads&) = delete;
  shard_loads& operator=(const shard_loads&) = delete;

  struct request {
    cache_id cache = 0;
    std::string_view key;
    time_point deadline;   // of who asks
    bool may_wait = true;  // otherwise `loading` is the answer where it would wait
    duration patience{};   // of the load
    std::shared_ptr<load_budget> budget;
  };
  enum class outcome : std::uint8_t {
    none,     // not_found
    stale,    // `value` and what comes with it
    waits,    // `done` was taken: it is answered by its deadline
    loading,  // who may wait is to ask
    full,     // too many loads, or too many who wait
  };
  struct asked {
    outcome what = outcome::full;
    std::uint64_t begin = 0;  // the number of a load that is to be carried out now; 0: none
    std::string_view value;   // borrowed, until the next call
    std::uint64_t version = 0;
    duration left{};  // how long it may still be given
  };
  [[nodiscard]] asked ask(const request& r, time_point now, reply_callback& done);

  /// A load that is under way; null: it was given up, its outcome means nothing.
  struct flight {
    cache_id cache = 0;
    std::string key;
    bool current = true;  // nothing overtook it
  };
  [[nodiscard]] const flight* find(std::uint64_t load) const noexcept;
  /// Its own value is stored now: that write does not overtake it.
  void begin_store(std::uint64_t load) noexcept { storing_ = load; }
  void end_store() noexcept { storing_ = 0; }
  struct caller {
    time_point deadline;
    reply_callback done;
  };
  /// Ends it; who waited is the caller's to answer.
  [[nodiscard]] std::vector<caller> take(std::uint64_t load);
  /// A reply for one of them.
  void call(owned_reply reply, reply_callback done) { called_.push_back({std::move(reply), std::move(done)}); }
  /// Ends it: there is no value. It is remembered for `ttl` unless something overtook it.
  void finish_none(std::uint64_t load, duration ttl, time_point now);
  /// Ends it: an old value stays, who waits is told.
  void finish_failed(std::uint64_t load, errc code, const std::string& context, time_point now);

  /// The life of a value is over: it may be given until `until`.
  void keep_stale(cache_id cache, std::string key, std::string value, std::uint64_t version, time_point until,
                  time_point now);

  void on_write(cache_id cache, std::string_view key);
  /// Everything of the cache.
  void on_drop(cache_id cache);

  /// Answers whose deadline passed, and gives up loads that take too long.
  void on_tick(time_point now);
  /// Forgets some of what is kept and is of no use any more.
  void sweep(time_point now);
  /// Another node has the shard: who waits is to ask there; nothing is kept.
  void give_up(errc code);

  [[nodiscard]] bool loading() const noexcept { return !flights_.empty(); }
  [[nodiscard]] bool keeping() const noexcept { return !kept_.empty(); }
  [[nodiscard]] std::size_t kept() const noexcept { return kept_.size(); }
  [[nodiscard]] std::vector<called_client> take_called() { return std::exchange(called_, {}); }
  [[nodiscard]] bool has_called() const noexcept { return !called_.empty(); }

 private:
  static constexpr std::size_t swept_max = 64;

  using name = std::pair<cache_id, std::string>;
  struct flight_row : flight {
    std::shared_ptr<load_budget> budget;
    time_point give_up_at;
    std::vector<caller> callers;
  };
  struct kept_row {
    bool negative = false;
    std::string value;
    std::uint64_t version = 0;
    time_point until;
    time_point again = time_point::min();  // the next load of a stale one, at the soonest
    std::list<name>::iterator age;
  };
  using flights = std::map<std::uint64_t, flight_row>;
  using kept_rows = std::map<name, kept_row>;

  void begin(const request& r, time_point now, asked& a);
  void tell(caller& c, load_budget& budget, owned_reply reply);
  void end(flights::iterator at, const owned_reply& reply);
  void overtake(flight_row& f);
  [[nodiscard]] bool make_room(std::uint64_t bytes);
  void keep(name who, kept_row row);
  kept_rows::iterator forget(kept_rows::iterator at);
  [[nodiscard]] static std::uint64_t size_of(const name& who, const kept_row& row) noexcept {
    return kept_overhead + 2 * who.second.size() + row.value.size();
  }

  memory_ledger& memory_;
  memory_ledger& bound_;
  flights flights_;                        // by number
  std::map<name, std::uint64_t> by_name_;  // those that nothing overtook
  kept_rows kept_;
  std::list<name> ages_;  // of kept_, the oldest first
  std::vector<called_client> called_;
  std::uint64_t next_ = 1;
  std::uint64_t storing_ = 0;
};

}  // namespace troupe
