// Reminders of a simulated node: the real reminder_shards, fed from the node's real stores as actors/grains does it,
// and grains that handle what fires, late, badly, or never. reminder_truth is what the whole run knows: what was
// acknowledged to be set fires, only at a node that holds the shard's lease, and not after it was acknowledged to be
// forgotten.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/cache/change_listener.hpp"
#include "runtime/reminders/reminder_shard.hpp"
#include "tests/sim/process.hpp"
#include "tests/sim/simulated_stores.hpp"

namespace troupe::sim {

class reminder_truth {
 public:
  struct known {
    std::uint32_t shard = 0;
    std::uint64_t created = 0;  // of the shard's data
    std::uint64_t due = 0;      // ms, as all times here
    std::uint64_t period = 0;
    bool set = false;  // acknowledged
    bool forgetting = false, forgotten = false;
    std::uint64_t handled = 0;
    std::uint64_t covered = 0;  // of a periodic one: ticks up to this were told of
  };
  struct numbers {
    std::uint64_t set = 0, forgotten = 0, fired = 0, handled = 0, repeated = 0, failed = 0, missed = 0, stale = 0;
  };

  /// `set_up`: the reminder as whoever sets it means it.
  std::uint64_t begin(const known& set_up);
  [[nodiscard]] known& at(std::uint64_t reminder) { return all_.at(reminder); }
  [[nodiscard]] const std::map<std::uint64_t, known>& all() const noexcept { return all_; }
  void on_handled(std::uint64_t reminder, bool served, std::uint64_t due, std::uint64_t missed);
  void fail(std::string what) {
    if (fault_.empty()) fault_ = std::move(what);
  }
  /// The first thing that must not be; empty: there was none.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

  /// The wall clock of a node: near the true time, and sometimes set.
  std::function<std::uint64_t(node_index)> wall;
  /// A write of a node, brought to whoever serves the shard, as the router does it in no time; on_written follows.
  std::function<void(node_index from, std::uint32_t shard, const cache_command& c, std::uint64_t number)> write;
  bool grains_fail = true;  // a few of them, and answers are lost
  numbers count;

 private:
  std::map<std::uint64_t, known> all_;
  std::string fault_;
};

[[nodiscard]] std::string reminder_key_of(std::uint64_t reminder);

class simulated_reminders final : public change_listener {
 public:
  static reminder_limits limits();

  simulated_reminders(node_index self, simulated_stores& stores, std::uint32_t shards, reminder_truth& truth,
                      random rng);

  void set_lease(std::function<time_point()> ends) { lease_ends_ = std::move(ends); }
  /// After every call of the process.
  void follow();
  void on_tick(time_point now);
  [[nodiscard]] time_point next_tick() const;
  void on_written(std::uint32_t shard, std::uint64_t number, errc code, time_point now);

  // change_listener
  [[nodiscard]] bool wants(cache_id) const noexcept override { return true; }
  void on_change(std::uint32_t shard, const key_change& c, std::uint64_t sequence) override;
  void on_committed(std::uint32_t, std::uint64_t) override {}
  void on_begin(std::uint32_t, std::uint64_t, std::uint64_t) override {}
  void on_end(std::uint32_t, std::uint64_t) override {}

 private:
  static constexpr std::size_t page_entries = 4;
  static constexpr duration scan_tick = std::chrono::milliseconds(3);

  struct note {
    std::string key;
    reminder_shard::entry entry;
    bool gone = false;
    bool whole = false;
  };
  struct place {
    explicit place(reminder_ledger& ledger) : machine(ledger) {}
    reminder_shard machine;
    std::vector<note> notes;
    std::uint64_t tenure = 0;
    std::uint64_t created = 0;
    bool scanning = false;
    std::uint64_t cursor = 0;
  };
  /// At its grain.
  struct letter {
    reminder_output::firing what;
    std::uint32_t shard = 0;
    std::uint64_t tenure = 0;
    time_point at{};
    bool answers = false;  // it was handled before, or failed: `ok`
    bool ok = false;
  };

  [[nodiscard]] bool served(std::uint32_t shard, time_point now) const;
  void scan_some(std::uint32_t shard, time_point now);
  void feed(place& p);
  void carry_out(std::uint32_t shard, reminder_output& out, time_point now);
  void write(std::uint32_t shard, const reminder_output::write& w, time_point now);
  void handle(letter l, time_point now);
  [[nodiscard]] duration some_time(duration most) { return rng_.between(duration(0), most); }

  const node_index self_;
  simulated_stores& stores_;
  reminder_truth& truth_;
  random rng_;
  std::function<time_point()> lease_ends_;
  reminder_ledger ledger_{limits()};
  std::vector<std::unique_ptr<place>> places_;
  std::size_t first_ = 0;
  std::uint64_t last_tenure_ = 0;
  std::vector<letter> letters_;
  time_point next_{};
};

}  // namespace troupe::sim
