// The log of a node's durable caches: what shards tell their journal goes into a file by one thread, in batches, and
// what was written (or, for fsync = always, is on the disk) is told back to the shards, which answer their clients
// then.
//
//   a shard, under its lock -> write() -> gathered -> the thread: append, fdatasync if a cache asks -> on_logged
//
//   state      writes of durable caches   leaves it by
//   working    taken                      a write that fails
//   full       storage_failed             the same bytes were written after all: tried again every retry
//   anew       storage_failed             a failed fdatasync, or too much waits: everything is written again, in a
//                                         new segment, page by page; what came before it is deleted then
//
// What was given to the system survives a kill -9, so in every mode a write is acknowledged after write(2) at the
// earliest. Lock order: shard, then log. The thread takes shards' locks without its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "actors/cache/shard_host.hpp"
#include "actors/durability/durable_modes.hpp"
#include "actors/durability/log_loader.hpp"
#include "actors/durability/log_segment.hpp"
#include "actors/job_thread.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/catalogue.hpp"
#include "runtime/durability/log_record.hpp"
#include "runtime/durability/shard_journal.hpp"

namespace troupe {

class shard_log final : public shard_journal {
 public:
  static constexpr std::uint64_t segment_bytes = 64 * mib;    // then the next one begins
  static constexpr std::uint64_t waiting_max = 64 * mib;      // gathered: then writes are refused (unavailable)
  static constexpr std::uint64_t kept_max = 4 * waiting_max;  // while the disk is full: then all is written anew
  static constexpr std::size_t segments_max = 16;             // small ones, of many starts; then it is written anew
  static constexpr duration sync_interval = std::chrono::seconds(1);
  static constexpr duration retry = std::chrono::milliseconds(200);

  struct surroundings {
    shard_host& host;
    const cache_catalogue& caches;
    event_log& log;
    std::string directory;
    std::vector<fsync_mode> modes;
    std::function<void(const std::string& fault)> on_health;  // empty: it works. On the log's thread
  };

  /// Everything in `s` outlives the log.
  shard_log(surroundings s, const loaded_log& loaded);
  ~shard_log() override;

  /// Opens the next segment, then works. errc::storage_failed.
  [[nodiscard]] expected<void> start();
  /// Writes what waits, syncs, ends. Idempotent. Whoever waits longer is told nothing.
  void stop();

  [[nodiscard]] bool keeps(cache_id cache) const noexcept override {
    return cache < modes_.size() && modes_[cache] != fsync_mode::not_durable;
  }
  [[nodiscard]] errc may_write() const noexcept override;
  void begin(const journal_position& at, bool whole) override;
  bool write(const journal_position& at, std::span<const stream_entry> entries) override;
  void page(const journal_position& at, std::span<const stream_entry> entries) override;
  void state(const journal_position& at, bool whole) override;
  void drop(const journal_position& at) override;
  [[nodiscard]] bool settled(std::uint32_t shard) const noexcept override;
  void when_settled(std::function<void()> then) override;

  struct counters {
    std::atomic<std::uint64_t> bytes{0};    // written
    std::atomic<std::uint64_t> records{0};  // of them
    std::atomic<std::uint64_t> batches{0};  // that carried them
    std::atomic<std::uint64_t> syncs{0};
    std::atomic<std::uint64_t> rewrites{0};    // done
    std::atomic<std::uint64_t> errors{0};      // of the disk
    std::atomic<std::uint64_t> refused{0};     // writes
    std::atomic<std::uint64_t> log_bytes{0};   // of all segments now
    std::atomic<std::uint64_t> base_bytes{0};  // of what the latest rewrite began with
    std::atomic<bool> rewriting{false};
    std::atomic<std::int64_t> rewritten_at{0};  // seconds since 1970
  };
  [[nodiscard]] const counters& numbers() const noexcept { return numbers_; }
  void register_metrics(metrics& m) const;
  [[nodiscard]] cache_access::log_usage usage() const;
  /// Has the log written anew soon; false when that is under way.
  bool ask_rewrite();
  [[nodiscard]] fsync_mode mode() const noexcept { return strictest(modes_); }
  /// Why it takes no writes; empty: it does.
  [[nodiscard]] std::string fault() const;

 private:
  struct told {
    std::uint32_t shard = 0;
    std::uint64_t turn = 0;
    std::uint64_t sequence = 0;
  };
  struct batch {
    std::string bytes;
    std::vector<told> writes;
    std::uint64_t records = 0;
    std::uint64_t end = 0;  // position of its last byte
    bool sync = false;
  };
  struct rewriting {
    std::uint64_t first = 0;  // segment
    std::uint32_t shard = 0;
    std::uint64_t cursor = 0;
    std::uint64_t bytes = 0;
    std::uint64_t end = 0;  // position of the last page; 0: pages are left
    bool anew = false;      // nothing is taken until it is done
  };

  void append(std::uint32_t shard, const log_record& r, bool sync, const told* write);
  [[nodiscard]] bool gather(std::span<const stream_entry> entries, log_record& into, bool& sync) const;

  // the thread (log_work.cpp)
  void run();
  void turn(bool stopping);
  [[nodiscard]] bool write_out();
  void tell(const batch& done);
  void tell_waiters();
  void sync_in_background();
  [[nodiscard]] bool next_segment();
  void begin_rewrite(bool anew);
  void go_on_rewriting(std::uint64_t written);
  void finish_rewrite();
  void fail_with(const error& why);
  void recover();
  void on_synced(std::uint64_t segment, std::uint64_t bytes, bool done);

  const surroundings s_;
  const std::vector<fsync_mode> modes_;
  counters numbers_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  batch gathered_;                                                       // guarded by mutex_, as the next
  std::deque<std::pair<std::uint64_t, std::function<void()>>> waiters_;  // by position
  bool asleep_ = false;
  bool stopping_ = false;
  bool rewrite_asked_ = false;
  std::string fault_;
  struct synced_note {
    std::uint64_t segment = 0, bytes = 0;
    bool failed = false;
  } synced_note_;
  std::atomic<std::uint64_t> appended_{0};
  std::atomic<std::uint64_t> kept_{0};     // up to this position everything is as safe as it has to be
  std::atomic<std::uint64_t> waiting_{0};  // bytes that are gathered, or could not be written yet
  std::atomic<errc> refusal_{errc::ok};
  std::vector<std::atomic<std::uint64_t>> last_;  // by shard: position of what it told last

  // of the thread
  log_segment segment_;
  std::uint64_t next_number_ = 1;
  batch unwritten_;
  std::uint64_t marked_ = 0;  // of the segment: told in it as synced
  std::unique_ptr<rewriting> rewriting_;
  std::uint64_t paged_ = 0;  // bytes of pages that it told itself
  bool syncing_ = false;
  time_point synced_at_{};
  struct sync_job {
    int fd = -1;
    std::uint64_t segment = 0, bytes = 0;
  };
  std::unique_ptr<job_thread<sync_job>> syncer_;
  std::thread thread_;
};

}  // namespace troupe
