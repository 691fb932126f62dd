// The log of durable caches of a simulated node: the records of runtime/durability in segments that outlive the
// process, without what had not reached the system, and, when the power went, without some of what had not reached the
// disk: a tail that may be cut anywhere, with garbage behind it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/durability/holdings.hpp"
#include "runtime/durability/log_record.hpp"
#include "runtime/durability/shard_journal.hpp"
#include "tests/sim/simulated_stores.hpp"

namespace troupe::sim {

/// What is on one node's disk.
struct simulated_log {
  struct segment {
    std::uint64_t number = 1;
    std::string bytes;
    std::size_t synced = 0;
  };
  bool always = false;  // a batch is on the disk before it is told; otherwise once a second
  bool never = false;   // nothing is told to be on the disk but what was closed
  std::function<std::uint64_t()> wall_ms;
  std::vector<segment> segments;
  std::uint64_t tails_cut = 0;
  std::uint64_t rewrites = 0;

  /// The host lost its power.
  void lose_power(random& rng);
  [[nodiscard]] std::size_t bytes() const;
};

class simulated_journal final : public shard_journal {
 public:
  static constexpr std::size_t rewrite_bytes = 48 * 1024;
  static constexpr std::size_t page_bytes = 512;

  simulated_journal(simulated_log& log, simulated_stores& stores, random rng) : log_(log), stores_(stores), rng_(rng) {}

  /// Fills the stores from the disk. What is wrong with it; empty: nothing.
  [[nodiscard]] std::string load(std::vector<std::uint64_t> holders, time_point now);

  [[nodiscard]] bool keeps(cache_id cache) const noexcept override { return cache == 0; }
  [[nodiscard]] errc may_write() const noexcept override { return errc::ok; }
  void begin(const journal_position& at, bool whole) override { add(life(record_kind::begin, at, whole)); }
  bool write(const journal_position& at, std::span<const stream_entry> entries) override;
  void page(const journal_position& at, std::span<const stream_entry> entries) override;
  void state(const journal_position& at, bool whole) override { add(life(record_kind::state, at, whole)); }
  void drop(const journal_position& at) override { add(life(record_kind::drop, at, false)); }
  [[nodiscard]] bool settled(std::uint32_t) const noexcept override { return gathered_.empty(); }
  void when_settled(std::function<void()> then) override;

  /// Writes what is due, tells the shards, and then those who wait.
  void on_tick(time_point now);
  [[nodiscard]] time_point next_tick() const;

 private:
  struct told {
    std::uint32_t shard = 0;
    std::uint64_t turn = 0, sequence = 0;
  };
  [[nodiscard]] log_record record(record_kind kind, const journal_position& at) const;
  [[nodiscard]] log_record life(record_kind kind, const journal_position& at, bool whole) const;
  void add(const log_record& r);
  void open_segment();
  void sync();
  void write_out(time_point now);
  void rewrite_some(time_point now);

  simulated_log& log_;
  simulated_stores& stores_;
  random rng_;
  time_point now_{};
  std::string gathered_;
  std::vector<told> writes_;
  std::deque<std::function<void()>> waiters_;
  time_point due_ = time_point::max();
  time_point sync_at_ = time_point::max();
  std::size_t marked_ = 0;
  std::uint64_t rewriting_from_ = 0;  // segment; 0: nothing is rewritten
  std::uint32_t rewriting_shard_ = 0;
  std::uint64_t rewriting_cursor_ = 0;
};

}  // namespace troupe::sim
